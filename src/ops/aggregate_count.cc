#include <cstring>

#include "ops/column_values.h"
#include "ops/row_aggregator.h"

namespace millrace {
namespace {

struct CountState {
  std::int64_t rows;
};

class Count final : public RowAggregator<Count> {
 public:
  explicit Count(bool of_values)
      : RowAggregator<Count>(arrow::int64(), sizeof(CountState)),
        of_values_(of_values),
        results_(arrow::int64()) {}

  void Clear(std::byte* state, std::uint32_t /*slot*/) override { new (state) CountState{0}; }

  template <typename After>
  bool AddRows(const AggregateInput& input, const After& after) {
    const auto add = [&input](std::size_t i) { ++reinterpret_cast<CountState*>(input.state(i))->rows; };
    if (of_values_) {
      ForEachRow(*input.values, after, add);
    } else {
      for (std::size_t i = 0; i < input.num_rows(); ++i) {
        add(i);
        after(i);
      }
    }
    return true;
  }

  bool order_free() const override { return true; }

  void Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) override {
    reinterpret_cast<CountState*>(state)->rows += reinterpret_cast<const CountState*>(from_state)->rows;
  }

  Status Append(const std::byte* state) override {
    return results_.Append(reinterpret_cast<const CountState*>(state)->rows);
  }
  Result<std::shared_ptr<arrow::Array>> Finish() override { return results_.Finish(); }

 private:
  const bool of_values_;
  ColumnBuilder<std::int64_t> results_;
};

}  // namespace

std::unique_ptr<Aggregator> MakeCount(bool of_values) { return std::make_unique<Count>(of_values); }

}  // namespace millrace
