#include "ops/triggered_update.h"

#include <algorithm>
#include <utility>

#include <arrow/api.h>

#include "ops/row_errors.h"

namespace millrace {
namespace {

GroupUpdate::ResultsOf WantedOf(const GroupRows& groups, const TriggerQuestion& question) {
  for (const std::size_t i : groups.of_any_size()) {
    if (question.each()[i]) return GroupUpdate::ResultsOf::kEachRow;
  }
  return GroupUpdate::ResultsOf::kEachGroup;
}

}  // namespace

Result<std::unique_ptr<TriggeredUpdate>> TriggeredUpdate::Make(const Options& options) {
  MR_ASSIGN_OR_RETURN(auto question,
                      TriggerQuestion::Make(options.trigger.when, {.schema = *options.shape.schema,
                                                                   .key_columns = options.key_columns,
                                                                   .groups = options.groups,
                                                                   .spans = options.spans}));
  return std::unique_ptr<TriggeredUpdate>(new TriggeredUpdate(options, std::move(question)));
}

TriggeredUpdate::TriggeredUpdate(const Options& options, std::unique_ptr<TriggerQuestion> question)
    : shape_(options.shape),
      update_(*options.update),
      results_of_(WantedOf(*options.groups, *question)),
      visible_(options.groups->visible()),
      rows_(options.rows, options.empty),
      question_(std::move(question)),
      rounds_({.before = options.trigger.before,
               .question = question_.get(),
               .update = options.update,
               .groups = options.groups,
               .stored = &rows_}) {}

Result<TriggeredUpdate::Input> TriggeredUpdate::Copies(const Batch& batch,
                                                       const std::vector<std::int32_t>& row_of) {
  const auto n = static_cast<std::int64_t>(row_of.size());
  if (n == batch.num_rows()) return Rows(batch);
  const Batch arguments = update_.WithArguments(batch, question_->Keys(*batch.data));
  const auto indices = std::make_shared<arrow::Int32Array>(n, arrow::Buffer::FromVector(row_of));
  Input input;
  MR_ASSIGN_OR_RETURN(input.batch, TakeRows(arguments, indices));
  input.keys = update_.SetArguments(input.batch);
  return input;
}

std::int64_t TriggeredUpdate::RowsAtOnce(std::span<const std::uint32_t> slots,
                                         const std::vector<std::int32_t>& row_of) const {
  const std::vector<std::int64_t> of_rows = update_.ArgumentBytes();
  std::vector<std::int64_t> bytes;
  if (!of_rows.empty()) {
    for (const std::int32_t row : row_of) bytes.push_back(of_rows[static_cast<std::size_t>(row)]);
  }
  const std::size_t copies = update_.RowsAtOnce(slots, bytes, results_of_);
  return copies == slots.size() ? row_of.back() + 1 : std::max(1, row_of[copies]);
}

std::vector<WindowResults::Window> TriggeredUpdate::FiredSpans() const {
  std::vector<WindowResults::Window> windows;
  if (fired().empty()) return windows;
  const auto& spans = static_cast<const arrow::StructArray&>(*rounds_.results().back());
  const auto& starts = static_cast<const arrow::TimestampArray&>(*spans.field(0));
  const auto& ends = static_cast<const arrow::TimestampArray&>(*spans.field(1));
  for (std::int64_t i = 0; i < spans.length(); ++i)
    windows.push_back({.start_ms = starts.Value(i), .end_ms = ends.Value(i)});
  return windows;
}

Result<TriggeredUpdate::Fired> TriggeredUpdate::TakeFired(std::vector<WindowResults::Window> windows,
                                                          KeyBuffer keys, Output& output) {
  Fired fired{.batch = {}, .rows = rounds_.fired()};
  arrow::ArrayVector results = rounds_.results();
  results.resize(visible_);
  MR_ASSIGN_OR_RETURN(fired.batch, WindowResults::MakeBatch(shape_, {.windows = std::move(windows),
                                                                     .keys = std::move(keys),
                                                                     .results = std::move(results),
                                                                     .is_final = true}));
  std::vector<RowError> errors = rounds_.TakeWithoutResult();
  if (errors.empty()) return fired;
  Fired kept;
  for (const std::size_t i : RowsWithoutError(fired.batch.num_rows(), errors))
    kept.rows.push_back(fired.rows[i]);
  MR_ASSIGN_OR_RETURN(kept.batch, WithoutRows(fired.batch, errors));
  MR_RETURN_IF_ERROR(output.DeadLetter(fired.batch, std::move(errors)));
  return kept;
}

Status TriggeredUpdate::Fired::EmitTo(Output& output, const std::function<bool(std::int32_t)>& is_due,
                                      const std::function<Status(std::int32_t)>& close) const {
  std::int64_t sent = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!is_due(rows[i])) continue;
    const auto at = static_cast<std::int64_t>(i);
    if (at > sent) MR_RETURN_IF_ERROR(output.Emit(SliceBatch(batch, sent, at - sent)));
    sent = at;
    MR_RETURN_IF_ERROR(close(rows[i]));
  }
  return output.Emit(SliceBatch(batch, sent, batch.num_rows() - sent));
}

std::vector<RowError> ErrorsOfRows(std::vector<RowError> errors, const std::vector<std::int32_t>& row_of) {
  std::vector<RowError> of_rows;
  for (RowError& error : errors) {
    error.row = row_of[static_cast<std::size_t>(error.row)];
    if (of_rows.empty() || of_rows.back().row != error.row) of_rows.push_back(std::move(error));
  }
  return of_rows;
}

}  // namespace millrace
