#include "ops/group_update.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include <arrow/api.h>

#include "base/check.h"
#include "columnar/tombstone_column.h"
#include "ops/column_values.h"
#include "ops/row_errors.h"
#include "ops/row_place.h"

namespace millrace {
namespace {

bool OrdersRows(const GroupRows& groups) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups.aggregator(i).orders_rows()) return true;
  }
  return false;
}

// What the values of `array` take in a result; of those that are no texts a bound.
void AddValueBytes(const arrow::Array& array, std::vector<std::int64_t>* bytes) {
  const auto add_texts = [&](const auto& texts) {
    ForEachValid(array,
                 [&](std::size_t row) { (*bytes)[row] += static_cast<std::int64_t>(texts[row].size()) + 1; });
  };
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return add_texts(ColumnValues<std::string_view>(array));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return add_texts(ColumnValues<std::string_view, std::int64_t>(array));
    default:
      constexpr std::int64_t kWidestKey = 33;
      for (std::int64_t& row : *bytes) row += kWidestKey;
  }
}

template <typename Offset>
void AddLongTexts(const arrow::Array& array, std::int64_t most, std::vector<std::int64_t>* rows) {
  const ColumnValues<std::string_view, Offset> texts(array);
  ForEachValid(array, [&](std::size_t row) {
    if (static_cast<std::int64_t>(texts[row].size()) > most) rows->push_back(static_cast<std::int64_t>(row));
  });
}

/// The rows with a text or bytes longer than `most`. Cost: mostly none, for all together are not.
std::vector<std::int64_t> LongTexts(const arrow::Array& array, std::int64_t most) {
  std::vector<std::int64_t> rows;
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      if (static_cast<const arrow::BinaryArray&>(array).total_values_length() > most)
        AddLongTexts<std::int32_t>(array, most, &rows);
      break;
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      if (static_cast<const arrow::LargeBinaryArray&>(array).total_values_length() > most)
        AddLongTexts<std::int64_t>(array, most, &rows);
      break;
    default:
      break;
  }
  return rows;
}

std::vector<std::size_t> CheckedFirst(const GroupRows& groups) {
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_partition(order.begin(), order.end(),
                        [&groups](std::size_t i) { return groups.aggregator(i).checked(); });
  return order;
}

}  // namespace

GroupUpdate::GroupUpdate(const std::vector<WindowAggregateSpec>* aggregates, GroupRows* groups)
    : aggregates_(*aggregates),
      groups_(*groups),
      orders_rows_(OrdersRows(*groups)),
      checked_first_(CheckedFirst(*groups)),
      arguments_(groups->size()),
      orders_(groups->size()) {}

Result<std::vector<RowError>> GroupUpdate::Evaluate(const Batch& batch) {
  std::vector<std::vector<RowError>> errors;
  MR_ASSIGN_OR_RETURN(const auto rows, WithTombstoneColumn(batch));
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    const WindowAggregateSpec& aggregate = aggregates_[i];
    if (!aggregate.argument) continue;
    MR_ASSIGN_OR_RETURN(ExprValues evaluated, aggregate.argument->Evaluate(*rows));
    arguments_[i] = std::move(evaluated.values);
    if (!evaluated.errors.empty()) errors.push_back(ToRowErrors(std::move(evaluated.errors), nullptr));
    if (aggregate.order) {
      MR_ASSIGN_OR_RETURN(ExprValues order, aggregate.order->Evaluate(*rows));
      orders_[i] = std::move(order.values);
      if (!order.errors.empty()) errors.push_back(ToRowErrors(std::move(order.errors), nullptr));
    }
    std::vector<RowError> unfit;
    for (const std::int64_t row : groups_.aggregator(i).Unfit(*arguments_[i])) {
      unfit.push_back({row, "overflow", "a value of " + aggregate.text + " does not fit into int64"});
    }
    if (!unfit.empty()) errors.push_back(std::move(unfit));
    std::vector<RowError> too_large = TooLarge(i);
    if (!too_large.empty()) errors.push_back(std::move(too_large));
  }
  if (errors.empty()) return std::vector<RowError>();
  return MergeRowErrors(std::move(errors));
}

std::vector<RowError> GroupUpdate::TooLarge(std::size_t aggregate) const {
  const Aggregator& aggregator = groups_.aggregator(aggregate);
  if (!aggregator.holds_values()) return {};
  const auto& order = orders_[aggregate];
  // What else is kept with a value is small.
  const std::int64_t most = aggregator.most_bytes() / (order == nullptr ? 1 : 2);
  std::vector<RowError> errors;
  for (const auto& values : {arguments_[aggregate], order}) {
    if (values == nullptr) continue;
    for (const std::int64_t row : LongTexts(*values, most)) {
      errors.push_back({row, "too_large",
                        "a value of " + aggregates_[aggregate].text + " has more than the " +
                            std::to_string(most) + " bytes that the step can keep of it for one key"});
    }
  }
  std::stable_sort(errors.begin(), errors.end(),
                   [](const RowError& a, const RowError& b) { return a.row < b.row; });
  return errors;
}

Status GroupUpdate::TakeOutFailed(Batch* batch, Output& output) {
  while (batch->num_rows() > 0) {
    MR_ASSIGN_OR_RETURN(std::vector<RowError> errors, Evaluate(*batch));
    if (errors.empty()) break;
    MR_ASSIGN_OR_RETURN(Batch kept, WithoutRows(*batch, errors));
    MR_RETURN_IF_ERROR(output.DeadLetter(*batch, std::move(errors)));
    *batch = std::move(kept);
  }
  return Status::Ok();
}

bool GroupUpdate::Combinable() const {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const Aggregator& aggregator = groups_.aggregator(i);
    if (!aggregator.order_free()) return false;
    if (arguments_[i] != nullptr && !aggregator.Combinable(*arguments_[i])) return false;
  }
  return true;
}

AggregateInput GroupUpdate::InputOf(std::size_t aggregate, const Batch& batch) const {
  return {.groups = rows_,
          .state_at = groups_.state_at(aggregate),
          .values = arguments_[aggregate].get(),
          .order = orders_[aggregate].get(),
          .event_times_ms = batch.event_time->raw_values(),
          .offsets = orders_rows_ && batch.block != nullptr ? offsets_.data() : nullptr,
          .origin = orders_rows_ ? OriginRank(batch) : 0};
}

void GroupUpdate::SetRows(const Batch& batch, std::span<const std::uint32_t> slots) {
  groups_.Groups(slots, &rows_);
  if (!orders_rows_ || batch.block == nullptr) return;
  offsets_.resize(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    offsets_[i] = batch.OffsetOf(static_cast<std::int64_t>(i)).value();
  }
}

Result<std::vector<RowError>> GroupUpdate::Add(const Batch& batch, std::span<const std::uint32_t> slots,
                                               const GroupText& group_text) {
  SetRows(batch, slots);
  bool overflow = false;
  std::size_t tried = 0;
  for (; tried < groups_.size() && !overflow; ++tried) {
    Aggregator& aggregator = groups_.aggregator(tried);
    if (aggregator.checked()) overflow = !aggregator.Update(InputOf(tried, batch));
  }
  std::vector<RowError> errors;
  if (overflow) {
    for (std::size_t i = 0; i < tried; ++i) {
      if (groups_.aggregator(i).checked()) groups_.aggregator(i).Undo(InputOf(i, batch));
    }
    errors = UpdateCheckedByRow(batch, group_text);
  }
  UpdateUnchecked(batch, errors);
  MR_RETURN_IF_ERROR(groups_.failure());
  return errors;
}

bool GroupUpdate::UpdateRow(std::size_t aggregate, const AggregateInput& input, std::size_t row) {
  const auto part = [row](const std::shared_ptr<arrow::Array>& array) {
    return array == nullptr ? nullptr : array->Slice(static_cast<std::int64_t>(row), 1);
  };
  const std::shared_ptr<arrow::Array> value = part(arguments_[aggregate]);
  const std::shared_ptr<arrow::Array> order = part(orders_[aggregate]);
  AggregateInput one = input;
  one.groups = input.groups.subspan(row, 1);
  one.values = value.get();
  one.order = order.get();
  one.event_times_ms += row;
  if (one.offsets != nullptr) one.offsets += row;
  return groups_.aggregator(aggregate).Update(one);
}

std::string GroupUpdate::Overflow(const Batch& batch, std::size_t row, const GroupText& group_text) const {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const Aggregator& aggregator = groups_.aggregator(i);
    if (!aggregator.checked() || aggregator.Fits(InputOf(i, batch), row)) continue;
    const std::string why = aggregator.OverflowText();
    const std::size_t end = std::min(why.find(';'), why.size());
    return aggregates_[i].text + " " + why.substr(0, end) + group_text(row) + why.substr(end);
  }
  return "";
}

Result<AddEachErrors> GroupUpdate::AddEach(const Batch& batch, std::span<const std::uint32_t> slots,
                                           const GroupText& group_text, const std::vector<bool>& each) {
  SetRows(batch, slots);
  std::vector<std::vector<RowError>> errors;
  for (const std::size_t i : checked_first_) {
    if (!each[i]) continue;
    std::vector<RowWithoutResult> without;
    MR_ASSIGN_OR_RETURN(const bool fits, groups_.aggregator(i).UpdateEach(InputOf(i, batch), &without));
    if (!fits) {
      MR_RETURN_IF_ERROR(UndoEach(batch, i));
      return AddEachByRow(batch, slots, group_text, each);
    }
    if (without.empty()) continue;
    errors.emplace_back();
    for (RowWithoutResult& row : without) {
      errors.back().push_back({static_cast<std::int64_t>(row.row), "overflow",
                               aggregates_[i].text + group_text(row.row) + " " + std::move(row.why)});
    }
  }
  return AddEachErrors{.refused = {}, .without_result = MergeRowErrors(std::move(errors))};
}

Status GroupUpdate::AddOthers(const Batch& batch, std::span<const std::uint32_t> slots,
                              const std::vector<bool>& each) {
  SetRows(batch, slots);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (!each[i]) static_cast<void>(groups_.aggregator(i).Update(InputOf(i, batch)));
  }
  return groups_.failure();
}

Status GroupUpdate::UndoEach(const Batch& batch, std::size_t last) {
  for (std::size_t i = 0; i <= last; ++i) {
    Aggregator& aggregator = groups_.aggregator(i);
    if (!aggregator.checked()) continue;
    aggregator.Undo(InputOf(i, batch));
    MR_RETURN_IF_ERROR(aggregator.Finish().status());
  }
  return Status::Ok();
}

Result<AddEachErrors> GroupUpdate::AddEachByRow(const Batch& batch, std::span<const std::uint32_t> slots,
                                                const GroupText& group_text, const std::vector<bool>& each) {
  AddEachErrors errors;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const auto at = static_cast<std::int64_t>(row);
    std::string overflow = Overflow(batch, row, group_text);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (!each[i]) continue;
      const AggregateInput input = InputOf(i, batch);
      if (overflow.empty()) {
        const bool fits = UpdateRow(i, input, row);
        MR_CHECK(fits);
      }
      // Also of rows that are errors, so that each row has results.
      MR_RETURN_IF_ERROR(groups_.aggregator(i).Append(input.state(row)));
    }
    if (!overflow.empty()) {
      errors.refused.push_back({at, "overflow", std::move(overflow)});
    } else if (std::string why = WithoutResult(slots[row], row, group_text, each); !why.empty()) {
      errors.without_result.push_back({at, "overflow", std::move(why)});
    }
  }
  return errors;
}

std::vector<std::int64_t> GroupUpdate::ArgumentBytes() const {
  std::vector<std::int64_t> bytes;
  for (const std::size_t i : groups_.of_any_size()) {
    const arrow::Array& argument = *arguments_[i];
    bytes.resize(static_cast<std::size_t>(argument.length()));
    AddValueBytes(argument, &bytes);
  }
  return bytes;
}

std::size_t GroupUpdate::RowsAtOnce(std::span<const std::uint32_t> slots,
                                    std::span<const std::int64_t> argument_bytes,
                                    ResultsOf results_of) const {
  if (argument_bytes.empty()) return slots.size();
  std::unordered_map<std::uint32_t, std::int64_t> bytes_of_group;
  std::int64_t total = 0;
  for (std::size_t row = 0; row < slots.size(); ++row) {
    const auto [group, is_new] = bytes_of_group.try_emplace(slots[row], 0);
    const std::int64_t before = group->second;
    if (is_new) group->second = groups_.ResultBytes(slots[row]);
    group->second += argument_bytes[row];
    total += group->second - (results_of == ResultsOf::kEachRow ? 0 : before);
    if (total > kMostEachBytes) return std::max<std::size_t>(1, row);
  }
  return slots.size();
}

std::string GroupUpdate::WithoutResult(std::uint32_t slot, std::size_t row, const GroupText& group_text,
                                       const std::vector<bool>& each) {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (!each[i]) continue;
    const std::string why = groups_.aggregator(i).Unrepresentable(groups_.group(slot) + groups_.state_at(i));
    if (!why.empty()) return aggregates_[i].text + group_text(row) + " " + why;
  }
  return "";
}

Batch GroupUpdate::WithArguments(const Batch& batch, std::vector<std::shared_ptr<arrow::Array>> more) const {
  arrow::ArrayVector columns;
  for (const auto* arrays : {&arguments_, &orders_}) {
    for (const auto& array : *arrays) {
      if (array != nullptr) columns.push_back(array);
    }
  }
  for (auto& array : more) columns.push_back(std::move(array));
  arrow::FieldVector fields;
  for (const auto& column : columns) fields.push_back(arrow::field("", column->type()));
  Batch out = batch;
  out.data = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch.num_rows(), std::move(columns));
  out.watermark_before = nullptr;
  out.key = nullptr;
  return out;
}

std::vector<std::shared_ptr<arrow::Array>> GroupUpdate::SetArguments(const Batch& taken) {
  int next = 0;
  for (auto* arrays : {&arguments_, &orders_}) {
    for (auto& array : *arrays) {
      if (array != nullptr) array = taken.data->column(next++);
    }
  }
  std::vector<std::shared_ptr<arrow::Array>> more;
  while (next < taken.data->num_columns()) more.push_back(taken.data->column(next++));
  return more;
}

std::vector<RowError> GroupUpdate::UpdateCheckedByRow(const Batch& batch, const GroupText& group_text) {
  std::vector<RowError> errors;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (std::string overflow = Overflow(batch, row, group_text); !overflow.empty()) {
      errors.push_back({static_cast<std::int64_t>(row), "overflow", std::move(overflow)});
      continue;
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (!groups_.aggregator(i).checked()) continue;
      const bool fits = UpdateRow(i, InputOf(i, batch), row);
      MR_CHECK(fits);
    }
  }
  return errors;
}

void GroupUpdate::UpdateUnchecked(const Batch& batch, const std::vector<RowError>& without) {
  if (without.empty()) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (!groups_.aggregator(i).checked())
        static_cast<void>(groups_.aggregator(i).Update(InputOf(i, batch)));
    }
    return;
  }
  std::size_t next_error = 0;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (next_error < without.size() && without[next_error].row == static_cast<std::int64_t>(row)) {
      ++next_error;
      continue;
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_.aggregator(i).checked()) continue;
      static_cast<void>(UpdateRow(i, InputOf(i, batch), row));
    }
  }
}

}  // namespace millrace
