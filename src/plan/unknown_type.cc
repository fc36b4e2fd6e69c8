#include "plan/unknown_type.h"

namespace millrace {
namespace {

/// Its own class, because a column of nulls has a type that is known.
class Unknown final : public arrow::NullType {
 public:
  std::string ToString(bool /*show_metadata*/ = false) const override { return "unknown"; }
};

}  // namespace

std::shared_ptr<arrow::DataType> UnknownType() { return std::make_shared<Unknown>(); }

bool IsUnknown(const arrow::DataType& type) { return dynamic_cast<const Unknown*>(&type) != nullptr; }

}  // namespace millrace
