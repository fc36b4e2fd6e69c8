#include "ops/trigger_question.h"

#include <algorithm>

#include <arrow/api.h>

namespace millrace {
namespace {

std::shared_ptr<arrow::Array> Times(std::vector<std::int64_t> times_ms) {
  const auto rows = static_cast<std::int64_t>(times_ms.size());
  return arrow::MakeArray(arrow::ArrayData::Make(arrow::timestamp(arrow::TimeUnit::MILLI), rows,
                                                 {nullptr, arrow::Buffer::FromVector(std::move(times_ms))},
                                                 0));
}

}  // namespace

Result<std::unique_ptr<TriggerQuestion>> TriggerQuestion::Make(const Expr& when, const Options& options) {
  const arrow::Schema& schema = options.schema;
  GroupRows* const groups = options.groups;
  const std::vector<std::string> names = when.Columns();
  const auto read = [&](std::size_t column) {
    return std::find(names.begin(), names.end(), schema.field(static_cast<int>(column))->name()) !=
           names.end();
  };
  const std::size_t keys = options.key_columns.size();
  const std::size_t columns = keys + 2 + groups->visible();
  arrow::FieldVector fields;
  for (std::size_t i = 0; i < columns; ++i) {
    if (read(i)) fields.push_back(schema.field(static_cast<int>(i)));
  }
  auto read_schema = arrow::schema(std::move(fields));
  // Names that are not there are told apart by the schema that has all.
  const auto all = arrow::schema(arrow::FieldVector(
      schema.fields().begin(), schema.fields().begin() + static_cast<std::ptrdiff_t>(columns)));
  MR_RETURN_IF_ERROR(BoundExpr::Bind(when, all).status());
  MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(when, read_schema));
  std::unique_ptr<TriggerQuestion> made(new TriggerQuestion(std::move(bound), options));
  for (std::size_t i = 0; i < keys; ++i) {
    if (read(i)) made->key_columns_.push_back(options.key_columns[i]);
  }
  made->reads_start_ = read(keys);
  made->reads_end_ = read(keys + 1);
  for (std::size_t i = 0; i < groups->size(); ++i) {
    const bool shown = i < groups->visible();
    made->read_.push_back(shown && read(keys + 2 + i));
    made->reads_lists_ |= made->read_.back() && groups->aggregator(i).type()->id() == arrow::Type::LIST;
    made->each_.push_back(made->read_.back() || groups->aggregator(i).checked());
  }
  if (options.spans && (made->reads_start_ || made->reads_end_)) made->each_.back() = true;
  made->results_.resize(groups->size());
  made->schema_ = std::move(read_schema);
  return made;
}

std::vector<std::shared_ptr<arrow::Array>> TriggerQuestion::Keys(const arrow::RecordBatch& input) const {
  arrow::ArrayVector keys;
  for (const int column : key_columns_) keys.push_back(input.column(column));
  return keys;
}

Status TriggerQuestion::Ask(std::vector<std::shared_ptr<arrow::Array>> keys, Windows windows,
                            std::int64_t rows) {
  for (std::size_t i = 0; i < each_.size(); ++i) {
    if (!each_[i]) continue;
    MR_ASSIGN_OR_RETURN(results_[i], groups_.aggregator(i).Finish());
  }
  arrow::ArrayVector columns = std::move(keys);
  const auto span = [this](int field) {
    return static_cast<const arrow::StructArray&>(*results_.back()).field(field);
  };
  if (reads_start_) columns.push_back(spans_ ? span(0) : Times(std::move(windows.starts_ms)));
  if (reads_end_) columns.push_back(spans_ ? span(1) : Times(std::move(windows.ends_ms)));
  for (std::size_t i = 0; i < read_.size(); ++i) {
    if (read_[i]) columns.push_back(results_[i]);
  }
  MR_ASSIGN_OR_RETURN(answers_, when_.Evaluate(*arrow::RecordBatch::Make(schema_, rows, std::move(columns))));
  return Status::Ok();
}

}  // namespace millrace
