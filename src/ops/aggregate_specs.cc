#include "ops/aggregate_specs.h"

#include <algorithm>

#include <arrow/type.h>

#include "columnar/schema_text.h"

namespace millrace {

Result<std::vector<std::unique_ptr<Aggregator>>> MakeAggregators(
    const std::vector<WindowAggregateSpec>& aggregates) {
  std::vector<std::unique_ptr<Aggregator>> made;
  for (const WindowAggregateSpec& aggregate : aggregates) {
    auto aggregator = MakeAggregator({.function = aggregate.function,
                                      .argument = aggregate.argument ? aggregate.argument->type() : nullptr,
                                      .order = aggregate.order ? aggregate.order->type() : nullptr,
                                      .parameter = aggregate.parameter});
    if (!aggregator.ok()) return aggregator.status().WithContext("aggregate '" + aggregate.name + "'");
    made.push_back(*std::move(aggregator));
  }
  return made;
}

std::string AggregatesLayout(const std::vector<WindowAggregateSpec>& aggregates) {
  std::string layout;
  for (const WindowAggregateSpec& aggregate : aggregates) {
    layout += (layout.empty() ? "" : ", ") + aggregate.name + " = " + aggregate.text;
    if (aggregate.argument) layout += " of " + TypeText(*aggregate.argument->type());
    if (aggregate.order) layout += " and " + TypeText(*aggregate.order->type());
  }
  std::replace(layout.begin(), layout.end(), '\n', ' ');
  return layout;
}

}  // namespace millrace
