#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/byte_size.h"
#include "base/result.h"
#include "columnar/record_block.h"

namespace millrace {

/// Of all Parquet files of a savepoint: what is in memory, compressed, before it is written.
inline constexpr ByteCount kRowGroupBytes{64LL << 20};

/// Writes records of a topic to a Parquet file, exactly. One owner, one thread. Life: Add* -> Finish.
class RecordFileWriter {
 public:
  static Result<std::unique_ptr<RecordFileWriter>> Create(const std::string& path);
  virtual ~RecordFileWriter() = default;

  virtual Status Add(const RecordBlock& block) = 0;
  virtual Status Finish() = 0;
  virtual std::int64_t num_rows() const = 0;
};

/// Shows what a RecordFileWriter wrote, in blocks; `topic` is what they say they came from.
/// Errors: kNotFound; kCorrupt, also for a record in none of `partitions`.
Status ReadRecordFile(const std::string& path, const std::string& topic, std::int32_t partitions,
                      const std::function<Status(std::shared_ptr<const RecordBlock>)>& visit);

}  // namespace millrace
