#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

/// Writes the state of one step to a Parquet file: for reading, the columns of StoredRows (window, key,
/// values), null for rows that only serve the step itself; for restoring, `partition`, and `state_key` and
/// `state_row` as they are in the changelog. One owner, one thread. Life: Add* -> Finish.
class StateFileWriter {
 public:
  /// `layout` of the rows; when this version cannot read it, only the second kind of columns is there.
  static Result<std::unique_ptr<StateFileWriter>> Create(const std::string& path, std::string_view layout);
  virtual ~StateFileWriter() = default;

  /// Errors: kCorrupt when the row does not read as its layout says; kIo.
  virtual Status Add(std::int32_t partition, std::string_view state_key, std::string_view state_row) = 0;
  virtual Status Finish() = 0;
  virtual std::int64_t num_rows() const = 0;
};

/// Rows of a state file. All arrays have the same length.
struct StateRows {
  std::shared_ptr<arrow::Int32Array> partitions;
  std::shared_ptr<arrow::BinaryArray> keys;
  std::shared_ptr<arrow::BinaryArray> rows;
};
/// Shows what a StateFileWriter wrote, in parts. Errors: kNotFound; kCorrupt, also for a row in none of
/// `partitions`.
Status ReadStateFile(const std::string& path, std::int32_t partitions,
                     const std::function<Status(const StateRows&)>& visit);

}  // namespace millrace
