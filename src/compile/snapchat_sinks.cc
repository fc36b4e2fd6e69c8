#include "compile/snapchat_sinks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "columnar/tombstone_column.h"
#include "compile/snapchat_tokens.h"
#include "connectors/snapchat/audience_mapping.h"
#include "connectors/snapchat/conversion_mapping.h"
#include "connectors/snapchat/conversion_values.h"
#include "expr/builder.h"
#include "ops/project.h"

namespace millrace {
namespace {

/// Marks events without consent; what is null is none. The others keep the marks that they have.
class ConsentMarks {
 public:
  /// `map` outlives it.
  static Result<ConsentMarks> Make(const Expr& consent, const std::shared_ptr<arrow::Schema>& columns,
                                   ConversionMap* map) {
    MR_ASSIGN_OR_RETURN(std::vector<MappedField> own, MapConversionFields(*map, columns));
    ConsentMarks marks(Call("coalesce", {consent, Lit(false)}), std::move(own), map);
    if (const auto options = marks.Own(kOptions)) {
      MR_ASSIGN_OR_RETURN(const BoundExpr bound, BoundExpr::Bind(*options, columns));
      marks.options_are_lists_ = bound.type()->id() == arrow::Type::LIST;
    }
    return marks;
  }

  void Add(const std::string& otherwise) {
    if (otherwise == "opt_out") {
      const auto own = Own("opt_out");
      const Expr not_given = Unary("not", given_);
      Set("opt_out", own ? Binary("or", not_given, Call("coalesce", {*own, Lit(false)})) : not_given);
    }
    if (otherwise != "LMU" && otherwise != "LDU") return;
    UnlessGiven(kOptions, options_are_lists_ ? Call("list", {Lit(otherwise)}) : Lit(otherwise));
    if (otherwise != "LDU") return;
    UnlessGiven("data_processing_options_country", Lit(std::int64_t{0}));
    UnlessGiven("data_processing_options_state", Lit(std::int64_t{0}));
  }

 private:
  static constexpr const char* kOptions = "data_processing_options";

  ConsentMarks(Expr given, std::vector<MappedField> own, ConversionMap* map)
      : given_(std::move(given)), own_(std::move(own)), map_(*map) {}

  std::optional<Expr> Own(std::string_view field) const {
    const auto found =
        std::find_if(own_.begin(), own_.end(), [&](const auto& own) { return own.path == field; });
    return found == own_.end() ? std::nullopt : std::optional(found->value);
  }
  void UnlessGiven(const char* field, const Expr& value) {
    Set(field, Call("if", {given_, Own(field).value_or(NullLit()), value}));
  }
  void Set(const std::string& field, const Expr& value) {
    std::erase_if(map_.values, [&](const auto& said) { return said.first == field; });
    map_.values.emplace_back(field, value);
  }

  const Expr given_;
  const std::vector<MappedField> own_;
  ConversionMap& map_;
  bool options_are_lists_ = false;  // those that events have; a text where they have none
};

SnapConnectionOptions ConnectionOf(const SnapchatAccess& access, const SnapSinkContext& context) {
  SnapConnectionOptions options;
  options.step = context.step;
  options.shared = context.shared;
  options.access.url = access.url;
  options.access.login.access_token = access.access_token;
  options.access.login.access_token_file = access.access_token_file;
  if (access.oauth) options.access.login.oauth = OAuthOptionsOf(*access.oauth);
  options.access.ca_file = access.ca_file;
  options.access.per_second = static_cast<double>(access.per_second);
  options.access.app = access.app;
  options.access.app_per_second = access.app_per_second;
  return options;
}

/// Ids become parts of URLs.
Status CheckId(const std::string& what, const std::string& id) {
  if (id.empty() || IsAssetId(id)) return Status::Ok();
  return Status::InvalidArgument(what + ": '" + id + "' is no id: it has letters, digits, '-', '_' and '.'");
}

ConversionRules RulesOf(const SnapchatConversionsSink& sink) {
  ConversionRules rules;
  rules.max_age = sink.max_event_age;
  rules.max_ahead = sink.max_event_ahead;
  rules.milliseconds = sink.time_unit == "ms";
  rules.options_as_text = sink.processing_options == "text";
  rules.other_names = sink.device_id == "mobile_ad_id";
  if (!sink.pixel_id.empty()) rules.action_source = kWeb;
  if (!sink.app_id.empty()) rules.action_source = kMobileApp;
  return rules;
}

/// Of all events; "" when each names its own.
const std::string& AssetOf(const SnapchatConversionsSink& sink) {
  return sink.pixel_id.empty() ? sink.app_id : sink.pixel_id;
}

std::optional<Expr> GivenIdentifier(const SnapchatAudienceSink& sink) {
  return sink.identifier ? std::optional(sink.identifier->expr) : std::nullopt;
}

}  // namespace

Result<std::shared_ptr<ConversionsConnection>> Connect(const SnapchatConversionsSink& sink,
                                                       const SnapSinkContext& context) {
  ConversionsOptions options;
  options.connection = ConnectionOf(sink.access, context);
  options.api = {.url = sink.access.url,
                 .validate = sink.mode == "validate",
                 .test_event_code = sink.test_event_code,
                 .token_in_header = sink.token_in == "header"};
  options.batch_events = sink.batch_events;
  options.batch_bytes = sink.batch_bytes;
  return ConversionsConnection::Make(std::move(options), *context.clock, *context.metrics);
}

Result<std::shared_ptr<AudienceConnection>> Connect(const SnapchatAudienceSink& sink,
                                                    const SnapSinkContext& context) {
  const SnapchatSegment& segment = sink.segment;
  MR_RETURN_IF_ERROR(CheckId("ad_account_id", sink.ad_account_id));
  MR_RETURN_IF_ERROR(CheckId("segment", segment.id));
  AudienceOptions options;
  options.connection = ConnectionOf(sink.access, context);
  options.url = sink.access.url;
  MR_ASSIGN_OR_RETURN(options.schema, ParseAudienceSchema(sink.schema));
  options.no_identifier = NoIdentifier(options.schema, GivenIdentifier(sink));
  options.segment_id = segment.id;
  if (segment.id.empty()) {
    options.wanted = SegmentWanted{.ad_account_id = sink.ad_account_id,
                                   .name = segment.name,
                                   .description = segment.description,
                                   .retention_in_days = segment.retention_in_days,
                                   .create = segment.create};
  }
  options.batch_identifiers = sink.batch_identifiers;
  options.batch_bytes = sink.batch_bytes;
  return AudienceConnection::Make(std::move(options), *context.clock, *context.metrics);
}

std::optional<Expr> SentWhere(const SnapchatConversionsSink& sink, const std::optional<PlanExpr>& where) {
  const bool drops = sink.consent && sink.without_consent == "drop";
  if (!where) return drops ? std::optional(sink.consent->expr) : std::nullopt;
  return drops ? Binary("and", where->expr, sink.consent->expr) : where->expr;
}

Result<Expr> SentWhere(const SnapchatAudienceSink& sink, const std::optional<PlanExpr>& where,
                       const std::shared_ptr<arrow::Schema>& input) {
  MR_ASSIGN_OR_RETURN(const AudienceSchema schema, ParseAudienceSchema(sink.schema));
  MR_ASSIGN_OR_RETURN(const Expr identifier,
                      AudienceIdentifier(schema, GivenIdentifier(sink), WithTombstoneField(input)));
  const Expr known = Unary("not", Binary("and", Col(kTombstoneColumn), Unary("is null", identifier)));
  return where ? Binary("and", where->expr, known) : known;
}

Result<std::unique_ptr<Operator>> MakeSinkFields(const SnapchatAudienceSink& sink,
                                                 const std::shared_ptr<arrow::Schema>& input) {
  const auto columns = WithTombstoneField(input);
  MR_ASSIGN_OR_RETURN(const AudienceSchema schema, ParseAudienceSchema(sink.schema));
  MR_ASSIGN_OR_RETURN(const Expr identifier, AudienceIdentifier(schema, GivenIdentifier(sink), columns));
  MR_ASSIGN_OR_RETURN(const Expr hashed, HashedIdentifier(schema, identifier, columns));
  const Expr action = sink.action_of_row ? sink.action_of_row->expr : Lit(sink.action);
  std::vector<Projection> projections;
  for (const auto& [name, value] : {std::pair(kIdentifierColumn, hashed), std::pair(kActionColumn, action)}) {
    MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(value, columns));
    projections.push_back({name, std::move(bound)});
  }
  return MakeProject(std::move(projections), *input, TombstoneValues::kMade);
}

Result<std::unique_ptr<Operator>> MakeSinkFields(const SnapchatConversionsSink& sink,
                                                 const std::shared_ptr<arrow::Schema>& input) {
  ConversionMap map;
  for (const auto& [field, value] : sink.map) map.values.emplace_back(field, value.expr);
  map.left_out = sink.leave_out;
  const auto columns = WithTombstoneField(input);
  if (sink.consent) {
    MR_ASSIGN_OR_RETURN(ConsentMarks marks, ConsentMarks::Make(sink.consent->expr, columns, &map));
    marks.Add(sink.without_consent);
  }
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
  const std::string& asset = AssetOf(sink);
  if (!sink.asset_id && !IsAssetId(asset))
    return Status::InvalidArgument(
        "'" + asset + "' is no id of a pixel or an app: it has letters, digits, '-', '_' and '.'");
  return MakeConversionsSink(fields, RulesOf(sink), asset, std::move(connection));
}

Result<std::vector<ConversionKey>> SentOnceBy(const SnapchatConversionsSink& sink, const std::string& name,
                                              const std::shared_ptr<arrow::Schema>& input) {
  MR_ASSIGN_OR_RETURN(const auto fields, MakeSinkFields(sink, input));
  return ConversionKeysOf(sink, name, *fields->output_schema());
}

Result<std::unique_ptr<Operator>> MakeSinkRepeats(const SnapchatConversionsSink& sink,
                                                  const std::string& name,
                                                  const std::shared_ptr<arrow::Schema>& fields,
                                                  StateStore* store, const Clock& clock) {
  ConversionRepeatsOptions options{.keys = ConversionKeysOf(sink, name, *fields),
                                   .rules = RulesOf(sink),
                                   .asset = AssetOf(sink),
                                   .remember = sink.mode != "validate" && sink.test_event_code.empty()};
  if (options.keys.empty()) return std::unique_ptr<Operator>();
  return MakeConversionRepeats(std::move(options), fields, store, clock);
}

}  // namespace millrace
