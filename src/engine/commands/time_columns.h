#pragma once

#include <map>
#include <span>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/record_block.h"

namespace millrace {

/// Columns of JSON records that look like points in time, though inference calls them numbers or text: the
/// type to declare, by name. int64 whose values are all between 2001 and 2100 in one unit since 1970
/// ("timestamp[ms]"), and strings that are all RFC 3339 ("timestamp[ms, rfc3339]"). `schema` is what was
/// inferred from `values`; columns inside of others are not looked at.
Result<std::map<std::string, std::string>> TimeColumns(std::span<const BytesView> values,
                                                       const std::shared_ptr<arrow::Schema>& schema);

}  // namespace millrace
