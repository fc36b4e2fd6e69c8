#include "ops/filter.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "ops/row_errors.h"

namespace millrace {
namespace {

class Filter final : public Operator {
 public:
  Filter(BoundExpr predicate, std::shared_ptr<arrow::Schema> schema)
      : predicate_(std::move(predicate)), schema_(std::move(schema)) {}

  Status Process(Batch batch, Output& output) override {
    MR_ASSIGN_OR_RETURN(ExprValues evaluated, predicate_.Evaluate(*batch.data));
    std::int64_t failed = 0;
    std::shared_ptr<arrow::Array> keep = evaluated.values;
    if (batch.tombstone != nullptr) {
      MR_ASSIGN_ARROW(const arrow::Datum either,
                      arrow::compute::CallFunction("or_kleene", {keep, batch.tombstone}));
      keep = either.make_array();
    }
    std::vector<RowError> errors = ToRowErrors(std::move(evaluated.errors), batch.tombstone.get());
    if (!errors.empty()) {
      failed = static_cast<std::int64_t>(errors.size());
      MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
    }
    const auto& mask = static_cast<const arrow::BooleanArray&>(*keep);
    const std::int64_t kept = mask.true_count();
    output.CountFiltered(batch.num_rows() - kept - failed);
    if (kept == batch.num_rows()) return output.Emit(std::move(batch));
    if (kept == 0) return Status::Ok();
    MR_ASSIGN_OR_RETURN(Batch passed, FilterBatch(batch, mask));
    return output.Emit(std::move(passed));
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  const BoundExpr predicate_;
  const std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeFilter(BoundExpr predicate, std::shared_ptr<arrow::Schema> input) {
  if (predicate.type()->id() != arrow::Type::BOOL) {
    return Status::InvalidArgument("a filter needs a boolean expression, this one is " +
                                   predicate.type()->ToString());
  }
  return std::unique_ptr<Operator>(std::make_unique<Filter>(std::move(predicate), std::move(input)));
}

}  // namespace millrace
