#include "engine/yaml/diagnostics.h"

#include <iterator>
#include <utility>

#include "plan/mistakes.h"

namespace millrace {

void Diagnostics::Add(SourceLocation location, std::string message) {
  MarkIncomplete();
  AddBeside(std::move(location), std::move(message));
}

void Diagnostics::AddBeside(SourceLocation location, std::string message) {
  mistakes_.push_back({std::move(location), std::move(message)});
}

void Diagnostics::AddBeside(std::vector<PlacedMessage> mistakes) {
  mistakes_.insert(mistakes_.end(), std::make_move_iterator(mistakes.begin()),
                   std::make_move_iterator(mistakes.end()));
}

Understood Diagnostics::Since(const Mark& begin) const {
  if (incomplete_ > begin.incomplete) return Understood::kPart;
  return mistakes_.size() > begin.mistakes ? Understood::kColumns : Understood::kAll;
}

Status Diagnostics::ToStatus() const { return MistakesStatus(mistakes_); }

}  // namespace millrace
