#include "plan/feeds.h"

#include <algorithm>
#include <set>

#include <arrow/api.h>

#include "base/check.h"
#include "base/suggest.h"
#include "columnar/schema_text.h"
#include "plan/stats_fields.h"

namespace millrace {
namespace {

constexpr const char* kKeyColumn = "key";

/// Columns of {name, type} in the order given.
template <typename Columns>
arrow::FieldVector FieldsOf(const Columns& columns) {
  arrow::FieldVector fields;
  for (const auto& [name, type] : columns) {
    auto field = ParseField(name, type);
    MR_CHECK(field.ok()) << name;
    fields.push_back(*std::move(field));
  }
  return fields;
}

constexpr std::pair<const char*, const char*> kEntityColumns[] = {
    {kKeyColumn, "string"},
    {"kind", "string"},
    {"id", "string"},
    {"organization_id", "string"},
    {"ad_account_id", "string"},
    {"campaign_id", "string"},
    {"ad_squad_id", "string"},
    {"name", "string"},
    {"status", "string"},
    {"type", "string"},
    {"currency", "string"},
    {"timezone", "string"},
    {"created_at", "timestamp[ms, rfc3339]"},
    {"updated_at", "timestamp[ms, rfc3339]"},
    {"start_time", "timestamp[ms, rfc3339]"},
    {"end_time", "timestamp[ms, rfc3339]"},
    {"daily_budget", "decimal(20, 6)"},
    {"lifetime_budget", "decimal(20, 6)"},
    {"lifetime_spend_cap", "decimal(20, 6)"},
    {"bid", "decimal(20, 6)"},
    {"object", "json"},
};

constexpr std::pair<const char*, const char*> kStatsColumns[] = {
    {kKeyColumn, "string"},
    {"level", "string"},
    {"entity_id", "string"},
    {"ad_account_id", "string"},
    {"granularity", "string"},
    {"start_time", "timestamp[ms, rfc3339]"},
    {"end_time", "timestamp[ms, rfc3339]"},
    {"currency", "string"},
};

constexpr std::pair<const char*, const char*> kProfileColumns[] = {
    {kKeyColumn, "string"},
    {"kind", "string"},
    {"id", "string"},
    {"profile_id", "string"},
    {"organization_id", "string"},
    {"display_name", "string"},
    {"description", "string"},
    {"category", "string"},
    {"subcategory", "string"},
    {"country", "string"},
    {"website", "string"},
    {"snap_user_name", "string"},
    {"profile_type", "string"},
    {"profile_tier", "string"},
    {"internal_profile_category", "string"},
    {"subscriber_count", "int64"},
    {"spotlight_views", "int64"},
    {"share_authorized_data_with_api_partners", "bool"},
    {"username", "string"},
    {"story_id", "string"},
    {"story_type", "string"},
    {"media_type", "string"},
    {"media_url", "string"},
    {"thumbnail_url", "string"},
    {"created_at", "timestamp[ms, rfc3339]"},
    {"expires_at", "timestamp[ms, rfc3339]"},
    {"granularity", "string"},
    {"start_time", "timestamp[ms, rfc3339]"},
    {"end_time", "timestamp[ms, rfc3339]"},
    {"object", "json"},
};

/// Along which Snap divides the figures of statistics.
constexpr const char* kReportDimensions[] = {"country", "region", "dma",  "gender",
                                             "age",     "os",     "make", "lifestyle_category"};

constexpr std::string_view kLeadTexts[] = {"lead_id",
                                           "form_id",
                                           "form_name",
                                           "ad_account_id",
                                           "campaign_id",
                                           "campaign_name",
                                           "ad_squad_id",
                                           "ad_squad_name",
                                           "ad_id",
                                           "ad_name",
                                           "consent_1",
                                           "consent_2",
                                           "lead_preferred_status"};

/// Of the person, each a text.
constexpr std::string_view kLeadPerson[] = {
    "first_name",     "last_name",      "email",           "phone_number",    "postal_code",
    "address_line_1", "address_line_2", "address_level_1", "address_level_2", "birthday",
    "job_title",      "company_name",   "custom_field_1",  "custom_field_2",  "custom_field_3",
    "custom_field_4", "custom_field_5", "custom_field_6",  "custom_field_7",  "custom_field_8"};

struct Kind {
  std::string_view operator()(const SnapchatLeadsSource&) const { return "snapchat.leads"; }
  std::string_view operator()(const SnapchatEntitiesSource&) const { return "snapchat.entities"; }
  std::string_view operator()(const SnapchatStatsSource&) const { return "snapchat.stats"; }
  std::string_view operator()(const SnapchatProfileSource&) const { return "snapchat.profile"; }
};

struct Schema {
  arrow::FieldVector operator()(const SnapchatLeadsSource&) const {
    std::vector<std::pair<std::string, std::string>> columns;
    for (const std::string_view name : kLeadTexts) columns.emplace_back(name, "string");
    columns.emplace_back("create_time", "timestamp[ms]");
    for (const std::string_view name : kLeadPerson) columns.emplace_back(name, "string");
    return FieldsOf(columns);
  }
  arrow::FieldVector operator()(const SnapchatEntitiesSource&) const { return FieldsOf(kEntityColumns); }
  arrow::FieldVector operator()(const SnapchatStatsSource& source) const {
    arrow::FieldVector fields = FieldsOf(kStatsColumns);
    for (const std::string& dimension : source.report_dimension)
      fields.push_back(arrow::field(dimension, arrow::utf8()));
    for (auto& field : StatsFieldsOf(source)) fields.push_back(std::move(field));
    return fields;
  }
  arrow::FieldVector operator()(const SnapchatProfileSource& source) const {
    arrow::FieldVector fields = FieldsOf(kProfileColumns);
    if (source.fields != nullptr)
      fields.insert(fields.end(), source.fields->fields().begin(), source.fields->fields().end());
    return fields;
  }
};

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string Accounts(const std::vector<std::string>& ids) {
  return ids.empty() ? "" : " of ad accounts " + Joined(ids);
}

struct Description {
  std::string operator()(const SnapchatLeadsSource& source) const {
    return "Snapchat leads sent to " + source.listen + source.path +
           (source.hash.empty() ? "" : ", hashing " + Joined(source.hash));
  }
  std::string operator()(const SnapchatEntitiesSource& source) const {
    const std::string organization =
        source.organization_id.empty() ? "" : " of organization " + source.organization_id;
    return "Snapchat " + Joined(source.entities) + organization + Accounts(source.ad_account_ids) +
           ", every " + FormatDuration(source.every);
  }
  std::string operator()(const SnapchatStatsSource& source) const {
    const std::string dimension =
        source.report_dimension.empty() ? "" : ", by " + Joined(source.report_dimension);
    return "Snapchat statistics by " + source.level + " and " + source.granularity + dimension +
           Accounts(source.ad_account_ids) + ", every " + FormatDuration(source.every);
  }
  std::string operator()(const SnapchatProfileSource& source) const {
    const std::string organization =
        source.organization_id.empty() ? "" : " of organization " + source.organization_id;
    const std::string profiles =
        source.profile_ids.empty() ? "" : " of public profiles " + Joined(source.profile_ids);
    return "Snapchat " + Joined(source.content) + organization + profiles + ", every " +
           FormatDuration(source.every);
  }
};

/// What Snap does not answer, or what cannot be asked.
class Mistakes {
 public:
  std::vector<SettingMistake> Take() { return std::move(found_); }

  void operator()(const SnapchatEntitiesSource& source) {
    Access(source.access);
    Every(source.every);
    Among("entities", source.entities,
          {"organizations", "ad_accounts", "campaigns", "ad_squads", "ads", "creatives", "media", "segments",
           "pixels"});
    if (source.entities.empty()) Add("entities", "'entities' is empty: nothing would be read");
    if (!source.organization_id.empty() && !source.ad_account_ids.empty())
      Add("ad_account_ids", "'organization_id' and 'ad_account_ids' cannot stand together");
  }

  void operator()(const SnapchatLeadsSource& source) {
    for (const auto& [key, value] : {std::pair("listen", source.listen), std::pair("secret", source.secret),
                                     std::pair("header", source.header)}) {
      if (value.empty()) Add(key, "'" + std::string(key) + "' must not be empty");
    }
    if (!source.path.starts_with("/")) Add("path", "'path' must begin with /");
    Among("algorithm", {source.algorithm}, {"sha1", "sha256", "sha512"});
    Among("encoding", {source.encoding}, {"hex", "base64"});
    Among("hash", source.hash, {std::begin(kLeadPerson), std::end(kLeadPerson)});
    if (source.max_body < ByteCount(1)) Add("max_body", "'max_body' must be at least 1");
    if (source.certificate_file.empty() != source.key_file.empty())
      Add("tls", "'tls' needs both 'certificate_file' and 'key_file'");
  }

  void operator()(const SnapchatStatsSource& source) {
    Access(source.access);
    Every(source.every);
    Among("level", {source.level}, {"account", "campaign", "ad_squad", "ad"});
    Among("granularity", {source.granularity}, {"hour", "day", "total", "lifetime"});
    Among("fields", source.fields, StatsFieldNames());
    constexpr Duration kFinal(48LL * 3'600'000);
    if (source.lookback < kFinal) {
      Add("lookback",
          "'lookback' must be at least 48h: Snap changes the statistics of a day until 48 hours after its "
          "end");
    }
    std::set<std::string> names;
    for (const auto& field : FieldsOf(kStatsColumns)) names.insert(field->name());
    Dimensions(source, &names);
    for (const auto& field : StatsFieldsOf(source)) StatsFieldOf(source, *field, &names);
  }

  void operator()(const SnapchatProfileSource& source) {
    Access(source.access);
    Every(source.every);
    Among("content", source.content,
          {"profiles", "stories", "saved_stories", "spotlights", "shared_snaps", "stats"});
    if (source.content.empty()) Add("content", "'content' is empty: nothing would be read");
    Among("granularity", {source.granularity}, {"day", "lifetime"});
    if (!source.organization_id.empty() && !source.profile_ids.empty())
      Add("profile_ids", "'organization_id' and 'profile_ids' cannot stand together");
    if (source.lookback < Duration(24LL * 3'600'000))
      Add("lookback", "'lookback' must be at least 24h: a day is read when it has ended");
    if (source.fields == nullptr) return;
    std::set<std::string> names;
    for (const auto& field : FieldsOf(kProfileColumns)) names.insert(field->name());
    for (const auto& field : source.fields->fields()) {
      if (!names.insert(field->name()).second)
        Add("fields", "two columns would be called '" + field->name() + "'");
      const auto type = field->type()->id();
      if (type != arrow::Type::INT64 && type != arrow::Type::DOUBLE) {
        Add("fields", "'" + field->name() + "' is " + TypeText(*field->type()) +
                          "; a metric of a profile is int64 or float64");
      }
    }
  }

 private:
  void Dimensions(const SnapchatStatsSource& source, std::set<std::string>* names) {
    const std::string key = "report_dimension";
    Among(key, source.report_dimension, {std::begin(kReportDimensions), std::end(kReportDimensions)});
    for (const std::string& name : source.report_dimension) {
      if (!names->insert(name).second) Add(key, "two columns would be called '" + name + "'");
    }
    if (!source.report_dimension.empty() && source.granularity == "hour")
      Add(key, "'" + key + "': by the hour Snap divides nothing; choose granularity: day");
  }

  void StatsFieldOf(const SnapchatStatsSource& source, const arrow::Field& field,
                    std::set<std::string>* names) {
    const std::string& name = field.name();
    const bool is_more = source.more_fields != nullptr && source.more_fields->GetFieldByName(name) != nullptr;
    const std::string key = is_more ? "more_fields" : "fields";
    if (!names->insert(name).second) Add(key, "two columns would be called '" + name + "'");
    if (source.level == "account" && name != "spend") {
      Add(key, "'" + name + "': of a whole account Snap gives nothing but spend; choose another 'level'");
    }
    const bool counts_people =
        name.find("uniques") != std::string::npos || name.find("frequency") != std::string::npos;
    if (source.granularity == "hour" && counts_people)
      Add(key, "'" + name + "': by the hour Snap gives no uniques and no frequency; choose granularity: day");
    const auto type = field.type()->id();
    if (is_more && type != arrow::Type::INT64 && type != arrow::Type::DOUBLE && !arrow::is_decimal(type))
      Add(key, "'" + name + "' is " + TypeText(*field.type()) +
                   "; a metric is int64, float64 or decimal(20, 6), "
                   "which is for money");
  }

  void Access(const SnapchatAccess& access) {
    if (access.access_token.empty() == !access.oauth.has_value())
      Add("", "give one of 'access_token' and 'oauth'");
    if (!access.url.starts_with("https://") && !access.url.starts_with("http://"))
      Add("url", "'url' must begin with https:// or http://");
  }

  void Every(Duration every) {
    if (every < Duration(1'000)) Add("every", "'every' must be at least 1s");
  }

  void Among(const std::string& key, const std::vector<std::string>& given,
             const std::vector<std::string>& known) {
    for (const std::string& name : given) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      Add(key, "'" + key + "': there is no '" + name + "'" + DidYouMean(name, known));
    }
  }

  void Add(std::string key, std::string message) { found_.emplace_back(std::move(key), std::move(message)); }

  std::vector<SettingMistake> found_;
};

}  // namespace

std::string FeedTopic(const std::string& app, const std::string& source) {
  return app + "-" + source + "-feed";
}

std::string FeedPositionTopic(const std::string& app, const std::string& source) {
  return app + "-" + source + "-position";
}

void DeclareFeeds(Plan* plan) {
  for (PlanNode& node : plan->nodes) {
    auto* source = std::get_if<KafkaSource>(&node.op);
    if (source == nullptr || source->outside == nullptr) continue;
    source->topic = FeedTopic(plan->name, node.name);
    source->format = "json";
    source->key_format = "string";
    source->key = FeedKey(*source->outside);
    source->schema = FeedSchema(*source->outside);
    source->offset_reset = "earliest";
  }
}

arrow::FieldVector StatsFieldsOf(const SnapchatStatsSource& source) {
  std::vector<std::string> names = source.fields;
  if (names.empty() && source.more_fields == nullptr)
    names = source.level == "account" ? std::vector<std::string>{"spend"}
                                      : std::vector<std::string>{"impressions", "swipes", "spend"};
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string& name : names) {
    const std::string_view type = StatsFieldType(name);
    columns.emplace_back(name, type.empty() ? "float64" : type);  // one not known is a mistake
  }
  arrow::FieldVector fields = FieldsOf(columns);
  if (source.more_fields != nullptr)
    fields.insert(fields.end(), source.more_fields->fields().begin(), source.more_fields->fields().end());
  return fields;
}

std::shared_ptr<arrow::Schema> FeedSchema(const OutsideSource& source) {
  return arrow::schema(std::visit(Schema{}, source));
}

bool IsTold(const OutsideSource& source) { return std::holds_alternative<SnapchatLeadsSource>(source); }

std::string_view FeedKey(const OutsideSource& source) { return IsTold(source) ? "lead_id" : kKeyColumn; }

std::optional<DeduplicateStep> RepeatsOf(const OutsideSource& source) {
  const auto* const leads = std::get_if<SnapchatLeadsSource>(&source);
  if (leads == nullptr || leads->deduplicate <= Duration(0)) return std::nullopt;
  return DeduplicateStep{.by = {"lead_id"}, .within = leads->deduplicate};
}

std::string_view OutsideKind(const OutsideSource& source) { return std::visit(Kind{}, source); }

std::string DescribeOutside(const OutsideSource& source) { return std::visit(Description{}, source); }

std::vector<SettingMistake> MistakesOf(const OutsideSource& source) {
  Mistakes mistakes;
  std::visit([&mistakes](const auto& of) { mistakes(of); }, source);
  return mistakes.Take();
}

}  // namespace millrace
