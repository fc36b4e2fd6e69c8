#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "connect/sink.h"
#include "plan/plan.h"

namespace millrace {

struct SinkFactoryContext {
  /// Rows the sink receives.
  std::shared_ptr<arrow::Schema> input;
  /// Columns that made the key of the rows, when a group_by or window did: the default key of a Kafka sink.
  std::vector<std::string> group_columns;
  Partition partition{0};
};

/// The sink of one plan node (its `where` is an operator in front of it).
/// Errors: user error; the caller adds the location.
Result<std::unique_ptr<Sink>> MakeSink(const PlanNode& node, const SinkFactoryContext& context);

/// Writes late rows (with their `late_by`) as JSON to `topic`, under their own key (W2).
Result<std::unique_ptr<Sink>> MakeLateSink(const std::string& topic,
                                           const std::shared_ptr<arrow::Schema>& input);

}  // namespace millrace
