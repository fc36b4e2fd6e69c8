#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "ops/window_aggregate.h"

namespace millrace {

/// What every kind of window is made of.
struct WindowParts {
  WindowAggregateOptions options;
  std::shared_ptr<arrow::Schema> output_schema;
  std::vector<int> key_columns;
  /// Of the result columns, in order; of session and count windows behind them a WindowSpanAggregator.
  std::vector<std::unique_ptr<Aggregator>> aggregators;
};

/// Errors: as DescribeWindow.
Result<WindowParts> MakeWindowParts(WindowAggregateOptions options, const arrow::Schema& input);

/// As WindowParts::aggregators, once more: for groups that are made of others.
Result<std::vector<std::unique_ptr<Aggregator>>> MakeWindowAggregators(const WindowAggregateOptions& options);

}  // namespace millrace
