#include "compile/keyed_steps.h"

#include <arrow/api.h>

#include "columnar/tombstone_column.h"
#include "compile/aggregate_columns.h"
#include "ops/changes.h"
#include "ops/deduplicate.h"
#include "ops/expire.h"
#include "ops/latest.h"
#include "ops/map.h"
#include "ops/running.h"

namespace millrace {
namespace {

using SchemaPtr = std::shared_ptr<arrow::Schema>;
using MadeOperator = Result<std::unique_ptr<Operator>>;

struct ExpireParts {
  ExpireOptions options;
  Expr at;
};

/// One kind of step: its options, its operator, its layout. A node of another kind has none.
struct Maker {
  const std::string& name;
  const SchemaPtr& input;
  StateStore* store;
  TopicPartition origin;

  DeduplicateOptions OptionsOf(const DeduplicateStep& step) const {
    return {.name = name, .by = step.by, .null_key = NullKeyPolicyOf(step.null_key), .within = step.within};
  }
  ChangesOptions OptionsOf(const ChangesStep& step) const {
    return {.name = name,
            .by = step.by,
            .null_key = NullKeyPolicyOf(step.null_key),
            .columns = step.columns,
            .ttl = step.ttl};
  }

  Result<RunningOptions> OptionsOf(const RunningStep& step) const {
    RunningOptions options{.name = name,
                           .by = step.by,
                           .null_key = NullKeyPolicyOf(step.null_key),
                           .aggregates = {},
                           .ttl = step.ttl};
    MR_ASSIGN_OR_RETURN(options.aggregates, AggregateSpecs(step.aggregates, input));
    return options;
  }
  LatestOptions OptionsOf(const LatestStep& step) const {
    return {.name = name,
            .by = step.by,
            .null_key = NullKeyPolicyOf(step.null_key),
            .ttl = step.ttl,
            .origin = origin};
  }
  ExpireParts OptionsOf(const ExpireStep& step) const {
    return {.options = {.name = name,
                        .by = step.by,
                        .null_key = NullKeyPolicyOf(step.null_key),
                        .origin = origin,
                        .judges_by_first_run = !step.already_over_pass},
            .at = step.at.expr};
  }
  MapOptions OptionsOf(const MapStep& step) const {
    return {.name = name,
            .by = step.by,
            .null_key = NullKeyPolicyOf(step.null_key),
            .ttl = step.ttl,
            .columns = step.columns,
            .function = step.function};
  }

  MadeOperator Make(DeduplicateOptions options) const {
    return MakeDeduplicate(std::move(options), input, store);
  }
  MadeOperator Make(ChangesOptions options) const { return MakeChanges(std::move(options), input, store); }
  MadeOperator Make(Result<RunningOptions> options) const {
    if (!options.ok()) return options.status();
    return MakeRunning(*std::move(options), input, store);
  }
  MadeOperator Make(LatestOptions options) const { return MakeLatest(std::move(options), input, store); }
  MadeOperator Make(ExpireParts parts) const {
    MR_ASSIGN_OR_RETURN(BoundExpr at, BoundExpr::Bind(parts.at, WithTombstoneField(input)));
    return MakeExpire(std::move(parts.options), std::move(at), input, store);
  }
  MadeOperator Make(MapOptions options) const { return MakeMap(std::move(options), input, store); }

  Result<std::string> Layout(const DeduplicateOptions& options) const {
    return DeduplicateLayout(options, *input);
  }
  Result<std::string> Layout(const ChangesOptions& options) const { return ChangesLayout(options, *input); }
  Result<std::string> Layout(const Result<RunningOptions>& options) const {
    if (!options.ok()) return options.status();
    MR_ASSIGN_OR_RETURN(RunningDescription description, DescribeRunning(*options, *input));
    return std::move(description.state_layout);
  }
  Result<std::string> Layout(const LatestOptions& options) const { return LatestLayout(options, *input); }
  Result<std::string> Layout(const ExpireParts& parts) const { return ExpireLayout(parts.options, *input); }
  Result<std::string> Layout(const MapOptions& options) const { return MapLayout(options, *input); }
};

template <typename Step>
constexpr bool kIsKeyed = requires(const Maker& maker, const Step& step) {
  maker.OptionsOf(step);
};

}  // namespace

NullKeyPolicy NullKeyPolicyOf(NullKey null_key) {
  switch (null_key) {
    case NullKey::kError:
      return NullKeyPolicy::kError;
    case NullKey::kDrop:
      return NullKeyPolicy::kDrop;
    case NullKey::kGroup:
      return NullKeyPolicy::kGroup;
  }
  return NullKeyPolicy::kError;
}

bool IsKeyedStep(const PlanNode& node) {
  return std::visit([](const auto& step) { return kIsKeyed<std::decay_t<decltype(step)>>; }, node.op);
}

Result<std::unique_ptr<Operator>> MakeKeyedStep(const PlanNode& node, const SchemaPtr& input,
                                                StateStore* store, const TopicPartition& origin) {
  return std::visit(
      [&](const auto& step) -> MadeOperator {
        if constexpr (kIsKeyed<std::decay_t<decltype(step)>>) {
          const Maker maker{node.name, input, store, origin};
          return maker.Make(maker.OptionsOf(step));
        } else {
          return Status::Bug("node '" + node.name + "' keeps nothing per key");
        }
      },
      node.op);
}

Result<std::string> KeyedStepLayout(const PlanNode& node, const SchemaPtr& input) {
  return std::visit(
      [&](const auto& step) -> Result<std::string> {
        if constexpr (kIsKeyed<std::decay_t<decltype(step)>>) {
          const Maker maker{node.name, input, nullptr, {}};
          return maker.Layout(maker.OptionsOf(step));
        } else {
          return Status::Bug("node '" + node.name + "' keeps nothing per key");
        }
      },
      node.op);
}

}  // namespace millrace
