#include "compile/aggregate_columns.h"

#include "columnar/tombstone_column.h"

namespace millrace {

Result<std::vector<WindowAggregateSpec>> AggregateSpecs(const std::vector<WindowAggregateColumn>& columns,
                                                        const std::shared_ptr<arrow::Schema>& input) {
  std::vector<WindowAggregateSpec> specs;
  for (const WindowAggregateColumn& column : columns) {
    WindowAggregateSpec aggregate;
    aggregate.name = column.name;
    aggregate.function = column.call.function;
    aggregate.text = column.call.ToString();
    aggregate.parameter = column.call.parameter;
    aggregate.user = column.user;
    if (const Expr argument = column.call.Filtered(); !argument.empty()) {
      MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(argument, WithTombstoneField(input)));
      aggregate.argument = std::move(bound);
    }
    if (!column.call.order.empty()) {
      MR_ASSIGN_OR_RETURN(BoundExpr bound, BoundExpr::Bind(column.call.order, WithTombstoneField(input)));
      aggregate.order = std::move(bound);
    }
    specs.push_back(std::move(aggregate));
  }
  return specs;
}

}  // namespace millrace
