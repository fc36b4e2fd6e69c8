#include "golden_check.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

namespace millrace {
namespace {

std::string Shown(const std::optional<std::string>& bytes) { return bytes ? "'" + *bytes + "'" : "null"; }

std::string Shown(const TestOutputRecord& record) {
  std::string text = "[" + std::to_string(record.partition.value()) + "] key=" + Shown(record.key) + " " +
                     Shown(record.value) + " @time=" + std::to_string(record.timestamp.value());
  for (const auto& [name, value] : record.headers) text += " " + name + "=" + value;
  return text;
}

std::optional<std::string> HeaderOf(const TestOutputRecord& record, const std::string& name) {
  for (const auto& [header, value] : record.headers) {
    if (header == name) return value;
  }
  return std::nullopt;
}

bool Matches(const GoldenRow& row, const TestOutputRecord& record) {
  if (row.Value() != record.value) return false;
  if (row.has_key && row.key != record.key) return false;
  if (row.time && *row.time != record.timestamp.value()) return false;
  if (row.partition && *row.partition != record.partition.value()) return false;
  return std::all_of(row.headers.begin(), row.headers.end(),
                     [&](const auto& header) { return HeaderOf(record, header.first) == header.second; });
}

class Check {
 public:
  Check(const GoldenCase& golden, const GoldenResult& result) : case_(golden), result_(result) {}

  void Everything(bool counters) {
    const Status& status = result_.status;
    if (!case_.error.empty()) {
      ASSERT_FALSE(status.ok()) << "the pipeline must fail";
      for (const std::string& part : case_.error) {
        EXPECT_NE(status.message().find(part), std::string::npos) << "no '" << part << "' in the error:\n"
                                                                  << status.ToString();
      }
      return;
    }
    ASSERT_TRUE(status.ok()) << status.ToString();
    for (const GoldenOutput& output : case_.outputs) CheckOutput(output);
    for (const GoldenOutput& files : case_.files) CheckFiles(files);
    if (case_.dead_letters) CheckDeadLetters(*case_.dead_letters);
    if (counters) CheckCounters();
    for (const auto& [topic, exists] : case_.topics) {
      EXPECT_EQ(result_.topics.contains(topic), exists) << "topic " << topic;
    }
    for (const auto& [topic, keys] : case_.live) CheckLive(topic, keys);
  }

 private:
  std::vector<TestOutputRecord> Records(const std::string& topic) const {
    const auto found = result_.topics.find(topic);
    return found == result_.topics.end() ? std::vector<TestOutputRecord>() : found->second;
  }

  static std::string List(const std::vector<TestOutputRecord>& records) {
    std::string text;
    for (const TestOutputRecord& record : records) text += "\n  " + Shown(record);
    return records.empty() ? "\n  (nothing)" : text;
  }

  void CheckOutput(const GoldenOutput& output) {
    const std::vector<TestOutputRecord> records = Records(output.topic);
    std::vector<bool> used(output.rows.size());
    std::map<std::string, std::size_t> next;  // by what must stay in order: the first row that may come
    for (const TestOutputRecord& record : records) {
      const std::string order =
          case_.partitions == 1 ? "" : std::to_string(record.partition.value()) + Shown(record.key);
      std::size_t at = next[order];
      while (at < output.rows.size() && (used[at] || !Matches(output.rows[at], record))) {
        at = case_.partitions == 1 && !used[at] ? output.rows.size() : at + 1;
      }
      if (at >= output.rows.size()) {
        ADD_FAILURE() << "topic " << output.topic << ": not expected here: " << Shown(record)
                      << "\nall of it:" << List(records);
        return;
      }
      used[at] = true;
      next[order] = at + 1;
    }
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) continue;
      ADD_FAILURE() << case_.path << ":" << output.rows[i].line << ": topic " << output.topic
                    << " lacks: " << output.rows[i].text << "\nit has:" << List(records);
      return;
    }
  }

  void CheckFiles(const GoldenOutput& files) {
    std::vector<std::string> expected;
    for (const GoldenRow& row : files.rows) expected.push_back(row.Value().value_or("null"));
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(result_.files.at(files.topic), expected) << "finished files in " << files.topic;
  }

  static std::optional<std::string> PartOf(const TestOutputRecord& record, const std::string& name) {
    static const std::map<std::string, std::string> kHeaders = {
        {"topic", "__connect.errors.topic"},      {"partition", "__connect.errors.partition"},
        {"offset", "__connect.errors.offset"},    {"stage", "__connect.errors.stage"},
        {"class", "__connect.errors.class.name"}, {"message", "__connect.errors.exception.message"}};
    if (name == "key") return record.key;
    if (name == "value") return record.value;
    if (name.starts_with("header.")) return HeaderOf(record, name.substr(7));
    const auto header = kHeaders.find(name);
    return header == kHeaders.end() ? std::nullopt : HeaderOf(record, header->second);
  }

  /// Topic, partition and offset of the record that a dead letter came from.
  static std::tuple<std::string, std::int64_t, std::int64_t> SourceOf(const TestOutputRecord& letter) {
    const auto number = [&](const char* part) { return std::stoll(PartOf(letter, part).value_or("-1")); };
    return {PartOf(letter, "topic").value_or(""), number("partition"), number("offset")};
  }

  void CheckDeadLetters(const std::vector<GoldenDeadLetter>& expected) {
    std::vector<TestOutputRecord> records = Records("dead");
    // Within a batch a failing source record is written before what failed in later steps.
    std::stable_sort(records.begin(), records.end(),
                     [](const auto& a, const auto& b) { return SourceOf(a) < SourceOf(b); });
    ASSERT_EQ(records.size(), expected.size()) << "dead letters:" << List(records);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      for (const auto& [name, text] : expected[i].parts) {
        const std::optional<std::string> part = PartOf(records[i], name);
        const bool equal = name == "message" ? part && part->find(text) != std::string::npos : part == text;
        EXPECT_TRUE(equal) << "dead letter " << i << ": " << name << " is " << Shown(part)
                           << ", expected: " << expected[i].text;
      }
    }
  }

  void CheckCounters() {
    const TestCounters counters = result_.counters;
    const std::map<std::string, std::int64_t> values = {{"in", counters.records_in},
                                                        {"out", counters.rows_out},
                                                        {"filtered", counters.rows_filtered},
                                                        {"late", counters.rows_late},
                                                        {"dead_letters", counters.dead_letters},
                                                        {"dropped", counters.rows_dropped}};
    for (const auto& [name, expected] : case_.counters) {
      const auto value = values.find(name);
      ASSERT_NE(value, values.end()) << "there is no counter " << name;
      EXPECT_EQ(value->second, expected) << "counter " << name;
    }
  }

  void CheckLive(const std::string& topic, std::int64_t expected) {
    std::map<std::pair<std::int32_t, std::string>, bool> last;  // by partition and key: has a value
    for (const TestOutputRecord& record : Records(topic)) {
      last[{record.partition.value(), record.key.value_or("")}] = record.value.has_value();
    }
    const auto live = std::count_if(last.begin(), last.end(), [](const auto& entry) { return entry.second; });
    EXPECT_EQ(live, expected) << "keys that live in " << topic;
  }

  const GoldenCase& case_;
  const GoldenResult& result_;
};

}  // namespace

void CheckGoldenResult(const GoldenCase& golden, const GoldenResult& result, bool counters) {
  Check(golden, result).Everything(counters);
}

}  // namespace millrace
