#pragma once

#include <string>
#include <vector>

#include <arrow/type.h>

#include "base/suggest.h"
#include "plan/plan.h"

namespace millrace {

/// Errors of one node, each with the place it belongs to; checks go on after one. `node` and `out` outlive
/// it.
class NodeErrors {
 public:
  NodeErrors(const PlanNode& node, std::vector<std::string>* out) : node_(node), out_(*out) {}

  void Add(const std::string& message) { AddAt(node_.location, message); }
  void AddAt(const SourceLocation& location, const std::string& message) {
    const PlacedMessage placed = PlaceAtCharacter(location.line > 0 ? location : node_.location, message);
    const std::string place = placed.location.ToString();
    out_.push_back((place.empty() ? "" : place + ": ") + std::string(node_.kind()) + " '" + node_.name +
                   "': " + placed.message);
    failed_ = true;
  }
  void AddUnknown(const std::string& column, const arrow::Schema& schema) {
    Add("unknown column '" + column + "'" + DidYouMean(column, schema.field_names()));
  }
  bool failed() const { return failed_; }

 private:
  const PlanNode& node_;
  std::vector<std::string>& out_;
  bool failed_ = false;
};

}  // namespace millrace
