#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "codec/codec.h"

namespace millrace {

/// What a Decoder notes while it turns the records of a block into rows: builds the side arrays of
/// DecodedBlock, and costs nothing per record until the first error or tombstone.
class RowTracker {
 public:
  /// Record `record` became the next row.
  void Row(std::int64_t record) {
    if (!errors_.empty()) record_.push_back(static_cast<std::int32_t>(record));
    ++rows_;
  }
  /// Record `record`, whose value was null, became the next row.
  void Tombstone(std::int64_t record) {
    tombstones_.push_back(rows_);
    Row(record);
  }
  void Failed(std::int64_t record, std::string error_class, std::string message) {
    if (errors_.empty()) {
      for (std::int64_t i = 0; i < rows_; ++i) record_.push_back(static_cast<std::int32_t>(i));
    }
    errors_.push_back({record, std::move(error_class), std::move(message)});
  }

  std::int64_t rows() const { return rows_; }

  /// Fills all of `block` but its rows.
  void Finish(DecodedBlock* block) && {
    if (!errors_.empty()) {
      block->record =
          std::make_shared<arrow::Int32Array>(rows_, arrow::Buffer::FromVector(std::move(record_)));
    }
    if (!tombstones_.empty()) {
      std::vector<std::uint8_t> bits(static_cast<std::size_t>((rows_ + 7) / 8));
      for (const std::int64_t row : tombstones_) {
        bits[static_cast<std::size_t>(row / 8)] |= static_cast<std::uint8_t>(1U << (row % 8));
      }
      block->tombstone =
          std::make_shared<arrow::BooleanArray>(rows_, arrow::Buffer::FromVector(std::move(bits)));
    }
    block->errors = std::move(errors_);
  }

 private:
  std::int64_t rows_ = 0;
  std::vector<std::int32_t> record_;  // filled from the first error on
  std::vector<std::int64_t> tombstones_;
  std::vector<RowError> errors_;
};

}  // namespace millrace
