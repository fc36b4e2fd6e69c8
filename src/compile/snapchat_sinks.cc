#include "compile/snapchat_sinks.h"

#include <utility>
#include <vector>

#include "columnar/tombstone_column.h"
#include "connectors/snapchat/conversion_mapping.h"
#include "connectors/snapchat/conversion_values.h"
#include "expr/builder.h"
#include "ops/project.h"

namespace millrace {
namespace {

/// Marks events without consent; what is null is none.
void AddConsent(const Expr& consent, const std::string& otherwise, ConversionMap* map) {
  const Expr given = Call("coalesce", {consent, Lit(false)});
  const auto unless_given = [&](const char* field, const Expr& value) {
    map->values.emplace_back(field, Call("if", {given, NullLit(), value}));
  };
  if (otherwise == "opt_out") map->values.emplace_back("opt_out", Unary("not", given));
  if (otherwise == "LMU" || otherwise == "LDU") unless_given("data_processing_options", Lit(otherwise));
  if (otherwise != "LDU") return;
  unless_given("data_processing_options_country", Lit(std::int64_t{0}));
  unless_given("data_processing_options_state", Lit(std::int64_t{0}));
}

}  // namespace

Result<std::shared_ptr<ConversionsConnection>> ConnectConversions(const SnapchatConversionsSink& sink,
                                                                  const std::string& step, const Clock& clock,
                                                                  MetricRegistry& metrics) {
  ConversionsOptions options;
  options.step = step;
  options.api = {
      .url = sink.url, .validate = sink.mode == "validate", .test_event_code = sink.test_event_code};
  options.access_token = sink.access_token;
  options.ca_file = sink.ca_file;
  options.per_second = static_cast<double>(sink.per_second);
  options.batch_events = sink.batch_events;
  options.batch_bytes = sink.batch_bytes;
  return ConversionsConnection::Make(std::move(options), clock, metrics);
}

std::optional<Expr> SentWhere(const SnapchatConversionsSink& sink, const std::optional<PlanExpr>& where) {
  const bool drops = sink.consent && sink.without_consent == "drop";
  if (!where) return drops ? std::optional(sink.consent->expr) : std::nullopt;
  return drops ? Binary("and", where->expr, sink.consent->expr) : where->expr;
}

Result<std::unique_ptr<Operator>> MakeConversionFields(const SnapchatConversionsSink& sink,
                                                       const std::shared_ptr<arrow::Schema>& input) {
  ConversionMap map;
  for (const auto& [field, value] : sink.map) map.values.emplace_back(field, value.expr);
  map.left_out = sink.leave_out;
  if (sink.consent) AddConsent(sink.consent->expr, sink.without_consent, &map);
  const auto columns = WithTombstoneField(input);
  MR_ASSIGN_OR_RETURN(std::vector<MappedField> fields, MapConversionFields(map, columns));
  if (sink.asset_id) fields.push_back({kAssetColumn, CastTo(sink.asset_id->expr, "string")});
  std::vector<Projection> projections;
  for (MappedField& field : fields) {
    MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(field.value, columns));
    projections.push_back({std::move(field.path), std::move(bound)});
  }
  return MakeProject(std::move(projections), *input);
}

Result<std::unique_ptr<Sink>> MakeConversions(const SnapchatConversionsSink& sink,
                                              const std::shared_ptr<arrow::Schema>& fields,
                                              std::shared_ptr<ConversionsConnection> connection) {
  ConversionRules rules;
  rules.max_age = sink.max_event_age;
  rules.max_ahead = sink.max_event_ahead;
  rules.milliseconds = sink.time_unit == "ms";
  if (!sink.pixel_id.empty()) rules.action_source = kWeb;
  if (!sink.app_id.empty()) rules.action_source = kMobileApp;
  const std::string& asset = sink.pixel_id.empty() ? sink.app_id : sink.pixel_id;
  if (!sink.asset_id && !IsAssetId(asset))
    return Status::InvalidArgument(
        "'" + asset + "' is no id of a pixel or an app: it has letters, digits, '-', '_' and '.'");
  return MakeConversionsSink(fields, std::move(rules), asset, std::move(connection));
}

}  // namespace millrace
