#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/batch.h"
#include "connectors/snapchat/conversion_check.h"

namespace millrace {

/// Column in which the outcome of CheckConversions travels beside its rows, from the step that asked for it
/// to the sink, whatever takes rows away in between. It is no field of events.
inline constexpr const char* kCheckedColumn = "checked";

/// `fields` with that column behind them.
std::shared_ptr<arrow::Schema> WithCheckedField(const arrow::Schema& fields);

/// `batch` with that column; `checked` is of it.
Result<Batch> WithChecked(const Batch& batch, const CheckedEvents& checked);

/// The outcome for the rows of `batch`. Precondition: it has the column.
CheckedEvents CheckedOf(const Batch& batch);

}  // namespace millrace
