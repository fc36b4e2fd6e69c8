#include "connectors/snapchat/checked_column.h"

#include <vector>

#include <arrow/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

// Its fields, in their order.
enum Part { kEventName, kActionSource, kEventId, kCurrency, kError, kEventTime, kEventTimeMs, kLateBy };

arrow::FieldVector Parts() {
  arrow::FieldVector parts;
  for (const char* name : {"event_name", "action_source", "event_id", "currency", "error"})
    parts.push_back(arrow::field(name, arrow::utf8()));
  for (const char* name : {"event_time", "event_time_ms", "late_by_ms"})
    parts.push_back(arrow::field(name, arrow::int64()));
  return parts;
}

/// `value_of` the findings at their rows, null elsewhere.
template <typename Builder, typename Finding, typename ValueOf>
Result<std::shared_ptr<arrow::Array>> AtRows(const std::vector<Finding>& findings, std::int64_t rows,
                                             const ValueOf& value_of) {
  Builder out;
  MR_RETURN_IF_ARROW_ERROR(out.Reserve(rows));
  for (const Finding& finding : findings) {
    MR_RETURN_IF_ARROW_ERROR(out.AppendNulls(finding.row - out.length()));
    MR_RETURN_IF_ARROW_ERROR(out.Append(value_of(finding)));
  }
  MR_RETURN_IF_ARROW_ERROR(out.AppendNulls(rows - out.length()));
  std::shared_ptr<arrow::Array> made;
  MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
  return made;
}

}  // namespace

std::shared_ptr<arrow::Schema> WithCheckedField(const arrow::Schema& fields) {
  arrow::FieldVector out = fields.fields();
  out.push_back(arrow::field(kCheckedColumn, arrow::struct_(Parts())));
  return arrow::schema(std::move(out));
}

Result<Batch> WithChecked(const Batch& batch, const CheckedEvents& checked) {
  const std::int64_t rows = batch.num_rows();
  std::shared_ptr<arrow::Array> currency = checked.currency;
  if (currency == nullptr) {
    MR_ASSIGN_ARROW(currency, arrow::MakeArrayOfNull(arrow::utf8(), rows));
  }
  MR_ASSIGN_OR_RETURN(auto errors, AtRows<arrow::StringBuilder>(checked.errors, rows, [](const auto& error) {
                        return error.message;
                      }));
  MR_ASSIGN_OR_RETURN(auto late, AtRows<arrow::Int64Builder>(checked.late, rows,
                                                             [](const auto& row) { return row.late_by_ms; }));
  const arrow::ArrayVector parts = {checked.event_name,
                                    checked.action_source,
                                    checked.event_id,
                                    currency,
                                    errors,
                                    checked.event_time,
                                    checked.event_time_ms,
                                    late};
  MR_ASSIGN_ARROW(auto column, arrow::StructArray::Make(parts, Parts()));
  arrow::ArrayVector columns = batch.data->columns();
  columns.push_back(std::move(column));
  return batch.WithData(
      arrow::RecordBatch::Make(WithCheckedField(*batch.data->schema()), rows, std::move(columns)));
}

CheckedEvents CheckedOf(const Batch& batch) {
  const auto column =
      std::static_pointer_cast<arrow::StructArray>(batch.data->GetColumnByName(kCheckedColumn));
  const auto texts = [&](Part part) {
    return std::static_pointer_cast<arrow::StringArray>(column->field(part));
  };
  const auto numbers = [&](Part part) {
    return std::static_pointer_cast<arrow::Int64Array>(column->field(part));
  };
  CheckedEvents out;
  out.event_name = texts(kEventName);
  out.action_source = texts(kActionSource);
  out.event_time = numbers(kEventTime);
  out.event_time_ms = numbers(kEventTimeMs);
  out.event_id = texts(kEventId);
  out.currency = texts(kCurrency);
  const auto errors = texts(kError);
  const auto late = numbers(kLateBy);
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    if (batch.tombstone != nullptr && batch.tombstone->Value(row)) continue;
    if (errors->IsValid(row)) {
      out.errors.push_back({row, kEventErrorClass, errors->GetString(row)});
    } else if (late->IsValid(row)) {
      out.late.push_back({row, late->Value(row)});
    } else {
      out.rows.push_back(row);
    }
  }
  return out;
}

}  // namespace millrace
