#include "millrace/snapchat_sources.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/access.h"
#include "plan/feeds.h"
#include "plan/sources.h"

namespace millrace {

using api_internal::Access;
using api_internal::LocationOf;

namespace {

using Moment = std::chrono::sys_time<std::chrono::milliseconds>;

/// Settings that all of them have.
template <typename Options>
SnapchatAccess AccessOf(const Options& options) {
  return {.access_token = options.access_token,
          .oauth = options.oauth,
          .url = options.url,
          .ca_file = options.ca_file,
          .per_second = options.per_second,
          .app = options.app,
          .app_per_second = options.app_per_second};
}

std::optional<EventTime> TimeOf(const std::optional<Moment>& moment) {
  return moment ? std::optional(EventTime(moment->time_since_epoch().count())) : std::nullopt;
}

Result<std::shared_ptr<arrow::Schema>> TypesOf(const std::optional<Schema>& schema) {
  if (!schema) return std::shared_ptr<arrow::Schema>();
  return Access::ToArrow(*schema);
}

Result<OutsideSource> SourceOf(const SnapchatEntities& options) {
  SnapchatEntitiesSource source;
  source.access = AccessOf(options);
  source.organization_id = options.organization_id;
  source.ad_account_ids = options.ad_account_ids;
  if (!options.entities.empty()) source.entities = options.entities;
  source.every = options.every;
  return OutsideSource(std::move(source));
}

Result<OutsideSource> SourceOf(const SnapchatStats& options) {
  SnapchatStatsSource source;
  source.access = AccessOf(options);
  source.ad_account_ids = options.ad_account_ids;
  source.level = options.level;
  source.granularity = options.granularity;
  source.report_dimension = options.report_dimension;
  source.fields = options.fields;
  MR_ASSIGN_OR_RETURN(source.more_fields, TypesOf(options.more_fields));
  source.since = TimeOf(options.since);
  source.lookback = options.lookback;
  source.every = options.every;
  source.swipe_up_attribution_window = options.swipe_up_attribution_window;
  source.view_attribution_window = options.view_attribution_window;
  source.action_report_time = options.action_report_time;
  return OutsideSource(std::move(source));
}

Result<OutsideSource> SourceOf(const SnapchatProfile& options) {
  SnapchatProfileSource source;
  source.access = AccessOf(options);
  source.organization_id = options.organization_id;
  source.profile_ids = options.profile_ids;
  if (!options.content.empty()) source.content = options.content;
  source.granularity = options.granularity;
  MR_ASSIGN_OR_RETURN(source.fields, TypesOf(options.fields));
  source.since = TimeOf(options.since);
  source.lookback = options.lookback;
  source.every = options.every;
  return OutsideSource(std::move(source));
}

Result<OutsideSource> SourceOf(const SnapchatLeads& options) {
  SnapchatLeadsSource source;
  source.listen = options.listen;
  source.path = options.path;
  source.secret = options.secret;
  source.header = options.header;
  source.algorithm = options.algorithm;
  source.encoding = options.encoding;
  source.prefix = options.prefix;
  source.max_body = ByteCount(options.max_body_bytes);
  source.hash = options.hash;
  source.deduplicate = options.deduplicate;
  if (options.tls) {
    source.certificate_file = options.tls->certificate_file;
    source.key_file = options.tls->key_file;
  }
  return OutsideSource(std::move(source));
}

/// Sources without a name are called by their number.
std::string NameOfNextSource(const api_internal::Graph& graph) {
  const auto sources = std::count_if(graph.nodes().begin(), graph.nodes().end(), [](const PlanNode& node) {
    return std::holds_alternative<KafkaSource>(node.op);
  });
  return "source-" + std::to_string(sources + 1);
}

template <typename Options>
DataFrame FrameOf(const std::shared_ptr<api_internal::Graph>& graph, const Options& options,
                  const CallSite& at) {
  PlanNode node;
  node.name = options.step_name;
  const std::string name = node.name.empty() ? NameOfNextSource(*graph) : node.name;
  node.location = LocationOf(at);
  KafkaSource source;
  Result<OutsideSource> outside = SourceOf(options);
  if (outside.ok()) {
    source.outside = std::make_shared<const OutsideSource>(*std::move(outside));
  } else {
    graph->AddError(node.location, outside.status().message());
  }
  const std::optional<DeduplicateStep> repeats =
      source.outside == nullptr ? std::nullopt : RepeatsOf(*source.outside);
  node.op = std::move(source);
  PlanNode step;
  step.location = node.location;
  NodeId last = graph->Add(std::move(node));
  if (repeats) {
    step.name = name + "-once";
    step.op = *repeats;
    step.inputs = {last};
    last = graph->Add(std::move(step));
  }
  return Access::Frame(graph, last);
}

}  // namespace

DataFrame App::From(const SnapchatEntities& entities, CallSite at) {
  return FrameOf(impl_->graph, entities, at);
}
DataFrame App::From(const SnapchatStats& stats, CallSite at) { return FrameOf(impl_->graph, stats, at); }
DataFrame App::From(const SnapchatProfile& profile, CallSite at) {
  return FrameOf(impl_->graph, profile, at);
}
DataFrame App::From(const SnapchatLeads& leads, CallSite at) { return FrameOf(impl_->graph, leads, at); }

}  // namespace millrace
