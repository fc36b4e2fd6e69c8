#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/suggest.h"
#include "plan/plan.h"
#include "plan/source_location.h"

namespace millrace {

/// Mistakes of one node, each with the place it belongs to; checks go on after one. `node` and `out` outlive
/// it.
class NodeErrors {
 public:
  NodeErrors(const PlanNode& node, std::vector<PlacedMessage>* out) : node_(node), out_(*out) {}

  /// About the node as a whole: nothing where a part of its text was not understood, as that may be why.
  void Add(const std::string& message) {
    if (node_.understood == Understood::kAll) AddAt(node_.location, message);
  }
  void AddAt(const SourceLocation& location, const std::string& message) {
    PlacedMessage placed = PlaceAtCharacter(location.line > 0 ? location : node_.location, message);
    placed.message = std::string(node_.kind()) + " '" + node_.name + "': " + placed.message;
    out_.push_back(std::move(placed));
  }

  /// A value that is none of `choices`.
  void CheckChoice(const std::string& key, const std::string& value,
                   const std::vector<std::string>& choices) {
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
    AddAt(ValueOf(key), "'" + key + "': there is no '" + value + "'" + DidYouMean(value, choices));
  }

  /// The times of a step that remembers, as far as it has them.
  template <typename Step>
  void CheckTimes(const Step& step) {
    if constexpr (requires { step.within; }) {
      if (step.within <= Duration(0)) Add("'within' must be longer than 0");
    }
    if constexpr (requires { step.ttl; }) {
      if (step.ttl && *step.ttl <= Duration(0)) Add("'ttl' must be longer than 0");
    }
  }

  /// Where `word` stands below `key`, or the value of that word; the key itself and its value when `word` is
  /// "". The node when that is not known.
  SourceLocation WordOf(const std::string& key, const std::string& word = "") const {
    const auto found = node_.places.find({key, word});
    return found == node_.places.end() ? node_.location : found->second.word;
  }
  SourceLocation ValueOf(const std::string& key, const std::string& word = "") const {
    const auto found = node_.places.find({key, word});
    return found == node_.places.end() ? node_.location : found->second.value;
  }

 private:
  const PlanNode& node_;
  std::vector<PlacedMessage>& out_;
};

}  // namespace millrace
