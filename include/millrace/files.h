#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "millrace/expression.h"

namespace millrace {

/// Files in a directory, exactly once: a file appears, complete, when it rolls. A value type; each call
/// returns a changed copy. Made by Parquet() and ArrowIpc().
class FileSink {
 public:
  /// How rows are written.
  enum class Format { kParquet, kArrowIpc };
  FileSink(Format format, std::string directory) : format_(format), directory_(std::move(directory)) {}

  /// A subdirectory per value: `Parquet("out").PartitionBy({call("date", {col("window_start")})})`.
  FileSink PartitionBy(std::vector<Expression> expressions) const;
  /// A file is closed after this time or size, whichever comes first. Default: 30 s or 128 MiB.
  FileSink Roll(std::chrono::milliseconds after) const;
  FileSink RollBytes(std::int64_t bytes) const;
  /// Name of the step, for metrics and errors.
  FileSink Named(std::string step_name) const;

 private:
  friend struct api_internal::Access;
  Format format_;
  std::string directory_;
  std::vector<Expression> partition_by_;
  std::chrono::milliseconds roll_{30'000};
  std::int64_t roll_bytes_ = 128LL << 20;
  std::string step_name_;
};

/// Parquet files.
inline FileSink Parquet(std::string directory) { return {FileSink::Format::kParquet, std::move(directory)}; }
/// Arrow IPC files (Feather version 2).
inline FileSink ArrowIpc(std::string directory) {
  return {FileSink::Format::kArrowIpc, std::move(directory)};
}

/// Rows printed to standard output, for looking. A value type.
class Console {
 public:
  /// One JSON object per line instead of a table.
  Console Json() const;
  /// Prints only the first rows.
  Console Limit(std::int64_t rows) const;
  /// Name of the step, for metrics and errors.
  Console Named(std::string step_name) const;

 private:
  friend struct api_internal::Access;
  std::string format_ = "table";
  std::int64_t limit_ = 0;  // 0: all
  std::string step_name_;
};

}  // namespace millrace
