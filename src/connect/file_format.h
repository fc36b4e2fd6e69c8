#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace millrace {

/// One file being written. One owner, one thread. Life: Write* -> Finish; destroying it before leaves half a
/// file.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  /// Errors: kIo.
  virtual Status Write(const arrow::RecordBatch& rows) = 0;
  /// Writes what a reader needs and closes the file. Errors: kIo.
  virtual Status Finish() = 0;
};

/// How a file sink's finished files look. Immutable, thread-safe.
class FileFormat {
 public:
  virtual ~FileFormat() = default;
  /// "parquet": the end of file names.
  virtual std::string_view extension() const = 0;
  /// Errors: kIo; user error when a column's type cannot be written.
  virtual Result<std::unique_ptr<FileWriter>> Create(const std::string& path,
                                                     const std::shared_ptr<arrow::Schema>& schema) const = 0;
};

}  // namespace millrace
