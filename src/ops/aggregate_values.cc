// Aggregates that keep values of any key type as they are: collect, top_k, argmin, argmax and count_distinct.
// A value is kept as its canonical bytes, whose order is that of the values (columnar/key_encoding.h).

#include <algorithm>
#include <limits>
#include <set>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "ops/column_values.h"
#include "ops/object_aggregator.h"
#include "ops/row_aggregator.h"
#include "ops/row_place.h"

namespace millrace {
namespace {

/// The canonical bytes of an array whose type can be a key.
KeyBuffer CanonicalValues(const arrow::Array& array) {
  KeyBuffer keys;
  const std::shared_ptr<arrow::Array> column = arrow::MakeArray(array.data());
  const Status status = EncodeKeys(std::span(&column, 1), &keys);
  MR_CHECK(status.ok()) << status.ToString();  // the type was checked, and a batch is far below 2 GiB
  return keys;
}

// More bytes in one list are no result: nothing that Kafka takes would hold it.
constexpr std::int64_t kMostListBytes = 1LL << 30;

/// Collects canonical bytes into a column of the values.
class ValueColumn {
 public:
  explicit ValueColumn(std::shared_ptr<arrow::DataType> type)
      : field_(arrow::field("value", std::move(type))) {}
  Status Append(std::string_view canonical) {
    if (bytes() + static_cast<std::int64_t>(canonical.size()) > std::numeric_limits<std::int32_t>::max())
      return Status::ResourceExhausted("the results of one batch exceed 2 GiB; lower batch.rows");
    keys_.Append(canonical);
    return Status::Ok();
  }
  std::int64_t size() const { return keys_.num_rows(); }
  std::int64_t bytes() const { return keys_.bytes(); }
  Result<std::shared_ptr<arrow::Array>> Finish() {
    MR_ASSIGN_OR_RETURN(auto arrays, DecodeKeys(keys_.data(), keys_.offsets(), std::span(&field_, 1)));
    keys_.Clear();
    return arrays[0];
  }

 private:
  const std::shared_ptr<arrow::Field> field_;
  KeyBuffer keys_;
};

/// A column of lists, for results of several values.
class ListColumn {
 public:
  explicit ListColumn(std::shared_ptr<arrow::DataType> item) : values_(std::move(item)) {}
  ValueColumn& values() { return values_; }
  std::int64_t bytes() const { return values_.bytes(); }
  void EndList() { ends_.push_back(static_cast<std::int32_t>(values_.size())); }
  Result<std::shared_ptr<arrow::Array>> Finish() {
    arrow::Int32Builder offsets;
    MR_RETURN_IF_ARROW_ERROR(offsets.Append(0));
    MR_RETURN_IF_ARROW_ERROR(offsets.AppendValues(ends_));
    ends_.clear();
    std::shared_ptr<arrow::Array> offset_array;
    MR_RETURN_IF_ARROW_ERROR(offsets.Finish(&offset_array));
    MR_ASSIGN_OR_RETURN(const auto values, values_.Finish());
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> lists,
                    arrow::ListArray::FromArrays(*offset_array, *values));
    return lists;
  }

 private:
  ValueColumn values_;
  std::vector<std::int32_t> ends_;
};

// In place of the number of values: there were too many bytes of them, and none is kept.
constexpr std::uint32_t kOutgrown = 0xffffffffU;

std::string TooManyBytes(std::int64_t most, std::string_view advice) {
  return "has more than " + std::to_string(most) +
         " bytes of values, which is what a step can keep for it; " + std::string(advice);
}

/// What stands before the values of a bounded list: how many it may hold and how many it does.
void AppendLimitAndSize(std::size_t limit, std::size_t size, std::string* out) {
  AppendFixed(static_cast<std::uint64_t>(limit), out);
  AppendFixed(static_cast<std::uint32_t>(size), out);
}

Status TakeLimitAndSize(std::string_view* in, std::size_t* limit, std::uint32_t* size) {
  std::uint64_t read_limit = 0;
  MR_RETURN_IF_ERROR(TakeFixed(in, &read_limit));
  *limit = read_limit;
  return TakeFixed(in, size);
}

// --- collect ---

struct CollectedValues {
  struct Item {
    RowPlace place;
    std::string value;
  };
  std::vector<Item> items;  // by place
  std::size_t limit = 0;    // set with the first item
  std::int64_t value_bytes = 0;
  bool outgrown = false;  // then there are no items, and none are added

  void Add(const RowPlace& place, std::string_view value) {
    if (outgrown) return;
    auto at = items.end();
    while (at != items.begin() && place < (at - 1)->place) --at;
    if (items.size() >= limit) {
      if (at == items.end()) return;
      value_bytes -= static_cast<std::int64_t>(items.back().value.size());
      items.pop_back();
    }
    value_bytes += static_cast<std::int64_t>(value.size());
    items.insert(at, {place, std::string(value)});
  }
  std::int64_t aside_bytes() const {
    return static_cast<std::int64_t>(items.capacity() * sizeof(Item)) + value_bytes;
  }
  void KeepWithin(std::int64_t most) {
    constexpr std::int64_t kItemBytes = sizeof(RowPlace) + sizeof(std::uint32_t);
    if (static_cast<std::int64_t>(items.size()) * kItemBytes + value_bytes > most) Outgrow();
  }
  void Outgrow() {
    outgrown = true;
    items = {};
    value_bytes = 0;
  }
  void Merge(const CollectedValues& other) {
    if (other.outgrown) Outgrow();
    limit = std::max(limit, other.limit);
    for (const Item& item : other.items) Add(item.place, item.value);
  }
  void Encode(std::string* out) const {
    AppendLimitAndSize(limit, outgrown ? kOutgrown : items.size(), out);
    for (const Item& item : items) {
      AppendFixed(item.place, out);
      AppendBytes(item.value, out);
    }
  }
  Status Decode(std::string_view* in) {
    std::uint32_t size = 0;
    MR_RETURN_IF_ERROR(TakeLimitAndSize(in, &limit, &size));
    outgrown = size == kOutgrown;
    if (outgrown) return Status::Ok();
    for (std::uint32_t i = 0; i < size; ++i) {
      Item item{};
      MR_RETURN_IF_ERROR(TakeFixed(in, &item.place));
      MR_RETURN_IF_ERROR(TakeBytes(in, &item.value));
      value_bytes += static_cast<std::int64_t>(item.value.size());
      items.push_back(std::move(item));
    }
    return Status::Ok();
  }
};

/// collect: the values in the order of T5. With a limit the first ones, else more than kMostKept are an
/// error.
class Collect final : public RowAggregator<Collect, ObjectAggregator<CollectedValues>> {
 public:
  static constexpr std::size_t kMostKept = 10'000;
  Collect(const std::shared_ptr<arrow::DataType>& type, std::size_t limit)
      : RowAggregator<Collect, ObjectAggregator<CollectedValues>>(arrow::list(type)),
        limit_(limit),
        results_(type) {}

  bool orders_rows() const override { return true; }
  bool holds_values() const override { return true; }
  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const KeyBuffer values = CanonicalValues(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      Change(input.state(i), [&](CollectedValues& kept) {
        kept.limit = limit_ > 0 ? limit_ : kMostKept + 1;
        kept.Add(RowPlace::Of(input, i), values[i]);
        kept.KeepWithin(most_bytes());
      });
    });
    return true;
  }
  bool bounded() const override { return true; }
  std::string Unrepresentable(const std::byte* state) const override {
    const CollectedValues& kept = Of(state);
    if (kept.outgrown)
      return TooManyBytes(most_bytes(),
                          limit_ == 0 ? "give a limit, as in collect(x, 100)" : "give a lower limit");
    if (limit_ == 0 && kept.items.size() > kMostKept)
      return "has more than " + std::to_string(kMostKept) + " values; give a limit, as in collect(x, 100)";
    return kept.value_bytes > kMostListBytes ? "has more than 1 GiB of values; give a lower limit" : "";
  }
  Status Append(const std::byte* state) override {
    const CollectedValues& kept = Of(state);
    if (kept.value_bytes <= kMostListBytes) {
      for (const auto& item : kept.items) MR_RETURN_IF_ERROR(results_.values().Append(item.value));
    }
    results_.EndList();
    return Status::Ok();
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }
  std::int64_t appended_bytes() const override { return results_.bytes(); }
  std::int64_t ResultBytes(const std::byte* state) const override { return Of(state).value_bytes; }

 private:
  const std::size_t limit_;  // 0: none given
  ListColumn results_;
};

// --- top_k ---

struct GreatestValues {
  std::vector<std::string> values;  // descending
  std::size_t limit = 0;
  std::int64_t value_bytes = 0;
  bool outgrown = false;  // then there are no values, and none are added

  void Add(std::string_view value) {
    if (outgrown) return;
    if (values.size() >= limit && value <= values.back()) return;
    auto at = values.end();
    while (at != values.begin() && *(at - 1) < value) --at;
    value_bytes += static_cast<std::int64_t>(value.size());
    values.insert(at, std::string(value));
    if (values.size() <= limit) return;
    value_bytes -= static_cast<std::int64_t>(values.back().size());
    values.pop_back();
  }
  std::int64_t aside_bytes() const {
    return static_cast<std::int64_t>(values.capacity() * sizeof(std::string)) + value_bytes;
  }
  void KeepWithin(std::int64_t most) {
    constexpr std::int64_t kValueBytes = sizeof(std::uint32_t);
    if (static_cast<std::int64_t>(values.size()) * kValueBytes + value_bytes > most) Outgrow();
  }
  void Outgrow() {
    outgrown = true;
    values = {};
    value_bytes = 0;
  }
  void Merge(const GreatestValues& other) {
    if (other.outgrown) Outgrow();
    limit = std::max(limit, other.limit);
    for (const std::string& value : other.values) Add(value);
  }
  void Encode(std::string* out) const {
    AppendLimitAndSize(limit, outgrown ? kOutgrown : values.size(), out);
    for (const std::string& value : values) AppendBytes(value, out);
  }
  Status Decode(std::string_view* in) {
    std::uint32_t size = 0;
    MR_RETURN_IF_ERROR(TakeLimitAndSize(in, &limit, &size));
    outgrown = size == kOutgrown;
    if (outgrown) return Status::Ok();
    for (std::uint32_t i = 0; i < size; ++i) {
      values.emplace_back();
      MR_RETURN_IF_ERROR(TakeBytes(in, &values.back()));
      value_bytes += static_cast<std::int64_t>(values.back().size());
    }
    return Status::Ok();
  }
};

/// top_k: the k greatest values, greatest first.
class TopK final : public RowAggregator<TopK, ObjectAggregator<GreatestValues>> {
 public:
  TopK(const std::shared_ptr<arrow::DataType>& type, std::size_t k)
      : RowAggregator<TopK, ObjectAggregator<GreatestValues>>(arrow::list(type)), k_(k), results_(type) {}

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const KeyBuffer values = CanonicalValues(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      Change(input.state(i), [&](GreatestValues& kept) {
        kept.limit = k_;
        kept.Add(values[i]);
        kept.KeepWithin(most_bytes());
      });
    });
    return true;
  }
  bool holds_values() const override { return true; }
  bool bounded() const override { return true; }
  std::string Unrepresentable(const std::byte* state) const override {
    if (Of(state).outgrown) return TooManyBytes(most_bytes(), "ask for fewer");
    return Of(state).value_bytes > kMostListBytes ? "has more than 1 GiB of values; ask for fewer" : "";
  }
  Status Append(const std::byte* state) override {
    const GreatestValues& kept = Of(state);
    if (kept.value_bytes <= kMostListBytes) {
      for (const std::string& value : kept.values) MR_RETURN_IF_ERROR(results_.values().Append(value));
    }
    results_.EndList();
    return Status::Ok();
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }
  std::int64_t appended_bytes() const override { return results_.bytes(); }
  std::int64_t ResultBytes(const std::byte* state) const override { return Of(state).value_bytes; }

 private:
  const std::size_t k_;
  ListColumn results_;
};

// --- argmin, argmax ---

template <bool kMax>
struct ExtremeRow {
  bool seen = false;
  RowPlace place{};
  std::string order;
  std::string value;

  void Add(const RowPlace& other_place, std::string_view other_order, std::string_view other_value) {
    const int compared = seen ? other_order.compare(order) : -1;
    const bool better =
        !seen || (kMax ? compared > 0 : compared < 0) || (compared == 0 && other_place < place);
    if (!better) return;
    seen = true;
    place = other_place;
    order.assign(other_order);
    value.assign(other_value);
  }
  std::int64_t aside_bytes() const { return static_cast<std::int64_t>(order.capacity() + value.capacity()); }
  void Merge(const ExtremeRow& other) {
    if (other.seen) Add(other.place, other.order, other.value);
  }
  void Encode(std::string* out) const {
    out->push_back(seen ? '\1' : '\0');
    if (!seen) return;
    AppendFixed(place, out);
    AppendBytes(order, out);
    AppendBytes(value, out);
  }
  Status Decode(std::string_view* in) {
    char flag = 0;
    MR_RETURN_IF_ERROR(TakeFixed(in, &flag));
    seen = flag != 0;
    if (!seen) return Status::Ok();
    MR_RETURN_IF_ERROR(TakeFixed(in, &place));
    MR_RETURN_IF_ERROR(TakeBytes(in, &order));
    return TakeBytes(in, &value);
  }
};

/// argmin and argmax: the value of the row whose other value is least or greatest; of equal ones the first.
template <bool kMax>
class ArgExtreme final : public RowAggregator<ArgExtreme<kMax>, ObjectAggregator<ExtremeRow<kMax>>> {
 public:
  explicit ArgExtreme(const std::shared_ptr<arrow::DataType>& type)
      : RowAggregator<ArgExtreme, ObjectAggregator<ExtremeRow<kMax>>>(type), results_(type) {}

  bool orders_rows() const override { return true; }
  bool holds_values() const override { return true; }
  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const KeyBuffer values = CanonicalValues(*input.values);
    const KeyBuffer orders = CanonicalValues(*input.order);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      if (input.order->IsNull(static_cast<std::int64_t>(i))) return;
      this->Change(input.state(i),
                   [&](ExtremeRow<kMax>& row) { row.Add(RowPlace::Of(input, i), orders[i], values[i]); });
    });
    return true;
  }
  Status Append(const std::byte* state) override {
    constexpr std::string_view kNull("\0", 1);
    const ExtremeRow<kMax>& row = this->Of(state);
    return results_.Append(row.seen ? std::string_view(row.value) : kNull);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }
  std::int64_t appended_bytes() const override { return results_.bytes(); }
  std::int64_t ResultBytes(const std::byte* state) const override {
    return static_cast<std::int64_t>(this->Of(state).value.size());
  }

 private:
  ValueColumn results_;
};

// --- count_distinct ---

struct DistinctValues {
  // One more is kept, so that too many are known as such.
  static constexpr std::size_t kMost = 65'536;
  std::set<std::string, std::less<>> values;
  std::int64_t value_bytes = 0;
  bool outgrown = false;  // then there are no values, and none are added

  void Add(std::string_view value) {
    if (outgrown || values.size() > kMost || values.contains(value)) return;
    values.emplace(value);
    value_bytes += static_cast<std::int64_t>(value.size());
  }
  std::int64_t aside_bytes() const {
    constexpr std::int64_t kNodeBytes = 80;
    return static_cast<std::int64_t>(values.size()) * kNodeBytes + value_bytes;
  }
  void KeepWithin(std::int64_t most) {
    constexpr std::int64_t kValueBytes = sizeof(std::uint32_t);
    if (static_cast<std::int64_t>(values.size()) * kValueBytes + value_bytes > most) Outgrow();
  }
  void Outgrow() {
    outgrown = true;
    values = {};
    value_bytes = 0;
  }
  void Merge(const DistinctValues& other) {
    if (other.outgrown) Outgrow();
    for (const std::string& value : other.values) Add(value);
  }
  void Encode(std::string* out) const {
    AppendFixed(outgrown ? kOutgrown : static_cast<std::uint32_t>(values.size()), out);
    for (const std::string& value : values) AppendBytes(value, out);
  }
  Status Decode(std::string_view* in) {
    std::uint32_t size = 0;
    MR_RETURN_IF_ERROR(TakeFixed(in, &size));
    outgrown = size == kOutgrown;
    if (outgrown) return Status::Ok();
    std::string value;
    for (std::uint32_t i = 0; i < size; ++i) {
      MR_RETURN_IF_ERROR(TakeBytes(in, &value));
      values.insert(values.end(), value);
      value_bytes += static_cast<std::int64_t>(value.size());
    }
    return Status::Ok();
  }
};

class CountDistinct final : public RowAggregator<CountDistinct, ObjectAggregator<DistinctValues>> {
 public:
  CountDistinct()
      : RowAggregator<CountDistinct, ObjectAggregator<DistinctValues>>(arrow::int64()),
        results_(arrow::int64()) {}

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const KeyBuffer values = CanonicalValues(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      Change(input.state(i), [&](DistinctValues& kept) {
        kept.Add(values[i]);
        kept.KeepWithin(most_bytes());
      });
    });
    return true;
  }
  bool holds_values() const override { return true; }
  bool bounded() const override { return true; }
  std::string Unrepresentable(const std::byte* state) const override {
    if (Of(state).outgrown) return TooManyBytes(most_bytes(), "use approx_count_distinct");
    if (Of(state).values.size() <= DistinctValues::kMost) return "";
    return "has more than " + std::to_string(DistinctValues::kMost) + " values; use approx_count_distinct";
  }
  Status Append(const std::byte* state) override {
    return results_.Append(static_cast<std::int64_t>(Of(state).values.size()));
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  ColumnBuilder<std::int64_t> results_;
};

}  // namespace

std::unique_ptr<Aggregator> MakeCollect(const std::shared_ptr<arrow::DataType>& argument, std::size_t limit) {
  if (!IsKeyType(*argument)) return nullptr;
  return std::make_unique<Collect>(argument, limit);
}

std::unique_ptr<Aggregator> MakeTopK(const std::shared_ptr<arrow::DataType>& argument, std::size_t k) {
  if (!IsKeyType(*argument)) return nullptr;
  return std::make_unique<TopK>(argument, k);
}

std::unique_ptr<Aggregator> MakeArgExtreme(bool max, const std::shared_ptr<arrow::DataType>& argument,
                                           const arrow::DataType& order) {
  if (!IsKeyType(*argument) || !IsKeyType(order)) return nullptr;
  if (max) return std::make_unique<ArgExtreme<true>>(argument);
  return std::make_unique<ArgExtreme<false>>(argument);
}

std::unique_ptr<Aggregator> MakeCountDistinct(const arrow::DataType& argument) {
  if (!IsKeyType(argument)) return nullptr;
  return std::make_unique<CountDistinct>();
}

}  // namespace millrace
