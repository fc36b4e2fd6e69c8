#include "ops/session_index.h"

#include <algorithm>
#include <limits>

#include "ops/window_assigner.h"

namespace millrace {

std::int64_t SessionIndex::EndOf(const Session& session) const { return AddTime(session.last_ms, gap_ms_); }
std::int64_t SessionIndex::ClosesAt(const Session& session) const {
  return AddTime(EndOf(session), grace_ms_);
}

void SessionIndex::Clear() {
  keys_.clear();
  timers_.clear();
}

std::size_t SessionIndex::num_sessions() const {
  std::size_t sessions = 0;
  for (const auto& [key, of_key] : keys_) sessions += of_key.size();
  return sessions;
}

void SessionIndex::Restore(std::string_view key, const Session& session) { Add(key, session); }

SessionIndex::Open& SessionIndex::Add(std::string_view key, const Session& session) {
  auto found = keys_.find(key);
  if (found == keys_.end()) found = keys_.emplace(key, Sessions()).first;
  found->second.push_back(
      {session, timers_.emplace(ClosesAt(session), std::pair(std::string(key), session.id))});
  return found->second.back();
}

bool SessionIndex::Reaches(std::int64_t time_ms, std::int64_t watermark_ms, const Session& session) const {
  const bool near = time_ms < EndOf(session) && SubtractTime(session.first_ms, gap_ms_) < time_ms;
  return near && ClosesAt(session) > watermark_ms;
}

bool SessionIndex::IsLate(std::string_view key, std::int64_t time_ms, std::int64_t watermark_ms) const {
  if (ClosesAt(time_ms) > watermark_ms) return false;
  const auto found = keys_.find(key);
  return found == keys_.end() ||
         std::none_of(found->second.begin(), found->second.end(),
                      [&](const Open& open) { return Reaches(time_ms, watermark_ms, open.session); });
}

SessionIndex::Placed SessionIndex::Place(std::string_view key, std::int64_t time_ms,
                                         std::int64_t watermark_ms) {
  auto found = keys_.find(key);
  Open* reached[2] = {nullptr, nullptr};  // by start; sessions are a gap apart, so no more can be
  if (found != keys_.end()) {
    for (Open& open : found->second) {
      if (Reaches(time_ms, watermark_ms, open.session))
        (reached[0] == nullptr ? reached[0] : reached[1]) = &open;
    }
  }
  if (reached[0] == nullptr) {
    if (ClosesAt(time_ms) <= watermark_ms) return {.late = true};
    const Session begun{time_ms, time_ms, time_ms};
    return {.session = begun, .before = begun, .mark = &Add(key, begun).mark};
  }
  if (reached[1] != nullptr && reached[1]->session.first_ms < reached[0]->session.first_ms)
    std::swap(reached[0], reached[1]);
  Session& session = reached[0]->session;
  Placed placed;
  if (reached[1] != nullptr) {
    placed.merged = true;
    placed.from_id = reached[1]->session.id;
    session.last_ms = std::max(session.last_ms, reached[1]->session.last_ms);
  }
  placed.before = session;
  session.first_ms = std::min(session.first_ms, time_ms);
  session.last_ms = std::max(session.last_ms, time_ms);
  placed.session = session;
  auto kept = reached[0] - found->second.data();
  if (placed.merged) {
    const auto gone = reached[1] - found->second.data();
    timers_.erase(reached[1]->timer);
    found->second.erase(found->second.begin() + gone);
    if (gone < kept) --kept;
  }
  placed.mark = &found->second[static_cast<std::size_t>(kept)].mark;
  return placed;
}

const SessionIndex::Session* SessionIndex::Find(std::string_view key, std::int64_t id) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  const auto open = std::find_if(found->second.begin(), found->second.end(),
                                 [id](const Open& one) { return one.session.id == id; });
  return open == found->second.end() ? nullptr : &open->session;
}

std::int64_t SessionIndex::ClockOf(std::string_view key) const {
  std::int64_t clock = std::numeric_limits<std::int64_t>::min();
  const auto found = keys_.find(key);
  if (found == keys_.end()) return clock;
  for (const Open& open : found->second) clock = std::max(clock, open.session.last_ms);
  return clock;
}

std::vector<SessionIndex::Session> SessionIndex::CloseOfKey(std::string_view key, std::int64_t clock_ms,
                                                            std::int64_t watermark_ms) {
  std::vector<Session> closed;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return closed;
  std::erase_if(found->second, [&](const Open& open) {
    const std::int64_t closes_at = ClosesAt(open.session);
    if (closes_at > clock_ms || closes_at <= watermark_ms) return false;
    closed.push_back(open.session);
    timers_.erase(open.timer);
    return true;
  });
  if (found->second.empty()) keys_.erase(found);
  std::sort(closed.begin(), closed.end(),
            [](const Session& a, const Session& b) { return a.last_ms < b.last_ms; });
  return closed;
}

std::vector<SessionIndex::Closed> SessionIndex::Close(std::int64_t watermark_ms) {
  std::vector<Closed> closed;
  while (!timers_.empty() && timers_.begin()->first <= watermark_ms) {
    auto timer = timers_.extract(timers_.begin());
    auto& [key, id] = timer.mapped();
    const auto found = keys_.find(key);
    const auto open = std::find_if(found->second.begin(), found->second.end(),
                                   [id = id](const Open& one) { return one.session.id == id; });
    if (ClosesAt(open->session) > watermark_ms) {
      timer.key() = ClosesAt(open->session);
      open->timer = timers_.insert(std::move(timer));
      continue;
    }
    closed.push_back({std::move(key), open->session});
    found->second.erase(open);
    if (found->second.empty()) keys_.erase(found);
  }
  std::sort(closed.begin(), closed.end(), [this](const Closed& a, const Closed& b) {
    const std::int64_t a_end = EndOf(a.session);
    const std::int64_t b_end = EndOf(b.session);
    return a_end != b_end ? a_end < b_end : a.key < b.key;
  });
  return closed;
}

}  // namespace millrace
