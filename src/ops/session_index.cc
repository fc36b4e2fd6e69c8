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
  timer_key_bytes_ = 0;
}

std::int64_t SessionIndex::memory_bytes() const {
  constexpr std::size_t kTimerBytes = 96;  // a node of the tree
  constexpr std::size_t kKeyBytes = 104;   // a node of the hash table and its bucket
  return static_cast<std::int64_t>(timers_.size() * (sizeof(Open) + kTimerBytes) + keys_.size() * kKeyBytes) +
         2 * timer_key_bytes_;
}

SessionIndex::Timers::iterator SessionIndex::AddTimer(std::string_view key, const Session& session) {
  timer_key_bytes_ += static_cast<std::int64_t>(key.size());
  return timers_.emplace(ClosesAt(session), std::pair(std::string(key), session.id));
}

void SessionIndex::EraseTimer(Timers::iterator timer) {
  timer_key_bytes_ -= static_cast<std::int64_t>(timer->second.first.size());
  timers_.erase(timer);
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
  Sessions& sessions = found->second;
  const auto at =
      std::upper_bound(sessions.begin(), sessions.end(), session.last_ms,
                       [](std::int64_t last_ms, const Open& open) { return last_ms < open.session.last_ms; });
  return *sessions.insert(at, {session, AddTimer(key, session)});
}

template <typename OfKey>
auto SessionIndex::FirstClosingAfter(OfKey& sessions, std::int64_t time_ms) const {
  return std::partition_point(sessions.begin(), sessions.end(),
                              [&](const Open& open) { return ClosesAt(open.session) <= time_ms; });
}

template <typename OfKey>
auto SessionIndex::FindId(OfKey& sessions, std::int64_t id) {
  const auto at = std::partition_point(sessions.begin(), sessions.end(),
                                       [id](const Open& open) { return open.session.last_ms < id; });
  return at == sessions.end() || at->session.id != id ? sessions.end() : at;
}

template <typename OfKey>
auto SessionIndex::Reached(OfKey& sessions, std::int64_t time_ms, std::int64_t watermark_ms) const {
  const auto open = FirstClosingAfter(sessions, watermark_ms);
  const auto first = std::partition_point(open, sessions.end(),
                                          [&](const Open& one) { return EndOf(one.session) <= time_ms; });
  auto end = first;
  while (end != sessions.end() && SubtractTime(end->session.first_ms, gap_ms_) < time_ms) ++end;
  return std::pair(first, end);
}

bool SessionIndex::IsLate(std::string_view key, std::int64_t time_ms, std::int64_t watermark_ms) const {
  if (ClosesAt(time_ms) > watermark_ms) return false;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return true;
  const auto [first, end] = Reached(found->second, time_ms, watermark_ms);
  return first == end;
}

SessionIndex::Placed SessionIndex::Place(std::string_view key, std::int64_t time_ms,
                                         std::int64_t watermark_ms) {
  const auto begin = [&]() -> Placed {
    if (ClosesAt(time_ms) <= watermark_ms) return {.late = true};
    const Session begun{time_ms, time_ms, time_ms};
    return {.session = begun, .before = begun, .mark = &Add(key, begun).mark};
  };
  const auto found = keys_.find(key);
  if (found == keys_.end()) return begin();
  const auto [first, end] = Reached(found->second, time_ms, watermark_ms);
  if (first == end) return begin();
  Session& session = first->session;
  Placed placed;
  const auto second = first + 1;
  if (second != end) {
    placed.merged = true;
    placed.from_id = second->session.id;
    session.last_ms = second->session.last_ms;
  }
  placed.before = session;
  session.first_ms = std::min(session.first_ms, time_ms);
  session.last_ms = std::max(session.last_ms, time_ms);
  placed.session = session;
  placed.mark = &first->mark;
  if (placed.merged) {
    EraseTimer(second->timer);
    found->second.erase(second);
  }
  return placed;
}

const SessionIndex::Session* SessionIndex::Find(std::string_view key, std::int64_t id) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  const auto open = FindId(found->second, id);
  return open == found->second.end() ? nullptr : &open->session;
}

std::int64_t SessionIndex::ClockOf(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? std::numeric_limits<std::int64_t>::min()
                              : found->second.back().session.last_ms;
}

std::vector<SessionIndex::Session> SessionIndex::CloseOfKey(std::string_view key, std::int64_t clock_ms,
                                                            std::int64_t watermark_ms) {
  std::vector<Session> closed;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return closed;
  const auto first = FirstClosingAfter(found->second, watermark_ms);
  const auto end = FirstClosingAfter(found->second, std::max(clock_ms, watermark_ms));
  for (auto open = first; open != end; ++open) {
    closed.push_back(open->session);
    EraseTimer(open->timer);
  }
  found->second.erase(first, end);
  if (found->second.empty()) keys_.erase(found);
  return closed;
}

std::vector<SessionIndex::Closed> SessionIndex::Close(std::int64_t watermark_ms) {
  std::vector<Closed> closed;
  while (MayClose(watermark_ms)) {
    const auto timer = timers_.begin();
    const auto found = keys_.find(timer->second.first);
    Sessions& sessions = found->second;
    const auto open = FirstClosingAfter(sessions, watermark_ms);
    if (const auto at = FindId(sessions, timer->second.second); at >= open) {
      auto later = timers_.extract(timer);
      later.key() = ClosesAt(at->session);
      at->timer = timers_.insert(std::move(later));
      continue;
    }
    // All of this key at once: one by one, each would move those behind it.
    for (auto at = sessions.begin(); at != open; ++at) {
      closed.push_back({found->first, at->session});
      EraseTimer(at->timer);
    }
    sessions.erase(sessions.begin(), open);
    if (sessions.empty()) keys_.erase(found);
  }
  std::sort(closed.begin(), closed.end(), [this](const Closed& a, const Closed& b) {
    const std::int64_t a_end = EndOf(a.session);
    const std::int64_t b_end = EndOf(b.session);
    return a_end != b_end ? a_end < b_end : a.key < b.key;
  });
  return closed;
}

}  // namespace millrace
