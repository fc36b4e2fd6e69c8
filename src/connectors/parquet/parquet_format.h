#pragma once

#include <cstdint>
#include <memory>

#include "connect/file_format.h"

namespace millrace {

struct ParquetOptions {
  std::int64_t row_group_rows = 1 << 20;
  int zstd_level = 3;
};

/// Parquet 2.6 files, zstd, with the Arrow schema inside so that types read back as they were written. Files
/// are never encrypted.
std::unique_ptr<FileFormat> MakeParquetFormat(ParquetOptions options = {});

}  // namespace millrace
