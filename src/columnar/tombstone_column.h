#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "columnar/batch.h"

namespace millrace {

/// The column that expressions may use besides the payload: true where the record had a null value (R2).
inline constexpr const char* kTombstoneColumn = "_tombstone";

/// What expressions over rows of `schema` are bound to: its columns and then kTombstoneColumn, unless the
/// payload has a column of that name.
std::shared_ptr<arrow::Schema> WithTombstoneField(const std::shared_ptr<arrow::Schema>& schema);

/// The payload of `batch` as WithTombstoneField(its schema) describes it.
Result<std::shared_ptr<arrow::RecordBatch>> WithTombstoneColumn(const Batch& batch);

}  // namespace millrace
