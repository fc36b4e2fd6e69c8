#include "plan/snapchat_checks.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "base/duration.h"
#include "columnar/schema_text.h"
#include "plan/unknown_type.h"

namespace millrace {
namespace {

constexpr std::int64_t kMostPerSecond = 1'000;

/// Numbers from a file are in bounds; those of a program may not be.
void CheckRange(const std::string& what, std::int64_t value, std::int64_t most, NodeErrors* errors) {
  if (value >= 1 && value <= most) return;
  errors->Add("'" + what + "' must be from 1 to " + std::to_string(most) + ", not " + std::to_string(value));
}

void CheckBatch(ByteCount bytes, Duration linger, NodeErrors* errors) {
  if (bytes.value() < 1) errors->Add("'bytes' of a batch must be at least 1");
  if (linger.count() < 0) errors->Add("'linger' of a batch must be at least 0");
}

void CheckAccess(const SnapchatAccess& access, const PlanNode& node, NodeErrors* errors) {
  CheckRange("per_second", access.per_second, kMostPerSecond, errors);
  if (access.app_per_second) CheckRange("app_per_second", *access.app_per_second, kMostPerSecond, errors);
  if (node.understood == Understood::kAll && access.access_token.empty() != access.oauth.has_value())
    errors->Add("it needs either 'access_token' or 'oauth'");
  if (!access.url.starts_with("https://") && !access.url.starts_with("http://"))
    errors->AddAt(errors->ValueOf("url"), "'url' must begin with https:// or http://");
}

void CheckAction(const SnapchatAudienceSink& sink, const TypeOfExpression& type_of, NodeErrors* errors) {
  if (!sink.action_of_row) return errors->CheckChoice("action", sink.action, {"add", "remove"});
  const auto type = type_of(*sink.action_of_row);
  if (IsUnknown(*type) || type->id() == arrow::Type::STRING) return;
  errors->AddAt(sink.action_of_row->location,
                "'action' is add, remove, or an expression that gives 'add' or 'remove'; '" +
                    sink.action_of_row->expr.ToString() + "' is " + TypeText(*type));
}

/// Of UTF-8: bytes that continue a character are none.
std::ptrdiff_t CharactersIn(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; });
}

void CheckSegment(const SnapchatAudienceSink& sink, NodeErrors* errors) {
  constexpr std::ptrdiff_t kLongestName = 375;
  const SnapchatSegment& segment = sink.segment;
  const SourceLocation place = errors->ValueOf("segment");
  if (segment.id.empty() == segment.name.empty())
    errors->AddAt(place, "a segment has either an 'id' or a 'name'");
  if (!segment.name.empty() && sink.ad_account_id.empty())
    errors->AddAt(place, "a segment by its name needs 'ad_account_id'");
  if (CharactersIn(segment.name) > kLongestName)
    errors->AddAt(errors->ValueOf("segment", "name"), "the name of a segment has at most 375 characters");
}

/// Whether a step with a key may bring rows to another partition: not when that is the key of all messages.
bool Moves(const Plan& plan, const PlanNode& step) {
  const auto key = KeyOf(step);
  return key && std::any_of(plan.nodes.begin(), plan.nodes.end(), [&](const PlanNode& node) {
           const auto* source = std::get_if<KafkaSource>(&node.op);
           return source != nullptr && *key->columns != std::vector<std::string>{source->key};
         });
}

/// Why the rows that reach the node have no place of their own; nullopt when they have. Rows of an exploded
/// record are counted, which works only while they stay together and in one order: `moved_at` is the step
/// behind them that may part them, nullopt when there is none; `exploded` are the explodes met so far, whose
/// rows come on one way.
std::optional<std::string> FindLostPlace(const Plan& plan, NodeId id, std::optional<NodeId> moved_at,
                                         std::set<NodeId>* exploded) {
  for (const NodeId input : plan.nodes[id].inputs) {
    if (input >= id) continue;  // a mistake, and told elsewhere
    const PlanNode& node = plan.nodes[input];
    if (std::holds_alternative<WindowStep>(node.op))
      return "the rows of window '" + node.name + "' are made of many records";
    if (std::holds_alternative<ExplodeStep>(node.op)) {
      const std::string rows = "explode '" + node.name + "' makes several rows of a record, which ";
      if (moved_at) return rows + "'" + plan.nodes[*moved_at].name + "' may bring to different partitions";
      if (!exploded->insert(input).second) return rows + "come on several ways, in no order of their own";
    }
    const auto moved = Moves(plan, node) ? std::optional(input) : moved_at;
    if (auto found = FindLostPlace(plan, input, moved, exploded)) return found;
  }
  return std::nullopt;
}

}  // namespace

void CheckSnapchatSink(const SnapchatConversionsSink& sink, const PlanNode& node,
                       const TypeOfExpression& type_of, NodeErrors* errors) {
  const int assets =
      (sink.pixel_id.empty() ? 0 : 1) + (sink.app_id.empty() ? 0 : 1) + (sink.asset_id ? 1 : 0);
  if (assets != 1) errors->Add("it needs one of 'pixel_id', 'app_id' and 'asset_id'");
  if (sink.asset_id) type_of(*sink.asset_id);
  for (const auto& [field, value] : sink.map) type_of(value);
  errors->CheckChoice("without_consent", sink.without_consent, {"drop", "LMU", "LDU", "opt_out"});
  if (!sink.consent && sink.without_consent != "drop")
    errors->AddAt(
        errors->ValueOf("without_consent"),
        "'without_consent' says what becomes of events without consent, but there is no 'consent' that "
        "says which these are; all would be sent as if there were consent");
  errors->CheckChoice("time_unit", sink.time_unit, {"s", "ms"});
  errors->CheckChoice("processing_options", sink.processing_options, {"list", "text"});
  errors->CheckChoice("device_id", sink.device_id, {"madid", "mobile_ad_id"});
  errors->CheckChoice("token_in", sink.token_in, {"url", "header"});
  errors->CheckChoice("mode", sink.mode, {"live", "validate"});
  CheckAccess(sink.access, node, errors);
  CheckRange("events", sink.batch_events, 2'000, errors);
  CheckBatch(sink.batch_bytes, sink.linger, errors);
  for (const auto& [id, within] :
       {std::pair("event_id", sink.deduplicate.event_id), std::pair("order_id", sink.deduplicate.order_id)}) {
    if (within && within->count() <= 0)
      errors->AddAt(errors->ValueOf("deduplicate", id), "'" + std::string(id) +
                                                            "' of 'deduplicate' must be longer than " +
                                                            FormatDuration(*within) + ", or never");
  }
  constexpr Duration kMostAge(37LL * 24 * 3'600'000);
  if (sink.max_event_age > kMostAge)
    errors->AddAt(errors->ValueOf("max_event_age"),
                  "'max_event_age' is at most 37d: Snap reports nothing older");
}

void CheckSnapchatSink(const SnapchatAudienceSink& sink, const PlanNode& node,
                       const TypeOfExpression& type_of, NodeErrors* errors) {
  if (sink.identifier) type_of(*sink.identifier);
  if (node.understood != Understood::kAll) return;
  CheckAction(sink, type_of, errors);
  errors->CheckChoice("schema", sink.schema, {"EMAIL_SHA256", "PHONE_SHA256", "MOBILE_AD_ID_SHA256"});
  CheckSegment(sink, errors);
  CheckAccess(sink.access, node, errors);
  CheckRange("identifiers", sink.batch_identifiers, 100'000, errors);
  CheckRange("retention_in_days", sink.segment.retention_in_days, 9'999, errors);
  CheckBatch(sink.batch_bytes, sink.linger, errors);
}

void CheckEventIds(const Plan& plan, NodeId id, const arrow::Schema& input, NodeErrors* errors) {
  constexpr const char* kEventId = "event_id";
  const auto* node = std::get_if<SinkNode>(&plan.nodes[id].op);
  const auto* sink = node == nullptr ? nullptr : std::get_if<SnapchatConversionsSink>(&node->sink);
  if (sink == nullptr) return;
  const bool mapped = std::any_of(sink->map.begin(), sink->map.end(),
                                  [&](const auto& field) { return field.first == kEventId; });
  const bool left_out =
      std::find(sink->leave_out.begin(), sink->leave_out.end(), kEventId) != sink->leave_out.end();
  if (mapped || (!left_out && input.GetFieldByName(kEventId) != nullptr)) return;
  std::set<NodeId> exploded;
  if (const auto lost = FindLostPlace(plan, id, std::nullopt, &exploded)) {
    errors->AddAt(errors->WordOf("snapchat.conversions"),
                  *lost +
                      ", so no event can be called after its record; give an 'event_id' that is the "
                      "same whenever the event is sent again, such as that of the order");
  }
}

}  // namespace millrace
