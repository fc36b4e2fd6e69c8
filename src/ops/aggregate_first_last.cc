#include <cstring>

#include "ops/column_values.h"
#include "ops/row_aggregator.h"
#include "ops/row_place.h"
#include "ops/side_values.h"

namespace millrace {
namespace {

template <bool kLast>
bool Replaces(const RowPlace& candidate, const RowPlace& kept) {
  return kLast ? candidate >= kept : candidate < kept;
}

/// first and last of values of a fixed size.
template <typename C, bool kLast>
class FirstLastOfFixed final : public RowAggregator<FirstLastOfFixed<C, kLast>> {
 public:
  explicit FirstLastOfFixed(const std::shared_ptr<arrow::DataType>& type)
      : RowAggregator<FirstLastOfFixed>(type, sizeof(State)), results_(type) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) State{}; }

  bool orders_rows() const override { return true; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<C> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<State*>(input.state(i));
      const RowPlace place = RowPlace::Of(input, i);
      if (state->seen != 0 && !Replaces<kLast>(place, state->place)) return;
      state->place = place;
      state->seen = 1;
      const C value = values[i];
      std::memcpy(state->bytes, &value, sizeof(value));
    });
    return true;
  }

  void Merge(std::byte* bytes, const Aggregator& /*from*/, const std::byte* from_bytes) override {
    auto* const state = reinterpret_cast<State*>(bytes);
    const auto* const other = reinterpret_cast<const State*>(from_bytes);
    if (other->seen == 0 || (state->seen != 0 && !Replaces<kLast>(other->place, state->place))) return;
    *state = *other;
  }

  Status Append(const std::byte* bytes) override {
    const auto* const state = reinterpret_cast<const State*>(bytes);
    if (state->seen == 0) return results_.AppendNull();
    C value;
    std::memcpy(&value, state->bytes, sizeof(value));
    return results_.Append(value);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  struct State {
    RowPlace place;
    std::uint64_t seen;
    std::byte bytes[sizeof(C) <= 8 ? 8 : 16];
  };
  ColumnBuilder<C> results_;
};

/// first and last of strings and bytes.
template <typename Offset, bool kLast>
class FirstLastOfStrings final : public RowAggregator<FirstLastOfStrings<Offset, kLast>> {
 public:
  explicit FirstLastOfStrings(const std::shared_ptr<arrow::DataType>& type)
      : RowAggregator<FirstLastOfStrings>(type, sizeof(State)), results_(type) {}

  bool holds_values() const override { return true; }
  void Resize(std::uint32_t slots) override { values_.Resize(slots); }

  void Clear(std::byte* state, std::uint32_t slot) override {
    new (state) State{.place = {}, .slot = slot, .seen = 0};
    values_.Clear(slot);
  }

  bool orders_rows() const override { return true; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<std::string_view, Offset> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<State*>(input.state(i));
      const RowPlace place = RowPlace::Of(input, i);
      if (state->seen != 0 && !Replaces<kLast>(place, state->place)) return;
      state->place = place;
      state->seen = 1;
      values_.Set(state->slot, values[i]);
    });
    return true;
  }

  void Merge(std::byte* bytes, const Aggregator& from, const std::byte* from_bytes) override {
    auto* const state = reinterpret_cast<State*>(bytes);
    const auto* const other = reinterpret_cast<const State*>(from_bytes);
    if (other->seen == 0 || (state->seen != 0 && !Replaces<kLast>(other->place, state->place))) return;
    state->place = other->place;
    state->seen = 1;
    values_.Set(state->slot, static_cast<const FirstLastOfStrings&>(from).values_[other->slot]);
  }

  void Encode(const std::byte* bytes, std::string* out) const override {
    const auto* const state = reinterpret_cast<const State*>(bytes);
    out->append(reinterpret_cast<const char*>(&state->place), sizeof(RowPlace));
    values_.Encode(state->slot, state->seen != 0, out);
  }

  Status Decode(std::byte* bytes, std::uint32_t slot, std::string_view* in) override {
    auto* const state = new (bytes) State{.place = {}, .slot = slot, .seen = 0};
    if (in->size() < sizeof(RowPlace)) return Status::Corrupt("an aggregate's state is cut short");
    std::memcpy(&state->place, in->data(), sizeof(RowPlace));
    in->remove_prefix(sizeof(RowPlace));
    MR_ASSIGN_OR_RETURN(const bool seen, values_.Decode(slot, in));
    state->seen = seen ? 1 : 0;
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
    RowPlace place;
    std::uint32_t slot;
    std::uint32_t seen;
  };
  SideValues values_;
  ColumnBuilder<std::string_view> results_;
};

template <bool kLast>
std::unique_ptr<Aggregator> Make(const std::shared_ptr<arrow::DataType>& type) {
  using Made = std::unique_ptr<Aggregator>;
  return DispatchPhysical<Made>(*type,
                                [&type]<typename C, typename Offset>(std::type_identity<C>, Offset) -> Made {
                                  if constexpr (std::is_same_v<C, std::string_view>) {
                                    return std::make_unique<FirstLastOfStrings<Offset, kLast>>(type);
                                  } else {
                                    return std::make_unique<FirstLastOfFixed<C, kLast>>(type);
                                  }
                                });
}

}  // namespace

std::unique_ptr<Aggregator> MakeFirstLast(bool last, const std::shared_ptr<arrow::DataType>& argument) {
  return last ? Make<true>(argument) : Make<false>(argument);
}

}  // namespace millrace
