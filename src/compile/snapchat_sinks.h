#pragma once

#include <memory>
#include <optional>
#include <string>

#include <arrow/type_fwd.h>

#include "base/metrics.h"
#include "base/result.h"
#include "connect/sink.h"
#include "connectors/snapchat/conversions_sink.h"
#include "env/clock.h"
#include "ops/operator.h"
#include "plan/plan.h"

namespace millrace {

/// What the tasks of a sink share. `clock` and `metrics` outlive it.
Result<std::shared_ptr<ConversionsConnection>> ConnectConversions(const SnapchatConversionsSink& sink,
                                                                  const std::string& step, const Clock& clock,
                                                                  MetricRegistry& metrics);

/// Which rows are sent: those of `where`, and with consent where others are dropped; nothing when all are.
std::optional<Expr> SentWhere(const SnapchatConversionsSink& sink, const std::optional<PlanExpr>& where);

/// Makes the fields of events of the rows, in front of the sink. Errors: user error naming the field.
Result<std::unique_ptr<Operator>> MakeConversionFields(const SnapchatConversionsSink& sink,
                                                       const std::shared_ptr<arrow::Schema>& input);

/// `fields`: behind MakeConversionFields.
Result<std::unique_ptr<Sink>> MakeConversions(const SnapchatConversionsSink& sink,
                                              const std::shared_ptr<arrow::Schema>& fields,
                                              std::shared_ptr<ConversionsConnection> connection);

}  // namespace millrace
