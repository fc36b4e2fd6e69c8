#include "kafka/statistics.h"

#include <charconv>
#include <map>
#include <optional>
#include <string>

namespace millrace::kafka {
namespace {

/// A forward reader of the JSON that librdkafka writes itself: just enough for its objects of numbers and
/// strings.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Accept(char expected) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }

  std::optional<std::string> String() {
    if (!Accept('"')) return std::nullopt;
    std::string value;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_++];
    }
    return Accept('"') ? std::optional(value) : std::nullopt;
  }

  std::optional<std::int64_t> Integer() {
    SkipSpace();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  /// Calls `member(name)` for each member of an object; it must read the value.
  template <typename Member>
  bool Object(Member member) {
    if (!Accept('{')) return false;
    if (Accept('}')) return true;
    do {
      const auto name = String();
      if (!name || !Accept(':') || !member(*name)) return false;
    } while (Accept(','));
    return Accept('}');
  }

  bool Skip() {
    SkipSpace();
    if (at_ >= text_.size()) return false;
    switch (text_[at_]) {
      case '{':
        return Object([this](const std::string&) { return Skip(); });
      case '[':
        return SkipArray();
      case '"':
        return String().has_value();
      default: {
        const std::size_t end = text_.find_first_of(",}] \t\r\n", at_);
        if (end == std::string_view::npos || end == at_) return false;
        at_ = end;
        return true;
      }
    }
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool SkipArray() {
    if (!Accept('[')) return false;
    if (Accept(']')) return true;
    do {
      if (!Skip()) return false;
    } while (Accept(','));
    return Accept(']');
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

struct Found {
  PartitionStatistics statistics;
  std::int64_t leader = -1;
};

bool Take(Reader& json, std::int64_t& to) {
  const auto value = json.Integer();
  if (value) to = *value;
  return value.has_value();
}

bool ReadBroker(Reader& json, std::map<std::int64_t, std::int64_t>& silent_us) {
  std::int64_t node = -1;
  std::int64_t silent = -1;
  const bool read = json.Object([&](const std::string& name) {
    if (name == "nodeid") return Take(json, node);
    if (name == "rxidle") return Take(json, silent);
    return json.Skip();
  });
  if (node >= 0 && silent >= 0) silent_us[node] = silent;
  return read;
}

bool ReadPartition(Reader& json, Found& found) {
  return json.Object([&](const std::string& name) {
    if (name == "leader") return Take(json, found.leader);
    if (name == "ls_offset") return Take(json, found.statistics.last_stable);
    if (name == "hi_offset") return Take(json, found.statistics.high);
    return json.Skip();
  });
}

bool ReadTopic(Reader& json, const std::string& topic, std::vector<Found>& found) {
  return json.Object([&](const std::string& name) {
    if (name != "partitions") return json.Skip();
    return json.Object([&](const std::string& number) {
      std::int32_t partition = -1;
      std::from_chars(number.data(), number.data() + number.size(), partition);
      Found one;
      one.statistics.partition = {topic, Partition(partition)};
      if (!ReadPartition(json, one)) return false;
      if (partition >= 0) found.push_back(std::move(one));  // -1 is librdkafka's own "unassigned"
      return true;
    });
  });
}

}  // namespace

std::vector<PartitionStatistics> ReadStatistics(std::string_view text) {
  Reader json(text);
  std::map<std::int64_t, std::int64_t> silent_us;  // by node id
  std::vector<Found> found;
  const bool read = json.Object([&](const std::string& name) {
    if (name == "brokers") {
      return json.Object([&](const std::string&) { return ReadBroker(json, silent_us); });
    }
    if (name == "topics") {
      return json.Object([&](const std::string& topic) { return ReadTopic(json, topic, found); });
    }
    return json.Skip();
  });
  std::vector<PartitionStatistics> result;
  if (!read) return result;
  for (Found& one : found) {
    if (const auto it = silent_us.find(one.leader); it != silent_us.end()) {
      one.statistics.leader_silent = std::chrono::microseconds(it->second);
    }
    result.push_back(std::move(one.statistics));
  }
  return result;
}

}  // namespace millrace::kafka
