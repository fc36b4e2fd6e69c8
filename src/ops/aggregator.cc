#include "ops/aggregator.h"

#include <cstring>

#include <arrow/type.h>

namespace millrace {

void Aggregator::Encode(const std::byte* state, std::string* out) const {
  out->append(reinterpret_cast<const char*>(state), state_bytes_);
}

Status Aggregator::Decode(std::byte* state, std::uint32_t /*slot*/, std::string_view* bytes) {
  if (bytes->size() < state_bytes_) return Status::Corrupt("an aggregate's state is cut short");
  std::memcpy(state, bytes->data(), state_bytes_);
  bytes->remove_prefix(state_bytes_);
  return Status::Ok();
}

Result<std::unique_ptr<Aggregator>> MakeAggregator(const std::string& function,
                                                   const std::shared_ptr<arrow::DataType>& argument) {
  if (function == "count") return MakeCount(argument != nullptr);
  const bool known = function == "sum" || function == "mean" || function == "min" || function == "max" ||
                     function == "first" || function == "last";
  if (!known) {
    return Status::InvalidArgument("there is no aggregate function '" + function +
                                   "'; there are count, sum, mean, min, max, first and last");
  }
  if (argument == nullptr)
    return Status::InvalidArgument(function + "() needs an argument, as in " + function + "(x)");
  std::unique_ptr<Aggregator> made;
  std::string accepted = "numbers, strings, booleans, dates and times; name a field of a nested column";
  if (function == "sum") {
    made = MakeSum(*argument);
    accepted = "integers and doubles";
  } else if (function == "mean") {
    made = MakeMean(*argument);
    accepted = "integers and doubles";
  } else if (function == "min" || function == "max") {
    made = MakeMinMax(function == "max", argument);
  } else {
    made = MakeFirstLast(function == "last", argument);
  }
  if (made == nullptr) {
    return Status::InvalidArgument(function + "() does not accept " + argument->ToString() + "; it accepts " +
                                   accepted);
  }
  return made;
}

}  // namespace millrace
