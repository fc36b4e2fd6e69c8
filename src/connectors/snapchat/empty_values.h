#pragma once

#include "base/result.h"
#include "columnar/batch.h"

namespace millrace {

/// The fields of events without what is empty, which is none: a text without characters is null. Columns that
/// have nothing of the kind stay as they are, and a batch of such columns is the same batch; elsewhere texts
/// are not copied. `batch`: the columns of MapConversionFields, and kAssetColumn.
Result<Batch> WithoutEmptyValues(const Batch& batch);

}  // namespace millrace
