#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/metrics.h"
#include "base/result.h"
#include "compile/conversion_repeats.h"
#include "connect/sink.h"
#include "connectors/snapchat/audience_sink.h"
#include "connectors/snapchat/conversions_sink.h"
#include "env/clock.h"
#include "ops/operator.h"
#include "plan/plan.h"
#include "state/state_store.h"

namespace millrace {

/// What a sink needs of its process.
struct SnapSinkContext {
  std::string step{};
  const Clock* clock = nullptr;            ///< outlives the sink
  MetricRegistry* metrics = nullptr;       ///< as well
  std::shared_ptr<SnapAccesses> shared{};  ///< with the other sinks and sources
};

/// What the tasks of a sink share.
Result<std::shared_ptr<ConversionsConnection>> Connect(const SnapchatConversionsSink& sink,
                                                       const SnapSinkContext& context);
Result<std::shared_ptr<AudienceConnection>> Connect(const SnapchatAudienceSink& sink,
                                                    const SnapSinkContext& context);

/// Which rows are sent: those of `where`, and with consent where others are dropped; nothing when all are.
std::optional<Expr> SentWhere(const SnapchatConversionsSink& sink, const std::optional<PlanExpr>& where);
/// Of tombstones only those that still have an identifier. Errors: user error when none can be made.
Result<Expr> SentWhere(const SnapchatAudienceSink& sink, const std::optional<PlanExpr>& where,
                       const std::shared_ptr<arrow::Schema>& input);

/// Makes of the rows what the sink writes: the fields of events, or hashed identifiers and actions. Errors:
/// user error naming the field.
Result<std::unique_ptr<Operator>> MakeSinkFields(const SnapchatConversionsSink& sink,
                                                 const std::shared_ptr<arrow::Schema>& input);
Result<std::unique_ptr<Operator>> MakeSinkFields(const SnapchatAudienceSink& sink,
                                                 const std::shared_ptr<arrow::Schema>& input);

/// By what the sink called `name` sends an event once, with the tables in which it remembers that.
Result<std::vector<ConversionKey>> SentOnceBy(const SnapchatConversionsSink& sink, const std::string& name,
                                              const std::shared_ptr<arrow::Schema>& input);
/// What stands in front of the sink for that; null when nothing does. `fields`: behind MakeSinkFields.
/// `store` and `clock`: as MakeConversionRepeats.
Result<std::unique_ptr<Operator>> MakeSinkRepeats(const SnapchatConversionsSink& sink,
                                                  const std::string& name,
                                                  const std::shared_ptr<arrow::Schema>& fields,
                                                  StateStore* store, const Clock& clock);

/// `fields`: behind MakeSinkFields, or MakeSinkRepeats.
Result<std::unique_ptr<Sink>> MakeConversions(const SnapchatConversionsSink& sink,
                                              const std::shared_ptr<arrow::Schema>& fields,
                                              std::shared_ptr<ConversionsConnection> connection);

}  // namespace millrace
