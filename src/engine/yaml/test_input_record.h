#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace millrace {

/// A record that a test writes to a source topic.
struct TestInputRecord {
  std::string topic;
  Partition partition{0};
  std::optional<std::string> key;
  std::optional<std::string> value;    ///< nullopt: a tombstone
  std::optional<EventTime> timestamp;  ///< nullopt: the manual clock
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace millrace
