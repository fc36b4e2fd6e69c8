#include "compile/outside_feeds.h"

#include <algorithm>
#include <utility>

#include <arrow/api.h>

#include "compile/snapchat_tokens.h"
#include "connectors/snapchat/entity_feed.h"
#include "connectors/snapchat/lead_receiver.h"
#include "connectors/snapchat/profile_feed.h"
#include "connectors/snapchat/stats_feed.h"
#include "plan/feeds.h"

namespace millrace {
namespace {

constexpr Duration kLeadsKept{7LL * 24 * 3'600'000};

MarketingAccess AccessOf(const SnapchatAccess& given, std::shared_ptr<SnapAccesses> shared) {
  MarketingAccess access;
  access.url = given.url;
  access.access_token = given.access_token;
  access.access_token_file = given.access_token_file;
  if (given.oauth) access.oauth = OAuthOptionsOf(*given.oauth);
  access.ca_file = given.ca_file;
  access.per_second = static_cast<double>(given.per_second);
  access.app = given.app;
  access.app_per_second = given.app_per_second;
  access.shared = std::move(shared);
  return access;
}

StatsGranularity GranularityOf(const std::string& name) {
  if (name == "hour") return StatsGranularity::kHour;
  if (name == "total") return StatsGranularity::kTotal;
  return name == "lifetime" ? StatsGranularity::kLifetime : StatsGranularity::kDay;
}

StatsValue ValueOf(const arrow::DataType& type) {
  if (arrow::is_decimal(type.id())) return StatsValue::kMoney;
  return type.id() == arrow::Type::INT64 ? StatsValue::kWhole : StatsValue::kNumber;
}

/// AnalyzePlan has checked the words.
LeadReceiverOptions ReceiverOf(const std::string& name, const SnapchatLeadsSource& source) {
  LeadReceiverOptions options{.source = name,
                              .listen = source.listen,
                              .path = source.path,
                              .secret = source.secret,
                              .header = source.header,
                              .max_body = source.max_body,
                              .hashed = {source.hash.begin(), source.hash.end()},
                              .certificate_file = source.certificate_file,
                              .key_file = source.key_file};
  options.scheme.prefix = source.prefix;
  if (const auto algorithm = ParseHmacAlgorithm(source.algorithm); algorithm.ok())
    options.scheme.algorithm = *algorithm;
  if (const auto encoding = ParseSignatureEncoding(source.encoding); encoding.ok())
    options.scheme.encoding = *encoding;
  return options;
}

struct SourceMaker {
  const std::string& name;
  const std::shared_ptr<SnapAccesses>& accesses;
  const Clock& clock;
  MetricRegistry& metrics;

  Result<std::unique_ptr<FeedSource>> operator()(const SnapchatLeadsSource&) const {
    return Status::Bug("leads are not asked for");
  }

  Result<std::unique_ptr<FeedSource>> operator()(const SnapchatEntitiesSource& source) const {
    return MakeEntityFeed({.source = name,
                           .access = AccessOf(source.access, accesses),
                           .organization_id = source.organization_id,
                           .ad_account_ids = source.ad_account_ids,
                           .kinds = {source.entities.begin(), source.entities.end()},
                           .every = source.every},
                          clock, metrics);
  }

  Result<std::unique_ptr<FeedSource>> operator()(const SnapchatStatsSource& source) const {
    StatsFeedOptions options{.source = name,
                             .access = AccessOf(source.access, accesses),
                             .ad_account_ids = source.ad_account_ids,
                             .level = source.level,
                             .granularity = GranularityOf(source.granularity),
                             .dimensions = source.report_dimension,
                             .since = source.since,
                             .lookback = source.lookback,
                             .every = source.every};
    for (const auto& field : StatsFieldsOf(source))
      options.fields.push_back({field->name(), ValueOf(*field->type())});
    for (const auto& [parameter, value] :
         {std::pair("swipe_up_attribution_window", source.swipe_up_attribution_window),
          std::pair("view_attribution_window", source.view_attribution_window),
          std::pair("action_report_time", source.action_report_time)}) {
      if (!value.empty()) options.parameters.emplace_back(parameter, value);
    }
    return MakeStatsFeed(std::move(options), clock, metrics);
  }

  Result<std::unique_ptr<FeedSource>> operator()(const SnapchatProfileSource& source) const {
    ProfileFeedOptions options{.source = name,
                               .access = AccessOf(source.access, accesses),
                               .organization_id = source.organization_id,
                               .profile_ids = source.profile_ids,
                               .content = {source.content.begin(), source.content.end()},
                               .lifetime = source.granularity == "lifetime",
                               .since = source.since,
                               .lookback = source.lookback,
                               .every = source.every};
    if (source.fields != nullptr) {
      for (const auto& field : source.fields->fields())
        options.metrics.push_back({field->name(), field->type()->id() == arrow::Type::INT64});
    }
    return MakeProfileFeed(std::move(options), clock, metrics);
  }
};

}  // namespace

std::map<std::string, std::map<std::string, std::string>> FeedTopicsOf(const Feed& feed,
                                                                       const OutsideSource& source) {
  if (const auto* leads = std::get_if<SnapchatLeadsSource>(&source)) {
    // People are not kept for ever.
    const std::int64_t kept = std::max(leads->deduplicate, kLeadsKept).count();
    return {{feed.topic, {{"cleanup.policy", "delete"}, {"retention.ms", std::to_string(kept)}}}};
  }
  return {{feed.topic, {{"cleanup.policy", "compact"}}},
          {feed.position_topic, {{"cleanup.policy", "compact"}}}};
}

Feed MakeFeed(const std::string& app, const std::string& name, const KafkaSource& source,
              std::shared_ptr<SnapAccesses> accesses) {
  Feed feed;
  feed.source = name;
  feed.topic = source.topic;
  if (const auto* leads = std::get_if<SnapchatLeadsSource>(source.outside.get())) {
    feed.make_receiver = [options = ReceiverOf(name, *leads)](FeedInlet& inlet, const Clock& clock,
                                                              MetricRegistry& metrics) {
      return MakeLeadReceiver(options, inlet, clock, metrics);
    };
    return feed;
  }
  feed.position_topic = FeedPositionTopic(app, name);
  feed.group = source.topic;
  feed.make_source = [name, accesses = std::move(accesses), outside = source.outside](
                         const Clock& clock, MetricRegistry& metrics) {
    return std::visit(SourceMaker{name, accesses, clock, metrics}, *outside);
  };
  return feed;
}

}  // namespace millrace
