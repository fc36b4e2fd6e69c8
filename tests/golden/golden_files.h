#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace millrace {

/// The rows of the Arrow IPC files directly in `folder`, as JSON objects, in the order of their text. None
/// when there is no such folder. What lies in `_staging` is not finished and does not count. Errors: user
/// error for another file or a torn one.
Result<std::vector<std::string>> FinishedRows(const std::string& folder);

}  // namespace millrace
