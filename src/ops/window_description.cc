// What a window is before it runs: its columns, the layout of its state, and what is wrong with its options.

#include <algorithm>
#include <limits>

#include <arrow/api.h>

#include "columnar/schema_text.h"
#include "ops/aggregate_specs.h"
#include "ops/clocked_rows.h"
#include "ops/keyed_rows.h"
#include "ops/triggered_rows.h"
#include "ops/window_aggregate.h"

namespace millrace {
namespace {

// How many windows may hold a row.
std::int64_t WindowsOfARow(const WindowAggregateOptions& options) {
  std::int64_t size = 1, step = 1;
  if (options.kind == WindowKind::kHopping) {
    size = options.size.count();
    step = options.step.count();
  } else if (options.kind == WindowKind::kCount) {
    size = options.count;
    step = options.count_step;
  }
  return (size - 1) / step + 1;
}

Status CheckOptions(const WindowAggregateOptions& options) {
  const bool by_key = options.kind != WindowKind::kSliding && options.kind != WindowKind::kCount;
  if (options.closing == ClosingMode::kKey && !by_key)
    return Status::InvalidArgument("only tumbling, hopping and session windows can close by key");
  if (options.trigger && options.kind == WindowKind::kSliding)
    return Status::InvalidArgument("a sliding window cannot have a trigger");
  if (options.kind == WindowKind::kCount) {
    if (options.count >= 1 && options.count_step >= 1 && options.count_step <= options.count)
      return Status::Ok();
    return Status::InvalidArgument(
        "a count window needs a size of at least 1 and a step from 1 to its size, not " +
        std::to_string(options.count) + " and " + std::to_string(options.count_step));
  }
  constexpr Duration kLongest{std::numeric_limits<std::int64_t>::max() / 8};
  if (options.size.count() <= 0 || options.size > kLongest) {
    return Status::InvalidArgument("a window must be longer than 0ms and shorter than " +
                                   FormatDuration(kLongest) + ", it is " + FormatDuration(options.size));
  }
  if (options.kind == WindowKind::kHopping && (options.step.count() <= 0 || options.step > options.size)) {
    return Status::InvalidArgument(
        "the step of a hopping window must be longer than 0 and at most its size " +
        FormatDuration(options.size) + ", it is " + FormatDuration(options.step));
  }
  if (options.grace.count() < 0) {
    return Status::InvalidArgument("grace must not be negative, it is " + FormatDuration(options.grace));
  }
  return Status::Ok();
}

std::string ShapeOf(const WindowAggregateOptions& options) {
  const std::string offset = " offset " + FormatDuration(options.offset);
  switch (options.kind) {
    case WindowKind::kTumbling:
      return "tumbling " + FormatDuration(options.size) + offset;
    case WindowKind::kHopping:
      return "hopping " + FormatDuration(options.size) + " every " + FormatDuration(options.step) + offset;
    case WindowKind::kSliding:
      return "sliding " + FormatDuration(options.size);
    case WindowKind::kSession:
      return "session " + FormatDuration(options.size);
    case WindowKind::kCount:
      return "count " + std::to_string(options.count) + " every " + std::to_string(options.count_step);
  }
  return "";
}

std::string LayoutOf(const WindowAggregateOptions& options, const arrow::FieldVector& keys) {
  std::string layout = ShapeOf(options);
  // Sessions know the clocks of keys without a row for each.
  const bool clocks = options.closing == ClosingMode::kKey && options.kind != WindowKind::kSession;
  if (options.trigger && (WindowsOfARow(options) > 1 || clocks)) layout += kTriggeredLayout;
  if (clocks) layout += kClosesByKeyLayout;
  layout += " by ";
  for (const auto& key : keys) layout += key->name() + ":" + TypeText(*key->type()) + " ";
  layout += "aggregate ";
  layout += AggregatesLayout(options.aggregates);
  std::replace(layout.begin(), layout.end(), '\n', ' ');
  return options.name + "=" + layout;
}

}  // namespace

WindowAssigner::Shape AssignerShape(const WindowAggregateOptions& options) {
  switch (options.kind) {
    case WindowKind::kTumbling:
      return {options.size, options.size, options.grace, options.offset};
    case WindowKind::kHopping:
      return {options.size, options.step, options.grace, options.offset};
    case WindowKind::kSliding:
      return {options.size, Duration(1), options.grace, Duration(0)};
    case WindowKind::kSession:
    case WindowKind::kCount:
      break;
  }
  return {};
}

Result<std::vector<std::unique_ptr<Aggregator>>> MakeAggregators(const WindowAggregateOptions& options) {
  return MakeAggregators(options.aggregates);
}

Result<WindowDescription> DescribeWindow(const WindowAggregateOptions& options, const arrow::Schema& input) {
  MR_RETURN_IF_ERROR(CheckOptions(options));
  MR_ASSIGN_OR_RETURN(const std::vector<int> key_columns, KeyColumnIndices(options.by, input));
  MR_ASSIGN_OR_RETURN(const auto aggregators, MakeAggregators(options));
  arrow::FieldVector keys;
  for (const int column : key_columns) keys.push_back(input.field(column));
  arrow::FieldVector fields = keys;
  fields.push_back(arrow::field("window_start", arrow::timestamp(arrow::TimeUnit::MILLI)));
  fields.push_back(arrow::field("window_end", arrow::timestamp(arrow::TimeUnit::MILLI)));
  for (std::size_t i = 0; i < aggregators.size(); ++i) {
    fields.push_back(arrow::field(options.aggregates[i].name, aggregators[i]->type()));
  }
  if (options.trigger)
    MR_RETURN_IF_ERROR(BoundExpr::Bind(options.trigger->when, arrow::schema(fields)).status());
  if (options.emit == EmitMode::kCurrent) fields.push_back(arrow::field("final", arrow::boolean()));
  return WindowDescription{.output_schema = arrow::schema(std::move(fields)),
                           .state_layout = LayoutOf(options, keys)};
}

}  // namespace millrace
