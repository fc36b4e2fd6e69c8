#include "engine/yaml/event_fields.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "columnar/tombstone_column.h"
#include "connectors/snapchat/conversion_fields.h"
#include "connectors/snapchat/conversion_mapping.h"
#include "connectors/snapchat/conversion_values.h"
#include "expr/builder.h"
#include "plan/node_errors.h"

namespace millrace {
namespace {

/// What people call a field, and what Snap does.
struct CommonName {
  std::string_view common;
  std::string_view field;
};
constexpr CommonName kCommonNames[] = {
    {"email", "em"},
    {"phone", "ph"},
    {"first_name", "fn"},
    {"last_name", "ln"},
    {"gender", "ge"},
    {"city", "ct"},
    {"state", "st"},
    {"zip", "zp"},
    {"birthday", "db"},
    {"ip_address", "client_ip_address"},
    {"user_agent", "client_user_agent"},
    {"click_id", "sc_click_id"},
    {"timestamp", "event_time"},
    {"event_type", "event_name"},
    {"client_dedup_id", "event_id"},
    {"price", "value"},
    {"item_ids", "content_ids"},
    {"transaction_id", "order_id"},
};

/// " (did you mean 'em'?)" for a name that is nearly a field, or nearly what people call one.
std::string Proposal(const std::string& name) {
  std::vector<std::string> names = ConversionFieldNames();
  for (const CommonName& known : kCommonNames) names.emplace_back(known.common);
  const std::string proposed = DidYouMean(name, names);
  for (const CommonName& known : kCommonNames) {
    if (proposed == " (did you mean '" + std::string(known.common) + "'?)" &&
        FindConversionField(known.common) == nullptr)
      return " (did you mean '" + std::string(known.field) + "', as Snap calls " + std::string(known.common) +
             "?)";
  }
  return proposed.starts_with(" (did") ? proposed : DidYouMean(name, ConversionFieldNames());
}

/// The text of a constant; nullopt of any other expression.
std::optional<std::string> ConstantText(const Expr& value) {
  const std::string text = value.ToString();
  if (text.size() < 2 || !text.starts_with('\'') || !text.ends_with('\'')) return std::nullopt;
  std::string inside = text.substr(1, text.size() - 2);
  return Lit(inside).ToString() == text ? std::optional(std::move(inside)) : std::nullopt;
}

/// Of one sink, whose rows have `columns`.
class ValueChecks {
 public:
  ValueChecks(const SnapchatConversionsSink& sink, const std::shared_ptr<arrow::Schema>& columns,
              NodeErrors* errors)
      : sink_(sink), columns_(columns), errors_(*errors) {}

  void Check() {
    ConversionMap map;
    for (const auto& [name, value] : sink_.map) map.values.emplace_back(name, value.expr);
    map.left_out = sink_.leave_out;
    CheckName();
    const std::vector<FieldMistake> mistakes = FindFieldMistakes(map, columns_);
    for (const FieldMistake& mistake : mistakes)
      errors_.AddAt(PlaceOf(mistake.path), std::string(mistake.error.message()));
    const auto fields = MapConversionFields(map, columns_);
    if (!fields.ok()) return;
    const std::string missing = MissingForAll(*fields, Source());
    if (!missing.empty()) errors_.AddAt(errors_.WordOf(kSection), missing);
  }

 private:
  static constexpr const char* kSection = "snapchat.conversions";

  std::string_view Source() const {
    if (!sink_.pixel_id.empty()) return kWeb;
    return sink_.app_id.empty() ? std::string_view() : kMobileApp;
  }
  const PlanExpr* Mapped(const std::string& path) const {
    for (const auto& [name, value] : sink_.map) {
      const ConversionField* const field = FindConversionField(name);
      if (field != nullptr && field->path() == path) return &value;
    }
    return nullptr;
  }
  SourceLocation PlaceOf(const std::string& path) const {
    const PlanExpr* const value = Mapped(path);
    return value == nullptr ? errors_.WordOf(kSection) : value->location;
  }
  void CheckName() {
    const PlanExpr* const value = Mapped("event_name");
    const auto name = value == nullptr ? std::nullopt : ConstantText(value->expr);
    if (!name || !KnownEventName(*name).empty()) return;
    errors_.AddAt(value->location, "event_name '" + *name + "' is none that Snap knows" +
                                       DidYouMean(*name, KnownEventNames()));
  }

  const SnapchatConversionsSink& sink_;
  const std::shared_ptr<arrow::Schema> columns_;
  NodeErrors& errors_;
};

const SnapchatConversionsSink* EventsOf(const PlanNode& node) {
  const auto* sink = std::get_if<SinkNode>(&node.op);
  return sink == nullptr ? nullptr : std::get_if<SnapchatConversionsSink>(&sink->sink);
}

/// Of one sink. `errors` has its places.
class FieldChecks {
 public:
  explicit FieldChecks(NodeErrors* errors) : errors_(*errors) {}

  /// A field that `key` names.
  void Check(const std::string& key, const std::string& name) {
    const ConversionField* const field = FindConversionField(name);
    if (field == nullptr) {
      Add(key, name, "an event has no field '" + name + "'" + Proposal(name));
    } else if (!seen_.insert(field).second) {
      Add(key, name, "the field " + field->path() + " is spoken of twice");
    }
  }

 private:
  void Add(const std::string& key, const std::string& name, const std::string& message) {
    errors_.AddAt(errors_.WordOf(key, name), key + ": " + message);
  }

  NodeErrors& errors_;
  std::set<const ConversionField*> seen_;
};

}  // namespace

std::vector<PlacedMessage> FindEventFieldMistakes(const Plan& plan) {
  std::vector<PlacedMessage> found;
  for (const PlanNode& node : plan.nodes) {
    const SnapchatConversionsSink* const events = EventsOf(node);
    if (events == nullptr) continue;
    NodeErrors errors(node, &found);
    FieldChecks checks(&errors);
    for (const auto& [name, value] : events->map) checks.Check("map", name);
    for (const std::string& name : events->leave_out) checks.Check("leave_out", name);
  }
  return found;
}

std::vector<PlacedMessage> FindEventValueMistakes(const Plan& plan) {
  std::vector<PlacedMessage> found;
  if (std::none_of(plan.nodes.begin(), plan.nodes.end(), EventsOf)) return found;
  const auto analyzed = AnalyzePlan(plan);
  if (!analyzed.ok()) return found;
  for (std::size_t id = 0; id < analyzed->plan.nodes.size(); ++id) {
    const PlanNode& node = analyzed->plan.nodes[id];
    const SnapchatConversionsSink* const events = EventsOf(node);
    if (events == nullptr) continue;
    NodeErrors errors(node, &found);
    ValueChecks(*events, WithTombstoneField(analyzed->schemas[id]), &errors).Check();
  }
  return found;
}

}  // namespace millrace
