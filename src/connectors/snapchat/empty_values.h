#pragma once

#include "base/result.h"
#include "columnar/batch.h"

namespace millrace {

/// The fields of events without what is empty, which is none: a text without characters is null, lists have
/// no nulls and no such texts, and a list without elements is null. The places of extinfo count: its lists
/// stay as they are, as do columns that have nothing of the kind, and a batch of such columns is the same
/// batch. Elsewhere texts that stand alone are not copied. `batch`: the columns of MapConversionFields, and
/// kAssetColumn.
Result<Batch> WithoutEmptyValues(const Batch& batch);

}  // namespace millrace
