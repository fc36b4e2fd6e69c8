#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/batch.h"
#include "columnar/key_encoding.h"

namespace millrace {

/// Rows that tell the end of keys (R2), made of state: the key columns have their values, the others are
/// null, and there is no record behind them. Takes the keys, canonical bytes (K1), and their times.
Result<Batch> KeyTombstones(const std::shared_ptr<arrow::Schema>& schema, std::span<const int> key_columns,
                            KeyBuffer* keys, std::vector<std::int64_t> event_times_ms);

/// `batch` with the rows where `ends` is not 0 as tombstones: their key columns stay, the others are null.
/// They keep their records and places.
Result<Batch> WithTombstones(const Batch& batch, std::span<const int> key_columns,
                             std::span<const std::uint8_t> ends);

}  // namespace millrace
