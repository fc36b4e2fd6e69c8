#include "compile/operator_factory.h"

#include <algorithm>

#include <arrow/api.h>

#include "columnar/schema_text.h"
#include "columnar/tombstone_column.h"
#include "compile/aggregate_columns.h"
#include "compile/keyed_steps.h"
#include "expr/builder.h"
#include "ops/explode.h"
#include "ops/filter.h"
#include "ops/partial_aggregate.h"
#include "ops/project.h"
#include "ops/rekey.h"
#include "ops/window_aggregate.h"

namespace millrace {
namespace {

/// All input columns in order, each by index.
std::vector<Projection> AllColumns(const arrow::Schema& input) {
  std::vector<Projection> out;
  out.reserve(static_cast<std::size_t>(input.num_fields()));
  for (int i = 0; i < input.num_fields(); ++i) out.push_back({input.field(i)->name(), i});
  return out;
}

Result<Projection> ProjectionOf(const std::string& name, const PlanExpr& expr,
                                const std::shared_ptr<arrow::Schema>& input) {
  if (const std::string column = expr.expr.AsColumn(); !column.empty()) {
    if (const int index = input->GetFieldIndex(column); index >= 0) return Projection{name, index};
  }
  MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(expr.expr, WithTombstoneField(input)));
  return Projection{name, std::move(bound)};
}

/// Makes the projection of one kind of step.
struct Projector {
  const std::shared_ptr<arrow::Schema>& input;

  Result<std::vector<Projection>> operator()(const WithStep& step) const {
    std::vector<Projection> out = AllColumns(*input);
    for (const auto& [name, expr] : step.columns) {
      MR_ASSIGN_OR_RETURN(Projection made, ProjectionOf(name, expr, input));
      const auto same =
          std::find_if(out.begin(), out.end(), [&](const Projection& p) { return p.name == made.name; });
      if (same != out.end()) {
        *same = std::move(made);
      } else {
        out.push_back(std::move(made));
      }
    }
    return out;
  }

  Result<std::vector<Projection>> operator()(const SelectStep& step) const {
    std::vector<Projection> out;
    for (const auto& [name, expr] : step.columns) {
      MR_ASSIGN_OR_RETURN(Projection made, ProjectionOf(name, expr, input));
      out.push_back(std::move(made));
    }
    return out;
  }

  Result<std::vector<Projection>> operator()(const DropStep& step) const {
    std::vector<Projection> out = AllColumns(*input);
    std::erase_if(out, [&](const Projection& p) {
      return std::find(step.columns.begin(), step.columns.end(), p.name) != step.columns.end();
    });
    return out;
  }

  Result<std::vector<Projection>> operator()(const RenameStep& step) const {
    std::vector<Projection> out = AllColumns(*input);
    for (Projection& column : out) {
      const auto found = std::find_if(step.columns.begin(), step.columns.end(),
                                      [&](const auto& rename) { return rename.first == column.name; });
      if (found != step.columns.end()) column.name = found->second;
    }
    return out;
  }

  Result<std::vector<Projection>> operator()(const CastStep& step) const {
    std::vector<Projection> out = AllColumns(*input);
    for (const auto& [name, type] : step.columns) {
      const int index = input->GetFieldIndex(name);
      if (index < 0) return Status::InvalidArgument("cast: there is no column '" + name + "'");
      MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(CastTo(Col(name), TypeText(*type)), input));
      out[static_cast<std::size_t>(index)].value = std::move(bound);
    }
    return out;
  }
};

WindowKind KindOf(WindowShape shape) {
  switch (shape) {
    case WindowShape::kTumbling:
      return WindowKind::kTumbling;
    case WindowShape::kHopping:
      return WindowKind::kHopping;
    case WindowShape::kSliding:
      return WindowKind::kSliding;
    case WindowShape::kSession:
      return WindowKind::kSession;
    case WindowShape::kCount:
      return WindowKind::kCount;
  }
  return WindowKind::kTumbling;
}

Result<WindowAggregateOptions> WindowOptions(const PlanNode& node, const WindowStep& step,
                                             const std::shared_ptr<arrow::Schema>& input) {
  WindowAggregateOptions options;
  options.name = node.name;
  options.by = step.by;
  options.null_key = NullKeyPolicyOf(step.null_key);
  options.kind = KindOf(step.shape);
  options.size = step.size;
  options.step = step.step;
  options.count = step.count;
  options.count_step = step.count_step;
  options.grace = step.grace;
  options.offset = step.offset;
  options.emit = step.emit == WindowEmit::kFinal ? EmitMode::kFinal : EmitMode::kCurrent;
  options.closing = step.closing == WindowClosing::kKey ? ClosingMode::kKey : ClosingMode::kPartition;
  MR_ASSIGN_OR_RETURN(options.aggregates, AggregateSpecs(step.aggregates, input));
  if (step.trigger) options.trigger = WindowTrigger{step.trigger->when.expr, step.trigger->before};
  return options;
}

/// Stands in for a window while a plan is only tried: checks it without a store.
class CheckedOnly final : public Operator {
 public:
  explicit CheckedOnly(std::shared_ptr<arrow::Schema> schema) : schema_(std::move(schema)) {}
  Status Process(Batch, Output&) override { return Status::Bug("a window without a store was run"); }
  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  const std::shared_ptr<arrow::Schema> schema_;
};

Result<std::unique_ptr<Operator>> MakeWindow(const PlanNode& node, const WindowStep& step,
                                             const std::shared_ptr<arrow::Schema>& input, StateStore* store,
                                             const TopicPartition& origin) {
  MR_ASSIGN_OR_RETURN(WindowAggregateOptions options, WindowOptions(node, step, input));
  options.origin = origin;
  if (store != nullptr) return MakeWindowAggregate(std::move(options), input, *store);
  MR_ASSIGN_OR_RETURN(WindowDescription description, DescribeWindow(options, *input));
  return std::unique_ptr<Operator>(std::make_unique<CheckedOnly>(std::move(description.output_schema)));
}

}  // namespace

Result<std::unique_ptr<Operator>> MakeOperator(const PlanNode& node,
                                               const std::shared_ptr<arrow::Schema>& input, StateStore* store,
                                               const TopicPartition& origin) {
  if (const auto* filter = std::get_if<FilterStep>(&node.op)) {
    MR_ASSIGN_OR_RETURN(BoundExpr predicate,
                        BoundExpr::Bind(filter->predicate.expr, WithTombstoneField(input)));
    return MakeFilter(std::move(predicate), input);
  }
  if (const auto* explode = std::get_if<ExplodeStep>(&node.op))
    return MakeExplode(explode->column, explode->keep_empty, *input);
  if (const auto* group = std::get_if<GroupByStep>(&node.op))
    return MakeRekey(group->columns, NullKeyPolicyOf(group->null_key), input);
  if (const auto* window = std::get_if<WindowStep>(&node.op))
    return MakeWindow(node, *window, input, store, origin);
  if (IsKeyedStep(node)) return MakeKeyedStep(node, input, store, origin);
  return std::visit(
      [&](const auto& step) -> Result<std::unique_ptr<Operator>> {
        if constexpr (requires(const Projector& projector) { projector(step); }) {
          MR_ASSIGN_OR_RETURN(std::vector<Projection> columns, Projector{input}(step));
          return MakeProject(std::move(columns), *input);
        } else {
          return Status::Bug("node '" + node.name + "' is no operator");
        }
      },
      node.op);
}

Result<std::unique_ptr<Operator>> MakeWindowPartials(const PlanNode& node,
                                                     const std::shared_ptr<arrow::Schema>& input,
                                                     std::int64_t most_key_bytes) {
  MR_ASSIGN_OR_RETURN(WindowAggregateOptions options,
                      WindowOptions(node, std::get<WindowStep>(node.op), input));
  return MakePartialAggregate(std::move(options), input, most_key_bytes);
}

Result<std::string> WindowPartialLayout(const PlanNode& node, const std::shared_ptr<arrow::Schema>& input) {
  MR_ASSIGN_OR_RETURN(const WindowAggregateOptions options,
                      WindowOptions(node, std::get<WindowStep>(node.op), input));
  return PartialLayout(options, *input);
}

Result<std::string> StateLayout(const PlanNode& node, const std::shared_ptr<arrow::Schema>& input) {
  if (IsKeyedStep(node)) return KeyedStepLayout(node, input);
  const auto* window = std::get_if<WindowStep>(&node.op);
  if (window == nullptr) return std::string();
  MR_ASSIGN_OR_RETURN(const WindowAggregateOptions options, WindowOptions(node, *window, input));
  MR_ASSIGN_OR_RETURN(WindowDescription description, DescribeWindow(options, *input));
  return description.state_layout;
}

}  // namespace millrace
