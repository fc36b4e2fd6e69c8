#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

/// Rows that go to one directory: "day=2026-01-31/symbol=A", "" without partition columns.
struct PartitionedRows {
  std::string directory;
  std::shared_ptr<arrow::RecordBatch> rows;  ///< without the partition columns
};

/// Splits a batch by its last `columns` columns into directories in the style of Hive: a null becomes
/// __HIVE_DEFAULT_PARTITION__, and bytes that mean something in a path are written as %XX. Directories come
/// in the order of their first row; rows keep their order.
Result<std::vector<PartitionedRows>> SplitByPartition(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                      std::size_t columns);

/// The schema of PartitionedRows::rows. Errors: user error when a partition column has a type without a short
/// text.
Result<std::shared_ptr<arrow::Schema>> WithoutPartitionColumns(const arrow::Schema& schema,
                                                               std::size_t columns);

/// `text` with every byte other than letters, digits, '-', '_' and `also` written as %XX.
std::string EscapePathPart(std::string_view text, std::string_view also = "");

}  // namespace millrace
