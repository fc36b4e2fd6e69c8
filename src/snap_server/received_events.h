#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "base/ids.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// The conversion events that were accepted, and which of them Snap would count.
///
/// Snap counts events of one asset, name and event_id within 48 hours once; it takes all of them. The newest
/// `keep` different ones are kept with the body of their first arrival; the sums go on. One owner.
class ReceivedEvents {
 public:
  explicit ReceivedEvents(std::size_t keep) : keep_(keep) {}

  /// `test`: Snap shows it in its test tool only.
  void Add(const std::string& asset, const json::object& event, bool test, EventTime now);

  struct Sums {
    std::int64_t accepted = 0;   ///< all arrivals
    std::int64_t counted = 0;    ///< what Snap would report
    std::int64_t repeated = 0;   ///< arrivals that Snap would not count again
    std::int64_t changed = 0;    ///< those of them whose body was another one
    std::int64_t forgotten = 0;  ///< different events that are not kept any more
  };
  const Sums& sums() const { return sums_; }

  /// The newest `limit` different events, in the order of their first arrival.
  json::array Newest(std::size_t limit, bool with_bodies) const;
  void Clear();

 private:
  struct Entry {
    std::string key;  // "" without an event_id: such an event is never the same as another
    std::string asset;
    std::string name;
    std::string id;
    std::string body;
    bool test;
    EventTime counted_at;  // the begin of the 48 hours in which it is not counted again
    std::int64_t times = 1;
    std::int64_t counted = 1;
    bool identical = true;
  };

  void Repeat(Entry& entry, const std::string& body, EventTime now);

  const std::size_t keep_;
  Sums sums_;
  std::list<Entry> entries_;
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace millrace::snap
