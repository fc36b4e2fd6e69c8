#pragma once

#include <memory>

#include <arrow/type.h>

namespace millrace {

/// The type of a column about which a mistake was reported: whatever is done with it is no further mistake.
/// A plan without mistakes has none.
std::shared_ptr<arrow::DataType> UnknownType();

bool IsUnknown(const arrow::DataType& type);

}  // namespace millrace
