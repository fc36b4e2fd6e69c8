#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "connect/sink.h"
#include "connect/staged_publishing.h"
#include "connectors/console/console_sink.h"
#include "connectors/snapchat/audience_sink.h"
#include "connectors/snapchat/conversions_sink.h"
#include "env/clock.h"
#include "ops/operator.h"
#include "plan/plan.h"

namespace millrace {

struct SinkFactoryContext {
  std::string app;
  /// Rows the sink receives: behind MakeSinkProjection when there is one.
  std::shared_ptr<arrow::Schema> input;
  /// Columns that made the key of the rows (AnalyzedPlan::group_columns): the default key of a Kafka sink.
  std::vector<std::string> group_columns;
  Partition partition{0};
  /// Shared by the tasks of a console sink; null for other kinds.
  std::shared_ptr<ConsoleOutput> console;
  /// Shared by the tasks of a sink for Snapchat; null for other kinds.
  std::shared_ptr<ConversionsConnection> conversions;
  std::shared_ptr<AudienceConnection> audience;
  const Clock* clock = nullptr;
};

/// Which rows of `input` the sink gets; nothing: all.
Result<std::optional<Expr>> SinkPredicate(const SinkNode& sink, const std::shared_ptr<arrow::Schema>& input);

/// What makes of a row what the sink writes; null when that is the row. For a sink with partition_by: the
/// partition columns last, as files need them; a plain column keeps its name and leaves the payload, an
/// expression is named after its text. For Snapchat: MakeSinkFields.
Result<std::unique_ptr<Operator>> MakeSinkProjection(const SinkNode& sink,
                                                     const std::shared_ptr<arrow::Schema>& input);

/// The sink of one plan node (its `where` and projection are operators in front of it).
/// Errors: user error; the caller adds the location.
Result<std::unique_ptr<Sink>> MakeSink(const PlanNode& node, const SinkFactoryContext& context);

/// TaskProgram::publish_note: what the note of a file sink commits becomes files in its folder. `folder`: as
/// PublishStaged. Errors: as PublishStaged; kCorrupt for a note that no file sink wrote.
Status PublishNote(const StagingOwner& owner, std::string_view note, const std::string& folder = "");

/// Writes late rows (with their `late_by`) as JSON to `topic` (W2). `input`: without late_by.
/// `group_columns`: those that made the key of the rows, which is written as that of a sink, or is null where
/// one of them has no form as a message key; none: the rows have the message keys of their records.
Result<std::unique_ptr<Sink>> MakeLateSink(const std::string& topic,
                                           const std::shared_ptr<arrow::Schema>& input,
                                           const std::vector<std::string>& group_columns);

}  // namespace millrace
