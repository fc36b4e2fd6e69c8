#include <cmath>

#include "ops/column_values.h"
#include "ops/row_aggregator.h"

namespace millrace {
namespace {

// Welford: the mean and the sum of squared distances from it.
struct Moments {
  std::int64_t values;
  double mean;
  double squares;

  void Add(double value) {
    ++values;
    const double from_old = value - mean;
    mean += from_old / static_cast<double>(values);
    squares += from_old * (value - mean);
  }
  // Chan et al.
  void Merge(const Moments& other) {
    if (other.values == 0) return;
    if (values == 0) {
      *this = other;
      return;
    }
    const auto n = static_cast<double>(values);
    const auto m = static_cast<double>(other.values);
    const double distance = other.mean - mean;
    mean += distance * m / (n + m);
    squares += other.squares + distance * distance * n * m / (n + m);
    values += other.values;
  }
};

/// Variance and standard deviation of a sample (n - 1); null for fewer than two values.
template <typename C, bool kRoot>
class SampleVariance final : public RowAggregator<SampleVariance<C, kRoot>> {
 public:
  SampleVariance()
      : RowAggregator<SampleVariance>(arrow::float64(), sizeof(Moments)), results_(arrow::float64()) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) Moments{0, 0, 0}; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const ColumnValues<C> values(*input.values);
    ForEachRow(*input.values, after, [&](std::size_t i) {
      reinterpret_cast<Moments*>(input.state(i))->Add(static_cast<double>(values[i]));
    });
    return true;
  }

  void Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) override {
    reinterpret_cast<Moments*>(state)->Merge(*reinterpret_cast<const Moments*>(from_state));
  }

  Status Append(const std::byte* state) override {
    const auto* const moments = reinterpret_cast<const Moments*>(state);
    if (moments->values < 2) return results_.AppendNull();
    const double variance = moments->squares / static_cast<double>(moments->values - 1);
    return results_.Append(kRoot ? std::sqrt(variance) : variance);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  ColumnBuilder<double> results_;
};

template <bool kRoot>
std::unique_ptr<Aggregator> Make(const arrow::DataType& type) {
  using Made = std::unique_ptr<Aggregator>;
  return DispatchPhysical<Made>(type, [&type]<typename C>(std::type_identity<C>, auto) -> Made {
    if constexpr (std::is_arithmetic_v<C> && !std::is_same_v<C, bool>) {
      if (arrow::is_temporal(type.id())) return nullptr;
      return std::make_unique<SampleVariance<C, kRoot>>();
    } else {
      return nullptr;
    }
  });
}

}  // namespace

std::unique_ptr<Aggregator> MakeVariance(bool root, const arrow::DataType& argument) {
  return root ? Make<true>(argument) : Make<false>(argument);
}

}  // namespace millrace
