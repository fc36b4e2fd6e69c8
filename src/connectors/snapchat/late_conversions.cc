#include "connectors/snapchat/late_conversions.h"

#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "connectors/snapchat/checked_column.h"

namespace millrace {
namespace {

/// The column called like `field`, or a new one at the end.
void Set(const std::shared_ptr<arrow::Field>& field, arrow::FieldVector* fields) {
  for (auto& known : *fields) {
    if (known->name() != field->name()) continue;
    known = field;
    return;
  }
  fields->push_back(field);
}

Result<std::shared_ptr<arrow::Array>> Reasons(std::int64_t rows, const CheckedEvents& checked,
                                              std::span<const std::int32_t> may_be_repeats) {
  std::vector<std::string_view> reasons(static_cast<std::size_t>(rows));
  for (const LateRow& late : checked.late)
    reasons[static_cast<std::size_t>(late.row)] = late.late_by_ms < 0 ? kTooFarAhead : kTooOld;
  for (const std::int32_t row : may_be_repeats) reasons[static_cast<std::size_t>(row)] = kMayBeRepeat;
  arrow::StringBuilder out;
  for (const std::string_view reason : reasons)
    MR_RETURN_IF_ARROW_ERROR(reason.empty() ? out.AppendNull() : out.Append(reason));
  std::shared_ptr<arrow::Array> made;
  MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
  return made;
}

}  // namespace

std::shared_ptr<arrow::Schema> LateConversionSchema(const arrow::Schema& fields) {
  arrow::FieldVector out = fields.fields();
  std::erase_if(out, [](const auto& field) { return field->name() == kCheckedColumn; });
  Set(arrow::field("event_id", arrow::utf8()), &out);
  Set(arrow::field("event_time", arrow::timestamp(arrow::TimeUnit::MILLI)), &out);
  Set(arrow::field(kLateReasonColumn, arrow::utf8()), &out);
  return arrow::schema(std::move(out));
}

Result<Batch> LateConversions(const Batch& batch, const CheckedEvents& checked,
                              std::span<const std::int32_t> may_be_repeats) {
  const auto schema = LateConversionSchema(*batch.data->schema());
  arrow::ArrayVector columns;
  for (const auto& field : schema->fields()) columns.push_back(batch.data->GetColumnByName(field->name()));
  const auto column = [&](const char* name) -> std::shared_ptr<arrow::Array>& {
    return columns[static_cast<std::size_t>(schema->GetFieldIndex(name))];
  };
  column("event_id") = checked.event_id;
  MR_ASSIGN_ARROW(column("event_time"),
                  checked.event_time_ms->View(arrow::timestamp(arrow::TimeUnit::MILLI)));
  MR_ASSIGN_OR_RETURN(column(kLateReasonColumn), Reasons(batch.num_rows(), checked, may_be_repeats));
  return batch.WithData(arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns)));
}

}  // namespace millrace
