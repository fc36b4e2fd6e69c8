#include "http/bisect.h"

#include "base/check.h"

namespace millrace {

BatchBisection::BatchBisection(std::int64_t items) {
  MR_CHECK(items >= 0);
  if (items > 0) open_.push_back({{0, items}, false});
}

std::optional<BatchBisection::Part> BatchBisection::Next() const {
  if (open_.empty()) return std::nullopt;
  return open_.back().part;
}

void BatchBisection::Accepted() {
  MR_CHECK(!open_.empty());
  ++requests_;
  const Open accepted = open_.back();
  open_.pop_back();
  if (!accepted.first_half) return;
  // Then the bad item is in the second half: no need to send all of it. One item alone is sent, for what the
  // far side says of it.
  const Part second = open_.back().part;
  if (second.count == 1) return;
  open_.pop_back();
  Split(second);
}

void BatchBisection::Refused() {
  MR_CHECK(!open_.empty());
  ++requests_;
  const Part refused = open_.back().part;
  open_.pop_back();
  if (refused.count == 1) {
    bad_.push_back(refused.begin);
  } else {
    Split(refused);
  }
}

void BatchBisection::Split(Part part) {
  const std::int64_t half = part.count / 2;
  open_.push_back({{part.begin + half, part.count - half}, false});
  open_.push_back({{part.begin, half}, true});
}

}  // namespace millrace
