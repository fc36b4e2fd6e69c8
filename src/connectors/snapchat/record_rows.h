#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "columnar/batch.h"
#include "columnar/record_block.h"

namespace millrace {

/// Counts the rows of each record as they come. What a row is called by (its record and its number there)
/// must not depend on where batches are cut: an explode cuts in the middle of a long record, and elsewhere
/// when it is read again.
///
/// One owner, one thread; lives as long as its task. A task works a block off before it takes the next one,
/// and a record that is read again, by a task made anew, is read from its first row on: its rows get the same
/// numbers.
class RecordRows {
 public:
  /// The rows of `batch` come next. Precondition: it has a block.
  void Start(const Batch& batch) {
    if (block_.lock() == batch.block) return;
    block_ = batch.block;
    rows_.assign(static_cast<std::size_t>(batch.block->num_records()), 0);
  }
  /// How many rows of the record have come before this one. `record`: Batch::RecordOf.
  std::int64_t Next(std::int64_t record) { return rows_[static_cast<std::size_t>(record)]++; }

 private:
  std::weak_ptr<const RecordBlock> block_;  // not kept alive: its bytes are not needed
  std::vector<std::int64_t> rows_;          // by record of the block
};

}  // namespace millrace
