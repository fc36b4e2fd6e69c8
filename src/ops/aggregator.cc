#include "ops/aggregator.h"

#include <cstring>

#include <arrow/type.h>

namespace millrace {
namespace {

constexpr std::string_view kNumbers = "integers and doubles";
constexpr std::string_view kNumbersAndDecimals = "integers, doubles and decimals";
constexpr std::string_view kValues =
    "numbers, strings, booleans, dates and times; name a field of a nested column";

struct Made {
  std::unique_ptr<Aggregator> aggregator;  // null: the type is not accepted
  std::string_view accepted;
};

using TypePtr = std::shared_ptr<arrow::DataType>;

/// Of one function over one argument.
struct Function {
  std::string_view name;
  Made (*make)(const AggregatorKind& kind);
};

// Only those that exist are in the registry of expr, which a test compares.
constexpr Function kFunctions[] = {
    {"approx_count_distinct",
     [](const AggregatorKind& k) {
       return Made{MakeApproxCountDistinct(*k.argument), kValues};
     }},
    {"argmax",
     [](const AggregatorKind& k) {
       return Made{MakeArgExtreme(true, k.argument, *k.order), kValues};
     }},
    {"argmin",
     [](const AggregatorKind& k) {
       return Made{MakeArgExtreme(false, k.argument, *k.order), kValues};
     }},
    {"collect",
     [](const AggregatorKind& k) {
       return Made{MakeCollect(k.argument, static_cast<std::size_t>(k.parameter.value_or(0))), kValues};
     }},
    {"count_distinct",
     [](const AggregatorKind& k) {
       return Made{MakeCountDistinct(*k.argument), kValues};
     }},
    {"earliest",
     [](const AggregatorKind& k) {
       return Made{MakeFirstLast(false, k.argument), kValues};
     }},
    {"first",
     [](const AggregatorKind& k) {
       return Made{MakeFirstLast(false, k.argument), kValues};
     }},
    {"last",
     [](const AggregatorKind& k) {
       return Made{MakeFirstLast(true, k.argument), kValues};
     }},
    {"latest",
     [](const AggregatorKind& k) {
       return Made{MakeFirstLast(true, k.argument), kValues};
     }},
    {"max",
     [](const AggregatorKind& k) {
       return Made{MakeMinMax(true, k.argument), kValues};
     }},
    {"mean",
     [](const AggregatorKind& k) {
       return Made{MakeMean(*k.argument), kNumbersAndDecimals};
     }},
    {"median",
     [](const AggregatorKind& k) {
       return Made{MakeQuantile(*k.argument, 0.5), kNumbers};
     }},
    {"min",
     [](const AggregatorKind& k) {
       return Made{MakeMinMax(false, k.argument), kValues};
     }},
    {"quantile",
     [](const AggregatorKind& k) {
       return Made{MakeQuantile(*k.argument, k.parameter.value_or(0.5)), kNumbers};
     }},
    {"stddev",
     [](const AggregatorKind& k) {
       return Made{MakeVariance(true, *k.argument), kNumbers};
     }},
    {"sum",
     [](const AggregatorKind& k) {
       return Made{MakeSum(*k.argument), kNumbersAndDecimals};
     }},
    {"top_k",
     [](const AggregatorKind& k) {
       return Made{MakeTopK(k.argument, static_cast<std::size_t>(k.parameter.value_or(1))), kValues};
     }},
    {"variance",
     [](const AggregatorKind& k) {
       return Made{MakeVariance(false, *k.argument), kNumbers};
     }},
};

}  // namespace

void Aggregator::Encode(const std::byte* state, std::string* out) const {
  out->append(reinterpret_cast<const char*>(state), state_bytes_);
}

Status Aggregator::Decode(std::byte* state, std::uint32_t /*slot*/, std::string_view* bytes) {
  if (bytes->size() < state_bytes_) return Status::Corrupt("an aggregate's state is cut short");
  std::memcpy(state, bytes->data(), state_bytes_);
  bytes->remove_prefix(state_bytes_);
  return Status::Ok();
}

Result<std::unique_ptr<Aggregator>> MakeAggregator(const AggregatorKind& kind) {
  if (kind.user != nullptr) return MakeUser(kind.user, kind.argument);
  if (kind.function == "count") return MakeCount(kind.argument != nullptr);
  for (const Function& function : kFunctions) {
    if (function.name != kind.function) continue;
    if (kind.argument == nullptr) {
      return Status::InvalidArgument(kind.function + "() needs an argument, as in " + kind.function + "(x)");
    }
    const bool ordered = kind.function == "argmin" || kind.function == "argmax";
    if (ordered && kind.order == nullptr) {
      return Status::InvalidArgument(kind.function + "() needs two arguments, as in " + kind.function +
                                     "(x, y)");
    }
    Made made = function.make(kind);
    if (made.aggregator != nullptr) return std::move(made.aggregator);
    return Status::InvalidArgument(kind.function + "() does not accept " + kind.argument->ToString() +
                                   (ordered ? " and " + kind.order->ToString() : "") + "; it accepts " +
                                   std::string(made.accepted));
  }
  return Status::InvalidArgument("there is no aggregate function '" + kind.function + "'");
}

}  // namespace millrace
