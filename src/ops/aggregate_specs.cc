#include "ops/aggregate_specs.h"

#include <algorithm>

#include <arrow/type.h>

#include "columnar/schema_text.h"
#include "millrace/user_aggregate.h"

namespace millrace {
namespace {

/// "user v1 16 bytes ": what a user says of the state of an aggregate, and what is seen of it.
std::string UserStateLayout(const UserAggregate& user) {
  const UserAggregate::Traits& traits = user.traits();
  const std::string size = traits.state_bytes == 0 ? "" : std::to_string(traits.state_bytes) + " bytes ";
  return std::string(kUserStateLayout) + "v" + std::to_string(traits.version) + " " + size;
}

}  // namespace

Result<std::vector<std::unique_ptr<Aggregator>>> MakeAggregators(
    const std::vector<WindowAggregateSpec>& aggregates) {
  std::vector<std::unique_ptr<Aggregator>> made;
  for (const WindowAggregateSpec& aggregate : aggregates) {
    auto aggregator = MakeAggregator({.function = aggregate.function,
                                      .argument = aggregate.argument ? aggregate.argument->type() : nullptr,
                                      .order = aggregate.order ? aggregate.order->type() : nullptr,
                                      .parameter = aggregate.parameter,
                                      .user = aggregate.user});
    if (!aggregator.ok()) return aggregator.status().WithContext("aggregate '" + aggregate.name + "'");
    made.push_back(*std::move(aggregator));
  }
  return made;
}

std::string AggregatesLayout(const std::vector<WindowAggregateSpec>& aggregates) {
  std::string layout;
  for (const WindowAggregateSpec& aggregate : aggregates) {
    layout += (layout.empty() ? "" : ", ") + aggregate.name + " = ";
    if (aggregate.user != nullptr) layout += UserStateLayout(*aggregate.user);
    layout += aggregate.text;
    if (aggregate.argument) layout += " of " + TypeText(*aggregate.argument->type());
    if (aggregate.order) layout += " and " + TypeText(*aggregate.order->type());
  }
  std::replace(layout.begin(), layout.end(), '\n', ' ');
  return layout;
}

}  // namespace millrace
