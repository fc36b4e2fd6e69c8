#include "ops/window_parts.h"

#include <utility>

#include "ops/keyed_rows.h"
#include "ops/window_span.h"

namespace millrace {

Result<WindowParts> MakeWindowParts(WindowAggregateOptions options, const arrow::Schema& input) {
  WindowParts parts;
  MR_ASSIGN_OR_RETURN(WindowDescription description, DescribeWindow(options, input));
  parts.output_schema = std::move(description.output_schema);
  MR_ASSIGN_OR_RETURN(parts.key_columns, KeyColumnIndices(options.by, input));
  MR_ASSIGN_OR_RETURN(parts.aggregators, MakeWindowAggregators(options));
  parts.options = std::move(options);
  return parts;
}

Result<std::vector<std::unique_ptr<Aggregator>>> MakeWindowAggregators(
    const WindowAggregateOptions& options) {
  MR_ASSIGN_OR_RETURN(auto aggregators, MakeAggregators(options));
  if (options.kind == WindowKind::kSession || options.kind == WindowKind::kCount)
    aggregators.push_back(std::make_unique<WindowSpanAggregator>());
  return aggregators;
}

}  // namespace millrace
