#pragma once

#include <cstdint>
#include <memory>

#include "base/byte_size.h"
#include "connect/file_format.h"

namespace millrace {

struct ParquetOptions {
  // A row group is in memory, compressed, until it is full.
  std::int64_t row_group_rows = 1 << 20;
  ByteCount row_group_bytes{128LL << 20};  ///< of its batches as they are in memory; the last may go beyond
  int zstd_level = 3;
};

/// Parquet 2.6 files, zstd, with the Arrow schema inside so that types read back as they were written. Files
/// are never encrypted.
std::unique_ptr<FileFormat> MakeParquetFormat(ParquetOptions options = {});

}  // namespace millrace
