#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/duration.h"
#include "columnar/key_encoding.h"
#include "ops/operator.h"
#include "ops/rekey.h"

namespace millrace {

/// Takes tombstones out of a batch whose rows are about to be grouped, and counts them as absorbed (R2).
Status RemoveTombstones(Batch* batch, Output& output);

/// Takes out only the tombstones in which a key column is null, and counts them as absorbed: whose end they
/// tell is not known.
Status RemoveTombstonesWithoutKey(std::span<const int> key_columns, Batch* batch, Output& output);

/// Takes out the rows in which a key column is null: dead letters under kError, counted as filtered under
/// kDrop; kGroup keeps them.
Status RemoveNullKeys(std::span<const int> key_columns, NullKeyPolicy policy, Batch* batch, Output& output);

/// Takes out the rows whose key is longer than a record of the changelog can have it: dead letters.
/// Cost: for most batches a look at the length of the columns.
Status RemoveLongKeys(std::span<const int> key_columns, std::int64_t most_bytes, Batch* batch,
                      Output& output);

/// The key columns of a batch.
std::vector<std::shared_ptr<arrow::Array>> KeyArrays(std::span<const int> key_columns,
                                                     const arrow::RecordBatch& data);

/// Hands the rows `late` (ascending) to the late output and takes them out of the batch.
Status TakeOutLate(const std::vector<std::int32_t>& late, std::vector<std::int64_t> late_by_ms, Batch* batch,
                   Output& output);

/// Takes out the rows (ascending) that no window of this size can hold, as dead letters.
Status TakeOutWithoutWindow(const std::vector<std::int32_t>& rows, Duration size, Batch* batch,
                            Output& output);

/// Replaces `keys` by the canonical bytes of the key columns; without key columns all rows have one key.
Status EncodeGroupKeys(std::span<const int> key_columns, const Batch& batch, KeyBuffer* keys);

/// Indices of `names` in `input`. Errors: user error when one is missing or cannot be a key.
Result<std::vector<int>> KeyColumnIndices(std::span<const std::string> names, const arrow::Schema& input);

/// "k:string n:int64": columns as they stand in the layout of a state, on one line.
std::string ColumnsLayout(std::span<const int> columns, const arrow::Schema& input);

}  // namespace millrace
