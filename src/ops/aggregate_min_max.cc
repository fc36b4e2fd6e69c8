#include <cstring>
#include <limits>

#include "ops/column_values.h"
#include "ops/row_aggregator.h"
#include "ops/side_values.h"

namespace millrace {
namespace {

// What a state has seen.
constexpr std::uint64_t kValue = 1;
constexpr std::uint64_t kNan = 2;

template <bool kMax, typename C>
bool Better(const C& candidate, const C& best) {
  return kMax ? best < candidate : candidate < best;
}

/// min and max of numbers. NaN counts only when there is nothing else.
template <typename C, bool kMax>
class MinMaxOfNumbers final : public RowAggregator<MinMaxOfNumbers<C, kMax>> {
 public:
  explicit MinMaxOfNumbers(const std::shared_ptr<arrow::DataType>& type)
      : RowAggregator<MinMaxOfNumbers>(type, sizeof(State)), results_(type) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override {
    auto* const cleared = new (state) State{};
    cleared->value = kWorst;
  }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<C> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<State*>(input.state(i));
      const C value = values[i];
      // Without branches: kWorst makes the first value win.
      state->value = Better<kMax>(value, state->value) ? value : state->value;
      state->seen |= value == value ? kValue : kNan;
    });
    return true;
  }

  bool order_free() const override { return true; }

  void Merge(std::byte* bytes, const Aggregator& /*from*/, const std::byte* from_bytes) override {
    auto* const state = reinterpret_cast<State*>(bytes);
    const auto* const other = reinterpret_cast<const State*>(from_bytes);
    if (Better<kMax>(other->value, state->value)) state->value = other->value;
    state->seen |= other->seen;
  }

  Status Append(const std::byte* bytes) override {
    const auto* const state = reinterpret_cast<const State*>(bytes);
    if ((state->seen & kValue) != 0) return results_.Append(state->value);
    if ((state->seen & kNan) != 0) return results_.Append(std::numeric_limits<C>::quiet_NaN());
    return results_.AppendNull();
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  struct State {
    union {
      std::uint64_t word;  // first, so that a cleared state has no undefined bytes
      C value;
    };
    std::uint64_t seen;
  };
  using Limits = std::numeric_limits<C>;
  static constexpr C kLowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  static constexpr C kHighest = Limits::has_infinity ? Limits::infinity() : Limits::max();
  static constexpr C kWorst = kMax ? kLowest : kHighest;

  ColumnBuilder<C> results_;
};

/// min and max of decimals.
template <bool kMax>
class MinMaxOfDecimals final : public RowAggregator<MinMaxOfDecimals<kMax>> {
 public:
  explicit MinMaxOfDecimals(const std::shared_ptr<arrow::DataType>& type)
      : RowAggregator<MinMaxOfDecimals>(type, sizeof(State)), results_(type) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) State{}; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<arrow::Decimal128> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<State*>(input.state(i));
      const arrow::Decimal128 value = values[i];
      if (state->seen == 0 || Better<kMax>(value, state->Value())) {
        value.ToBytes(state->bytes);
        state->seen = kValue;
      }
    });
    return true;
  }

  bool order_free() const override { return true; }

  void Merge(std::byte* bytes, const Aggregator& /*from*/, const std::byte* from_bytes) override {
    auto* const state = reinterpret_cast<State*>(bytes);
    const auto* const other = reinterpret_cast<const State*>(from_bytes);
    if (other->seen == 0) return;
    if (state->seen == 0 || Better<kMax>(other->Value(), state->Value())) *state = *other;
  }

  Status Append(const std::byte* bytes) override {
    const auto* const state = reinterpret_cast<const State*>(bytes);
    return state->seen == 0 ? results_.AppendNull() : results_.Append(state->Value());
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  struct State {
    std::uint8_t bytes[16];
    std::uint64_t seen;
    arrow::Decimal128 Value() const { return arrow::Decimal128(bytes); }
  };
  ColumnBuilder<arrow::Decimal128> results_;
};

/// min and max of strings and bytes, by bytes.
template <typename Offset, bool kMax>
class MinMaxOfStrings final : public RowAggregator<MinMaxOfStrings<Offset, kMax>> {
 public:
  explicit MinMaxOfStrings(const std::shared_ptr<arrow::DataType>& type)
      : RowAggregator<MinMaxOfStrings>(type, sizeof(State)), results_(type) {}

  bool holds_values() const override { return true; }
  void Resize(std::uint32_t slots) override { values_.Resize(slots); }

  void Clear(std::byte* state, std::uint32_t slot) override {
    new (state) State{.slot = slot, .seen = 0};
    values_.Clear(slot);
  }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<std::string_view, Offset> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<State*>(input.state(i));
      const std::string_view value = values[i];
      if (state->seen == 0 || Better<kMax>(value, values_[state->slot])) values_.Set(state->slot, value);
      state->seen = kValue;
    });
    return true;
  }

  bool order_free() const override { return true; }

  void Merge(std::byte* bytes, const Aggregator& from, const std::byte* from_bytes) override {
    auto* const state = reinterpret_cast<State*>(bytes);
    const auto* const other = reinterpret_cast<const State*>(from_bytes);
    if (other->seen == 0) return;
    const std::string_view value = static_cast<const MinMaxOfStrings&>(from).values_[other->slot];
    if (state->seen == 0 || Better<kMax>(value, values_[state->slot])) values_.Set(state->slot, value);
    state->seen = kValue;
  }

  void Encode(const std::byte* bytes, std::string* out) const override {
    const auto* const state = reinterpret_cast<const State*>(bytes);
    values_.Encode(state->slot, state->seen != 0, out);
  }

  Status Decode(std::byte* bytes, std::uint32_t slot, std::string_view* in) override {
    auto* const state = new (bytes) State{.slot = slot, .seen = 0};
    MR_ASSIGN_OR_RETURN(const bool seen, values_.Decode(slot, in));
    state->seen = seen ? kValue : 0;
    return Status::Ok();
  }

  Status Append(const std::byte* bytes) override {
    const auto* const state = reinterpret_cast<const State*>(bytes);
    return state->seen == 0 ? results_.AppendNull() : results_.Append(values_[state->slot]);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }
  std::int64_t appended_bytes() const override { return results_.bytes(); }
  std::int64_t ResultBytes(const std::byte* bytes) const override {
    return static_cast<std::int64_t>(values_[reinterpret_cast<const State*>(bytes)->slot].size());
  }
  std::int64_t memory_bytes() const override { return values_.memory_bytes(); }
  std::int64_t aside_bytes() const override { return values_.aside_bytes(); }

 private:
  struct State {
    std::uint32_t slot;
    std::uint32_t seen;
  };
  SideValues values_;
  ColumnBuilder<std::string_view> results_;
};

template <bool kMax>
std::unique_ptr<Aggregator> Make(const std::shared_ptr<arrow::DataType>& type) {
  using Made = std::unique_ptr<Aggregator>;
  return DispatchPhysical<Made>(*type,
                                [&type]<typename C, typename Offset>(std::type_identity<C>, Offset) -> Made {
                                  if constexpr (std::is_same_v<C, std::string_view>) {
                                    return std::make_unique<MinMaxOfStrings<Offset, kMax>>(type);
                                  } else if constexpr (std::is_same_v<C, arrow::Decimal128>) {
                                    return std::make_unique<MinMaxOfDecimals<kMax>>(type);
                                  } else {
                                    return std::make_unique<MinMaxOfNumbers<C, kMax>>(type);
                                  }
                                });
}

}  // namespace

std::unique_ptr<Aggregator> MakeMinMax(bool max, const std::shared_ptr<arrow::DataType>& argument) {
  return max ? Make<true>(argument) : Make<false>(argument);
}

}  // namespace millrace
