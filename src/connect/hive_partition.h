#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/batch.h"

namespace millrace {

/// The directories that the last columns of batches name, in the style of Hive: "day=2026-01-31/symbol=A", ""
/// without such columns. A null becomes __HIVE_DEFAULT_PARTITION__, and bytes that mean something in a path
/// are written as %XX. Directories are numbered from 0 in the order of their first row. One owner, one
/// thread.
class DirectoryNumbers {
 public:
  /// The last `columns` columns of each batch name directories.
  explicit DirectoryNumbers(std::size_t columns) : columns_(columns) {}

  /// The number of each row's directory.
  Result<std::vector<std::uint32_t>> Number(const arrow::RecordBatch& batch);
  /// By number.
  const std::vector<std::string>& directories() const { return directories_; }

 private:
  std::uint32_t NumberOf(std::string directory);

  const std::size_t columns_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<std::string> directories_;
};

/// Numbers of directories: `first` up to before `last`.
struct DirectoryRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// The rows of a batch that go to the directories in `range`, by directory, without the last `columns`
/// columns; rows keep their order. `numbers`: what DirectoryNumbers gave for this batch.
Result<std::map<std::uint32_t, std::shared_ptr<arrow::RecordBatch>>> TakeDirectories(
    const std::shared_ptr<arrow::RecordBatch>& batch, std::size_t columns,
    std::span<const std::uint32_t> numbers, DirectoryRange range);

/// The rows whose directory no file system takes: a part of more than 255 bytes, or more than
/// `max_directory_bytes` in all. Their class is "too_long". Cheap while the values are short.
Result<std::vector<RowError>> RowsWithoutDirectory(const arrow::RecordBatch& batch, std::size_t columns,
                                                   std::size_t max_directory_bytes);

/// The schema of what TakeDirectories gives. Errors: user error when a partition column has a type without a
/// short text, or too long a name.
Result<std::shared_ptr<arrow::Schema>> WithoutPartitionColumns(const arrow::Schema& schema,
                                                               std::size_t columns);

/// `text` with every byte other than letters, digits, '-', '_' and `also` written as %XX.
std::string EscapePathPart(std::string_view text, std::string_view also = "");
/// What EscapePathPart wrote.
std::string UnescapePathPart(std::string_view text);

}  // namespace millrace
