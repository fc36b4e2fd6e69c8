#include "ops/filter.h"

#include <arrow/api.h>

#include "columnar/tombstone_column.h"
#include "ops/row_errors.h"

namespace millrace {
namespace {

class Filter final : public Operator {
 public:
  Filter(BoundExpr predicate, std::shared_ptr<arrow::Schema> schema)
      : predicate_(std::move(predicate)), schema_(std::move(schema)) {}

  Status Process(Batch batch, Output& output) override {
    MR_ASSIGN_OR_RETURN(const auto rows, WithTombstoneColumn(batch));
    MR_ASSIGN_OR_RETURN(ExprValues evaluated, predicate_.Evaluate(*rows));
    std::int64_t failed = 0;
    std::vector<RowError> errors = ToRowErrors(std::move(evaluated.errors), batch.tombstone.get());
    if (!errors.empty()) {
      failed = static_cast<std::int64_t>(errors.size());
      MR_RETURN_IF_ERROR(output.DeadLetter(batch, std::move(errors)));
    }
    // A predicate that is always null has its own type, and keeps nothing.
    const bool boolean = evaluated.values->type_id() == arrow::Type::BOOL;
    const std::int64_t kept =
        boolean ? static_cast<const arrow::BooleanArray&>(*evaluated.values).true_count() : 0;
    output.CountFiltered(batch.num_rows() - kept - failed);
    if (kept == batch.num_rows()) return output.Emit(std::move(batch));
    if (kept == 0) return Status::Ok();
    MR_ASSIGN_OR_RETURN(Batch passed,
                        FilterBatch(batch, static_cast<const arrow::BooleanArray&>(*evaluated.values)));
    return output.Emit(std::move(passed));
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  const BoundExpr predicate_;
  const std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeFilter(BoundExpr predicate, std::shared_ptr<arrow::Schema> input) {
  if (predicate.type()->id() != arrow::Type::BOOL && predicate.type()->id() != arrow::Type::NA) {
    return Status::InvalidArgument("a filter needs a boolean expression, this one is " +
                                   predicate.type()->ToString());
  }
  return std::unique_ptr<Operator>(std::make_unique<Filter>(std::move(predicate), std::move(input)));
}

}  // namespace millrace
