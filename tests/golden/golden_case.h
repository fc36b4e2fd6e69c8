#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/duration.h"
#include "base/result.h"

namespace millrace {

/// One line of a golden file that is a row: see tests/golden/README.md.
struct GoldenRow {
  int line = 0;
  std::string text;  ///< as written, for messages
  /// Field name and JSON text of its value, in order.
  std::vector<std::pair<std::string, std::string>> fields;
  bool tombstone = false;
  std::optional<std::string> raw;  ///< the value as bytes, in place of `fields`
  bool has_key = false;
  std::optional<std::string> key;  ///< meaningful with has_key
  std::optional<std::int64_t> time;
  std::optional<std::int32_t> partition;
  std::string topic;
  std::vector<std::pair<std::string, std::string>> headers;

  /// The record's value; nullopt for a tombstone.
  std::optional<std::string> Value() const;
};

struct GoldenClock {
  Duration by{0};
};
struct GoldenRun {};
using GoldenInput = std::variant<GoldenRow, GoldenClock, GoldenRun>;

/// What a topic, or a folder of files, must hold.
struct GoldenOutput {
  std::string topic;  ///< or the folder
  std::vector<GoldenRow> rows;
};

/// Name and text of each part that must be equal.
struct GoldenDeadLetter {
  std::string text;
  std::vector<std::pair<std::string, std::string>> parts;
};

/// A golden file.
struct GoldenCase {
  std::string path;
  std::vector<std::string> rules;
  std::vector<std::string> configs;  ///< empty: all
  std::string not_on_kafka;          ///< why a real broker cannot show it; empty: it can
  std::int64_t start_ms = 1'000'000'000;
  bool first_run = false;
  std::int32_t partitions = 1;
  std::string pipeline;  ///< complete YAML
  std::vector<GoldenInput> input;
  std::vector<GoldenOutput> outputs;
  std::vector<GoldenOutput> files;  ///< by folder
  std::optional<std::vector<GoldenDeadLetter>> dead_letters;
  std::vector<std::pair<std::string, std::int64_t>> counters;
  std::vector<std::pair<std::string, bool>> topics;  ///< name, exists
  std::vector<std::pair<std::string, std::int64_t>> live;
  std::vector<std::string> error;  ///< empty: the pipeline must not fail
};

/// Errors: user error with "path:line: ".
Result<GoldenCase> ParseGoldenCase(const std::string& path, std::string_view text);

}  // namespace millrace
