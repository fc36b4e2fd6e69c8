#include "engine/yaml/event_fields.h"

#include <set>
#include <string>

#include "base/suggest.h"
#include "connectors/snapchat/conversion_fields.h"
#include "plan/node_errors.h"

namespace millrace {
namespace {

/// Of one sink. `errors` has its places.
class FieldChecks {
 public:
  explicit FieldChecks(NodeErrors* errors) : errors_(*errors) {}

  /// A field that `key` names.
  void Check(const std::string& key, const std::string& name) {
    const ConversionField* const field = FindConversionField(name);
    if (field == nullptr) {
      Add(key, name, "an event has no field '" + name + "'" + DidYouMean(name, ConversionFieldNames()));
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
    const auto* sink = std::get_if<SinkNode>(&node.op);
    const auto* events = sink == nullptr ? nullptr : std::get_if<SnapchatConversionsSink>(&sink->sink);
    if (events == nullptr) continue;
    NodeErrors errors(node, &found);
    FieldChecks checks(&errors);
    for (const auto& [name, value] : events->map) checks.Check("map", name);
    for (const std::string& name : events->leave_out) checks.Check("leave_out", name);
  }
  return found;
}

}  // namespace millrace
