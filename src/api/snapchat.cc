#include "millrace/snapchat.h"

#include "api/step_adder.h"

namespace millrace {

using api_internal::StepAdder;

namespace {

/// Settings that both sinks have.
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

std::optional<PlanExpr> Read(StepAdder& step, const std::optional<Expression>& expression) {
  return expression ? std::optional(step.Read(*expression)) : std::nullopt;
}

SnapchatConversionsSink SinkOf(const SnapchatConversions& options, StepAdder& step) {
  SnapchatConversionsSink sink;
  sink.pixel_id = options.pixel_id;
  sink.app_id = options.app_id;
  sink.asset_id = Read(step, options.asset_id);
  sink.access = AccessOf(options);
  sink.map = step.Read(options.map);
  if (options.event_id) sink.map.emplace_back("event_id", step.Read(*options.event_id));
  sink.leave_out = options.leave_out;
  sink.consent = Read(step, options.consent);
  sink.without_consent = options.without_consent;
  sink.max_event_age = options.max_event_age;
  sink.max_event_ahead = options.max_event_ahead;
  sink.late_topic = options.late_topic;
  sink.deduplicate = options.deduplicate;
  sink.time_unit = options.time_unit;
  sink.processing_options = options.processing_options;
  sink.device_id = options.device_id;
  sink.token_in = options.token_in;
  sink.batch_events = options.batch_events;
  sink.batch_bytes = ByteCount(options.batch_bytes);
  sink.linger = options.linger;
  sink.mode = options.mode;
  sink.test_event_code = options.test_event_code;
  return sink;
}

SnapchatAudienceSink SinkOf(const SnapchatAudience& options, StepAdder& step) {
  SnapchatAudienceSink sink;
  sink.ad_account_id = options.ad_account_id;
  sink.segment = options.segment;
  sink.schema = options.schema;
  sink.identifier = Read(step, options.identifier);
  sink.action_of_row = step.Read(options.action);
  for (const char* word : {"add", "remove"}) {
    if (sink.action_of_row->expr.ToString() != "'" + std::string(word) + "'") continue;
    sink.action = word;
    sink.action_of_row.reset();
    break;
  }
  sink.access = AccessOf(options);
  sink.batch_identifiers = options.batch_identifiers;
  sink.batch_bytes = ByteCount(options.batch_bytes);
  sink.linger = options.linger;
  return sink;
}

}  // namespace

const DataFrame& DataFrame::To(const SnapchatConversions& events, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  step.Add(SinkNode{std::nullopt, SinkOf(events, step)}, events.step_name);
  return *this;
}

const DataFrame& DataFrame::To(const SnapchatAudience& audience, CallSite at) const {
  StepAdder step(*graph_, nodes_, at);
  step.Add(SinkNode{std::nullopt, SinkOf(audience, step)}, audience.step_name);
  return *this;
}

}  // namespace millrace
