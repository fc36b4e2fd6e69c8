#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

/// A Parquet file being read from its beginning, in parts. One owner, one thread.
class ParquetReader {
 public:
  /// `columns`: only these, which are no structs or lists; none: all. Errors: kNotFound; kCorrupt when it is
  /// no whole Parquet file or lacks a column.
  static Result<std::unique_ptr<ParquetReader>> Open(const std::string& path,
                                                     const std::vector<std::string>& columns = {});
  virtual ~ParquetReader() = default;

  /// Of the file, as it says itself.
  virtual std::int64_t num_rows() const = 0;
  /// The next rows; null at the end. Errors: kCorrupt.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

}  // namespace millrace
