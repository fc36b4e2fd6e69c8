#include "snap_server/received_events.h"

#include <utility>

#include "base/duration.h"

namespace millrace::snap {
namespace {

constexpr Duration kDeduplication{48LL * 3'600'000};

std::string KeyOf(const std::string& asset, const std::string& name, const std::string& id) {
  return id.empty() ? "" : asset + '\n' + name + '\n' + id;
}

}  // namespace

void ReceivedEvents::Add(const std::string& asset, const json::object& event, bool test, EventTime now) {
  ++sums_.accepted;
  std::string body = json::serialize(event);
  Entry entry{"", asset, TextMember(event, "event_name"), TextMember(event, "event_id"), "", test, now};
  entry.key = KeyOf(asset, entry.name, entry.id);
  if (const auto found = by_key_.find(entry.key); !entry.key.empty() && found != by_key_.end()) {
    return Repeat(*found->second, body, now);
  }
  ++sums_.counted;
  entry.body = std::move(body);
  entries_.push_back(std::move(entry));
  if (!entries_.back().key.empty()) by_key_[entries_.back().key] = std::prev(entries_.end());
  while (entries_.size() > keep_) {
    by_key_.erase(entries_.front().key);
    entries_.pop_front();
    ++sums_.forgotten;
  }
}

void ReceivedEvents::Repeat(Entry& entry, const std::string& body, EventTime now) {
  ++entry.times;
  const bool same = entry.body == body;
  entry.identical = entry.identical && same;
  if (now.value() - entry.counted_at.value() >= kDeduplication.count()) {
    ++entry.counted;
    ++sums_.counted;
    entry.counted_at = now;
    return;
  }
  ++sums_.repeated;
  if (!same) ++sums_.changed;
}

json::array ReceivedEvents::Newest(std::size_t limit, bool with_bodies) const {
  json::array events;
  std::size_t skipped = entries_.size() > limit ? entries_.size() - limit : 0;
  for (const Entry& entry : entries_) {
    if (skipped > 0) {
      --skipped;
      continue;
    }
    json::object event{{"asset", JsonText(entry.asset)}, {"event_name", JsonText(entry.name)}};
    event["event_id"] = entry.id.empty() ? json::value(nullptr) : json::value(JsonText(entry.id));
    event["times"] = entry.times;
    event["counted"] = entry.counted;
    event["identical"] = entry.identical;
    event["test"] = entry.test;
    if (with_bodies) event["body"] = json::parse(entry.body);
    events.push_back(std::move(event));
  }
  return events;
}

void ReceivedEvents::Clear() {
  entries_.clear();
  by_key_.clear();
  sums_ = {};
}

}  // namespace millrace::snap
