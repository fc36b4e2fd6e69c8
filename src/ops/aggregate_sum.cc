#include <cmath>
#include <limits>
#include <type_traits>

#include "ops/column_values.h"
#include "ops/row_aggregator.h"

namespace millrace {
namespace {

__extension__ using Int128 = __int128;

// Sums of groups that are merged may leave int64 on the way to a total that fits: the bits above the count
// say how often.
struct IntegerSum {
  static constexpr int kCountBits = 48;

  std::int64_t sum;
  std::int64_t values;  // count of values, plus wraps << kCountBits

  bool empty() const { return (values & ((std::int64_t{1} << kCountBits) - 1)) == 0; }
  bool wrapped() const { return values >> kCountBits != 0; }
  void Merge(const IntegerSum& other) {
    const bool negative = other.sum < 0;
    values += other.values;
    if (__builtin_add_overflow(sum, other.sum, &sum)) {
      values += negative ? -(std::int64_t{1} << kCountBits) : std::int64_t{1} << kCountBits;
    }
  }
};

struct WideSum {
  void Set(Int128 sum) {
    low = static_cast<std::uint64_t>(sum);
    high = static_cast<std::uint64_t>(sum >> 64);
  }
  Int128 sum() const { return static_cast<Int128>((static_cast<unsigned __int128>(high) << 64) | low); }
  std::uint64_t low;
  std::uint64_t high;
  std::int64_t values;
};

/// As IntegerSum, of the digits of decimals: int128, of which 38 digits are a result.
struct DecimalSum {
  std::uint64_t low;
  std::uint64_t high;
  std::int64_t values;  // as that of IntegerSum

  Int128 sum() const { return static_cast<Int128>((static_cast<unsigned __int128>(high) << 64) | low); }
  bool empty() const { return (values & ((std::int64_t{1} << IntegerSum::kCountBits) - 1)) == 0; }
  std::int64_t count() const { return values & ((std::int64_t{1} << IntegerSum::kCountBits) - 1); }
  bool fits() const { return values >> IntegerSum::kCountBits == 0 && InRange(sum()); }
  /// False when the sum is beyond 38 digits; it wraps, so that subtracting is exact.
  bool Add(Int128 value) {
    Int128 total;
    const bool wraps = __builtin_add_overflow(sum(), value, &total);
    Set(total);
    return !wraps && InRange(total);
  }
  void Subtract(Int128 value) {
    Int128 total;
    static_cast<void>(__builtin_sub_overflow(sum(), value, &total));
    Set(total);
  }
  void Merge(const DecimalSum& other) {
    Int128 total;
    values += other.values;
    if (__builtin_add_overflow(sum(), other.sum(), &total)) {
      values += other.sum() < 0 ? -(std::int64_t{1} << IntegerSum::kCountBits)
                                : std::int64_t{1} << IntegerSum::kCountBits;
    }
    Set(total);
  }
  static bool InRange(Int128 sum) {
    constexpr auto kTenTo19 = static_cast<Int128>(10'000'000'000'000'000'000ULL);
    constexpr Int128 kMost = kTenTo19 * kTenTo19 - 1;
    return sum >= -kMost && sum <= kMost;
  }

 private:
  void Set(Int128 sum) {
    low = static_cast<std::uint64_t>(sum);
    high = static_cast<std::uint64_t>(sum >> 64);
  }
};

Int128 DigitsOf(const arrow::Decimal128& value) {
  return static_cast<Int128>(
      (static_cast<unsigned __int128>(static_cast<std::uint64_t>(value.high_bits())) << 64) |
      value.low_bits());
}

arrow::Decimal128 DecimalOf(const DecimalSum& sum) { return {static_cast<std::int64_t>(sum.high), sum.low}; }

struct DoubleSum {
  double sum;
  double lost;  // what rounding took from sum so far
  std::int64_t values;

  // Kahan-Neumaier; the rounding error of the addition is exact (Knuth), so no comparison of magnitudes is
  // needed.
  void Add(double value) {
    const double total = sum + value;
    const double value_part = total - sum;
    lost += (sum - (total - value_part)) + (value - value_part);
    sum = total;
    ++values;
  }
  void Merge(const DoubleSum& other) {
    const std::int64_t total = values + other.values;
    Add(other.sum);
    lost += other.lost;
    values = total;
  }
  // An infinite or NaN sum makes `lost` NaN.
  double result() const { return std::isfinite(sum) ? sum + lost : sum; }
};

// Rows with a value beyond this are not combined before a sum is known to take each of them (K2a): it takes
// eight million rows below it to overflow.
constexpr std::int64_t kCombinable = std::int64_t{1} << 40;

/// sum of integers: int64, checked (W8).
template <typename C>
class SumOfIntegers final : public RowAggregator<SumOfIntegers<C>> {
 public:
  SumOfIntegers()
      : RowAggregator<SumOfIntegers>(arrow::int64(), sizeof(IntegerSum)), results_(arrow::int64()) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) IntegerSum{0, 0}; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<C> values(*input.values);
    bool overflow = false;
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<IntegerSum*>(input.state(i));
      // Wraps, so that Undo is exact.
      overflow |= __builtin_add_overflow(state->sum, static_cast<std::int64_t>(values[i]), &state->sum);
      ++state->values;
    });
    return !overflow;
  }

  bool checked() const override { return true; }

  void Undo(const AggregateInput& input) override {
    const ColumnValues<C> values(*input.values);
    ForEachValid(*input.values, [&](std::size_t i) {
      auto* const state = reinterpret_cast<IntegerSum*>(input.state(i));
      static_cast<void>(
          __builtin_sub_overflow(state->sum, static_cast<std::int64_t>(values[i]), &state->sum));
      --state->values;
    });
  }

  bool Fits(const AggregateInput& input, std::size_t row) const override {
    if (input.values->IsNull(static_cast<std::int64_t>(row))) return true;
    const auto* const state = reinterpret_cast<const IntegerSum*>(input.state(row));
    std::int64_t sum;
    return !__builtin_add_overflow(state->sum, static_cast<std::int64_t>(ColumnValues<C>(*input.values)[row]),
                                   &sum);
  }

  bool order_free() const override { return true; }

  bool Combinable(const arrow::Array& array) const override {
    if constexpr (sizeof(C) == sizeof(std::int64_t)) {
      const ColumnValues<C> values(array);
      bool small = true;
      ForEachValid(array, [&](std::size_t i) {
        if constexpr (std::is_signed_v<C>) small &= values[i] >= -kCombinable;
        small &= values[i] <= static_cast<C>(kCombinable);
      });
      return small;
    }
    return true;
  }

  bool MergeFits(const std::byte* state, const std::byte* from_state) const override {
    std::int64_t sum;
    return !__builtin_add_overflow(reinterpret_cast<const IntegerSum*>(state)->sum,
                                   reinterpret_cast<const IntegerSum*>(from_state)->sum, &sum);
  }

  void Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) override {
    reinterpret_cast<IntegerSum*>(state)->Merge(*reinterpret_cast<const IntegerSum*>(from_state));
  }

  std::string Unrepresentable(const std::byte* state) const override {
    return reinterpret_cast<const IntegerSum*>(state)->wrapped()
               ? "overflows int64; cast the argument to double"
               : "";
  }

  std::vector<std::int64_t> Unfit(const arrow::Array& array) const override {
    std::vector<std::int64_t> rows;
    if constexpr (std::is_same_v<C, std::uint64_t>) {
      const ColumnValues<C> values(array);
      ForEachValid(array, [&](std::size_t i) {
        if (values[i] > static_cast<C>(std::numeric_limits<std::int64_t>::max())) {
          rows.push_back(static_cast<std::int64_t>(i));
        }
      });
    }
    return rows;
  }

  Status Append(const std::byte* state) override {
    const auto* const sum = reinterpret_cast<const IntegerSum*>(state);
    return sum->empty() ? results_.AppendNull() : results_.Append(sum->sum);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  ColumnBuilder<std::int64_t> results_;
};

/// sum and mean of doubles.
template <typename C, bool kMean>
class SumOfDoubles final : public RowAggregator<SumOfDoubles<C, kMean>> {
 public:
  SumOfDoubles()
      : RowAggregator<SumOfDoubles>(arrow::float64(), sizeof(DoubleSum)), results_(arrow::float64()) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) DoubleSum{0, 0, 0}; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<C> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      reinterpret_cast<DoubleSum*>(input.state(i))->Add(static_cast<double>(values[i]));
    });
    return true;
  }

  void Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) override {
    reinterpret_cast<DoubleSum*>(state)->Merge(*reinterpret_cast<const DoubleSum*>(from_state));
  }

  Status Append(const std::byte* state) override {
    const auto* const sum = reinterpret_cast<const DoubleSum*>(state);
    if (sum->values == 0) return results_.AppendNull();
    return results_.Append(kMean ? sum->result() / static_cast<double>(sum->values) : sum->result());
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  ColumnBuilder<double> results_;
};

/// mean of integers: the sum is exact, whatever the order.
template <typename C>
class MeanOfIntegers final : public RowAggregator<MeanOfIntegers<C>> {
 public:
  MeanOfIntegers()
      : RowAggregator<MeanOfIntegers>(arrow::float64(), sizeof(WideSum)), results_(arrow::float64()) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) WideSum{0, 0, 0}; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<C> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<WideSum*>(input.state(i));
      state->Set(state->sum() + static_cast<Int128>(values[i]));
      ++state->values;
    });
    return true;
  }

  bool order_free() const override { return true; }

  void Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) override {
    auto* const sum = reinterpret_cast<WideSum*>(state);
    const auto* const other = reinterpret_cast<const WideSum*>(from_state);
    sum->Set(sum->sum() + other->sum());
    sum->values += other->values;
  }

  Status Append(const std::byte* state) override {
    const auto* const sum = reinterpret_cast<const WideSum*>(state);
    if (sum->values == 0) return results_.AppendNull();
    return results_.Append(static_cast<double>(sum->sum()) / static_cast<double>(sum->values));
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  ColumnBuilder<double> results_;
};

/// sum and mean of decimals: the sum keeps the scale and has 38 digits, checked as that of integers; the mean
/// is a double.
template <bool kMean>
class SumOfDecimals final : public RowAggregator<SumOfDecimals<kMean>> {
 public:
  explicit SumOfDecimals(const arrow::Decimal128Type& type)
      : RowAggregator<SumOfDecimals>(ResultType(type), sizeof(DecimalSum)),
        scale_(type.scale()),
        results_(this->type()) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) DecimalSum{0, 0, 0}; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<arrow::Decimal128> values(*input.values);
    bool fits = true;
    ForEachRow(*input.values, after, [&](std::size_t i) {
      auto* const state = reinterpret_cast<DecimalSum*>(input.state(i));
      fits &= state->Add(DigitsOf(values[i]));
      ++state->values;
    });
    return fits;
  }

  bool checked() const override { return true; }

  void Undo(const AggregateInput& input) override {
    const ColumnValues<arrow::Decimal128> values(*input.values);
    ForEachValid(*input.values, [&](std::size_t i) {
      auto* const state = reinterpret_cast<DecimalSum*>(input.state(i));
      state->Subtract(DigitsOf(values[i]));
      --state->values;
    });
  }

  bool Fits(const AggregateInput& input, std::size_t row) const override {
    if (input.values->IsNull(static_cast<std::int64_t>(row))) return true;
    DecimalSum sum = *reinterpret_cast<const DecimalSum*>(input.state(row));
    return sum.Add(DigitsOf(ColumnValues<arrow::Decimal128>(*input.values)[row]));
  }

  bool MergeFits(const std::byte* state, const std::byte* from_state) const override {
    DecimalSum sum = *reinterpret_cast<const DecimalSum*>(state);
    return sum.Add(reinterpret_cast<const DecimalSum*>(from_state)->sum());
  }

  void Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) override {
    reinterpret_cast<DecimalSum*>(state)->Merge(*reinterpret_cast<const DecimalSum*>(from_state));
  }

  std::string OverflowText() const override { return "has more than 38 digits; cast the argument to double"; }
  std::string Unrepresentable(const std::byte* state) const override {
    return reinterpret_cast<const DecimalSum*>(state)->fits() ? "" : OverflowText();
  }

  Status Append(const std::byte* state) override {
    const auto* const sum = reinterpret_cast<const DecimalSum*>(state);
    if (sum->empty()) return results_.AppendNull();
    if constexpr (kMean) {
      return results_.Append(DecimalOf(*sum).ToDouble(scale_) / static_cast<double>(sum->count()));
    } else {
      return results_.Append(DecimalOf(*sum));
    }
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  using ResultValue = std::conditional_t<kMean, double, arrow::Decimal128>;
  static std::shared_ptr<arrow::DataType> ResultType(const arrow::Decimal128Type& type) {
    return kMean ? arrow::float64() : arrow::decimal128(arrow::Decimal128Type::kMaxPrecision, type.scale());
  }

  const std::int32_t scale_;
  ColumnBuilder<ResultValue> results_;
};

template <template <typename> class Integers, bool kMean>
std::unique_ptr<Aggregator> MakeForNumbers(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::INT8:
      return std::make_unique<Integers<std::int8_t>>();
    case arrow::Type::INT16:
      return std::make_unique<Integers<std::int16_t>>();
    case arrow::Type::INT32:
      return std::make_unique<Integers<std::int32_t>>();
    case arrow::Type::INT64:
      return std::make_unique<Integers<std::int64_t>>();
    case arrow::Type::UINT8:
      return std::make_unique<Integers<std::uint8_t>>();
    case arrow::Type::UINT16:
      return std::make_unique<Integers<std::uint16_t>>();
    case arrow::Type::UINT32:
      return std::make_unique<Integers<std::uint32_t>>();
    case arrow::Type::UINT64:
      return std::make_unique<Integers<std::uint64_t>>();
    case arrow::Type::FLOAT:
      return std::make_unique<SumOfDoubles<float, kMean>>();
    case arrow::Type::DOUBLE:
      return std::make_unique<SumOfDoubles<double, kMean>>();
    case arrow::Type::DECIMAL128:
      return std::make_unique<SumOfDecimals<kMean>>(static_cast<const arrow::Decimal128Type&>(type));
    default:
      return nullptr;
  }
}

}  // namespace

std::unique_ptr<Aggregator> MakeSum(const arrow::DataType& argument) {
  return MakeForNumbers<SumOfIntegers, false>(argument);
}

std::unique_ptr<Aggregator> MakeMean(const arrow::DataType& argument) {
  return MakeForNumbers<MeanOfIntegers, true>(argument);
}

}  // namespace millrace
