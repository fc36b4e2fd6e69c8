#include "ops/trigger_rounds.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"
#include "ops/keyed_rows.h"

namespace millrace {
namespace {

constexpr std::size_t kAllRows = std::numeric_limits<std::size_t>::max() / 2;

template <typename Type>
std::shared_ptr<arrow::Array> ArrayOf(const std::shared_ptr<arrow::DataType>& type,
                                      std::vector<Type> values) {
  const auto rows = static_cast<std::int64_t>(values.size());
  return arrow::MakeArray(
      arrow::ArrayData::Make(type, rows, {nullptr, arrow::Buffer::FromVector(std::move(values))}, 0));
}

std::shared_ptr<arrow::Int32Array> Indices(std::vector<std::int32_t> rows) {
  return std::static_pointer_cast<arrow::Int32Array>(ArrayOf(arrow::int32(), std::move(rows)));
}

std::string WindowText(std::int64_t start_ms, std::int64_t size_ms) {
  return " in window [" + std::to_string(start_ms) + ", " + std::to_string(start_ms + size_ms) + ")";
}

}  // namespace

TriggerRounds::TriggerRounds(Options options)
    : options_(std::move(options)),
      before_(options_.trigger.before),
      can_fail_(options_.trigger.when.can_fail()) {}

std::vector<RowError> TriggerRounds::TakeErrors() {
  std::sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
  return std::exchange(errors_, {});
}

Status TriggerRounds::Add(const Rows& rows) {
  Begin(rows);
  if (before_) MR_RETURN_IF_ERROR(AskHeld(rows));
  while (ChooseRows(rows)) MR_RETURN_IF_ERROR(RunRound(rows));
  for (const Group& group : groups_) {
    if (options_.stored->empty(group.slot)) emptied_.push_back(group.slot);
  }
  return FinishFired();
}

// --- The groups of a batch ---

void TriggerRounds::Begin(const Rows& rows) {
  fired_.clear();
  fired_results_.clear();
  results_ = nullptr;
  errors_.clear();
  emptied_.clear();
  source_ = nullptr;
  first_round_ = true;
  groups_.clear();
  group_of_.resize(rows.slots.size());
  for (std::size_t row = 0; row < rows.slots.size(); ++row) {
    const std::uint32_t slot = rows.slots[row];
    std::uint32_t group = options_.stored->mark(slot);
    if (group >= groups_.size() || groups_[group].slot != slot) {
      group = static_cast<std::uint32_t>(groups_.size());
      options_.stored->set_mark(slot, group);
      groups_.push_back({.slot = slot, .limit = kAllRows});
    }
    group_of_[row] = group;
    ++groups_[group].end;
  }
  GroupByGroup(rows);
  active_.resize(groups_.size());
  std::iota(active_.begin(), active_.end(), 0U);
}

void TriggerRounds::GroupByGroup(const Rows& rows) {
  std::size_t begin = 0;
  for (Group& group : groups_) {
    const std::size_t size = group.end;
    group.next = group.end = begin;
    begin += size;
  }
  order_.resize(rows.slots.size());
  position_.resize(rows.slots.size());
  for (std::size_t row = 0; row < rows.slots.size(); ++row) {
    const std::size_t at = groups_[group_of_[row]].end++;
    order_[at] = static_cast<std::int32_t>(row);
    position_[row] = at;
  }
}

Status TriggerRounds::AskHeld(const Rows& rows) {
  std::vector<std::int32_t> first_rows;
  std::vector<std::int64_t> starts;
  std::vector<bool> without_result;
  std::size_t aggregate = 0;
  for (const Group& group : groups_) {
    if (options_.stored->empty(group.slot)) continue;
    first_rows.push_back(order_[group.next]);
    starts.push_back(rows.starts[static_cast<std::size_t>(first_rows.back())]);
    without_result.push_back(options_.groups->bounded() &&
                             !options_.groups->Unrepresentable(group.slot, &aggregate).empty());
    MR_RETURN_IF_ERROR(options_.groups->AppendResults(group.slot));
  }
  if (first_rows.empty()) return Status::Ok();
  arrow::ArrayVector keys = KeyArrays(options_.key_columns, *rows.batch.data);
  for (auto& key : keys) {
    MR_ASSIGN_ARROW(key, arrow::compute::Take(*key, *Indices(first_rows)));
  }
  MR_ASSIGN_OR_RETURN(const auto results, MakeResults(std::move(keys), std::move(starts)));
  MR_ASSIGN_OR_RETURN(const ExprValues answers, options_.trigger.when.Evaluate(*results));
  AddEachErrors none;
  for (std::size_t i = 0; i < without_result.size(); ++i) {
    if (without_result[i]) none.without_result.push_back({static_cast<std::int64_t>(i), "", ""});
  }
  Judge(answers, none);
  std::vector<std::int32_t> fired;
  auto error = answers.errors.begin();
  for (std::size_t i = 0; i < first_rows.size(); ++i) {
    Group& group = GroupOf(first_rows[i]);
    while (error != answers.errors.end() && error->row < static_cast<std::int64_t>(i)) ++error;
    if (verdicts_[i] == Verdict::kFires) {
      fired.push_back(static_cast<std::int32_t>(i));
      fired_.push_back(first_rows[i]);
      options_.stored->Clear(group.slot);
    } else if (verdicts_[i] == Verdict::kFails) {
      for (; group.next < group.end; ++group.next) AddError(order_[group.next], *error);
    }
  }
  return AddFired(results, fired);
}

// --- Rounds ---

bool TriggerRounds::ChooseRows(const Rows& rows) {
  std::erase_if(active_, [this](std::uint32_t group) { return groups_[group].next == groups_[group].end; });
  if (active_.empty()) return false;
  for (const std::uint32_t i : active_) {
    Group& group = groups_[i];
    group.taken = std::min(group.limit, group.end - group.next);
    group.counts = group.failed = false;
    group.cut_at = kNotCut;
  }
  chosen_.clear();
  if (std::exchange(first_round_, false)) {
    for (std::size_t row = 0; row < rows.slots.size(); ++row) {
      if (groups_[group_of_[row]].next < groups_[group_of_[row]].end)
        chosen_.push_back(static_cast<std::int32_t>(row));
    }
  } else {
    for (const std::uint32_t i : active_) {
      const auto first = order_.begin() + static_cast<std::ptrdiff_t>(groups_[i].next);
      chosen_.insert(chosen_.end(), first, first + static_cast<std::ptrdiff_t>(groups_[i].taken));
    }
  }
  chosen_slots_.clear();
  chosen_starts_.clear();
  for (const std::int32_t row : chosen_) {
    chosen_slots_.push_back(rows.slots[static_cast<std::size_t>(row)]);
    chosen_starts_.push_back(rows.starts[static_cast<std::size_t>(row)]);
  }
  return true;
}

Result<Batch> TriggerRounds::TakeChosen(const Rows& rows, arrow::ArrayVector* keys) {
  *keys = KeyArrays(options_.key_columns, *rows.batch.data);
  if (source_ == nullptr && static_cast<std::int64_t>(chosen_.size()) == rows.batch.num_rows())
    return rows.batch;
  if (source_ == nullptr)
    source_ = std::make_shared<const Batch>(options_.update->WithArguments(rows.batch, std::move(*keys)));
  MR_ASSIGN_OR_RETURN(Batch taken, TakeRows(*source_, Indices(chosen_)));
  *keys = options_.update->SetArguments(taken);
  return taken;
}

Status TriggerRounds::RunRound(const Rows& rows) {
  arrow::ArrayVector keys;
  MR_ASSIGN_OR_RETURN(const Batch taken, TakeChosen(rows, &keys));
  Save();
  MR_ASSIGN_OR_RETURN(const AddEachErrors added,
                      options_.update->AddEach(taken, chosen_slots_, [this](std::size_t i) {
                        return WindowText(chosen_starts_[i], options_.size_ms);
                      }));
  MR_ASSIGN_OR_RETURN(const auto results, MakeResults(std::move(keys), chosen_starts_));
  MR_ASSIGN_OR_RETURN(const ExprValues answers, options_.trigger.when.Evaluate(*results));
  Judge(answers, added);
  FindCuts();
  for (const RowError& error : added.refused) {
    const std::int32_t row = chosen_[static_cast<std::size_t>(error.row)];
    const Group& group = GroupOf(row);
    // Rows behind a cut, and those of a group that is set back, are added again.
    if (group.cut_at == kNotCut || (!group.failed && error.row < group.cut_at))
      errors_.push_back({row, error.error_class, error.message});
  }
  MR_RETURN_IF_ERROR(MakeCuts(answers, results));
  EndRound();
  return Status::Ok();
}

void TriggerRounds::Save() {
  if (!can_fail_) return;
  saved_.clear();
  for (const std::uint32_t i : active_) {
    Group& group = groups_[i];
    group.saved = saved_.size();
    if (!options_.stored->empty(group.slot)) options_.groups->Encode(group.slot, &saved_);
    group.saved_bytes = saved_.size() - group.saved;
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> TriggerRounds::MakeResults(
    arrow::ArrayVector keys, std::vector<std::int64_t> starts_ms) const {
  const auto rows = static_cast<std::int64_t>(starts_ms.size());
  arrow::ArrayVector columns = std::move(keys);
  const auto type = [&] { return options_.schema->field(static_cast<int>(columns.size()))->type(); };
  std::vector<std::int64_t> ends_ms = starts_ms;
  for (std::int64_t& end : ends_ms) end += options_.size_ms;
  columns.push_back(ArrayOf(type(), std::move(starts_ms)));
  columns.push_back(ArrayOf(type(), std::move(ends_ms)));
  for (std::size_t i = 0; i < options_.groups->visible(); ++i) {
    MR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> column, options_.groups->aggregator(i).Finish());
    columns.push_back(std::move(column));
  }
  if (static_cast<int>(columns.size()) < options_.schema->num_fields()) {
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> is_final,
                    arrow::MakeArrayFromScalar(arrow::BooleanScalar(true), rows));
    columns.push_back(std::move(is_final));
  }
  return arrow::RecordBatch::Make(options_.schema, rows, std::move(columns));
}

// --- Cuts ---

void TriggerRounds::Judge(const ExprValues& answers, const AddEachErrors& added) {
  verdicts_.assign(static_cast<std::size_t>(answers.values->length()), Verdict::kStays);
  if (answers.values->type_id() == arrow::Type::BOOL) {
    const auto& fires = static_cast<const arrow::BooleanArray&>(*answers.values);
    const std::int64_t rows = fires.true_count() == 0 ? 0 : fires.length();
    for (std::int64_t i = 0; i < rows; ++i) {
      if (fires.IsValid(i) && fires.Value(i)) verdicts_[static_cast<std::size_t>(i)] = Verdict::kFires;
    }
  }
  for (const ExprRowError& error : answers.errors)
    verdicts_[static_cast<std::size_t>(error.row)] = Verdict::kFails;
  for (const RowError& error : added.refused)
    verdicts_[static_cast<std::size_t>(error.row)] = Verdict::kRefused;
  for (const RowError& error : added.without_result)
    verdicts_[static_cast<std::size_t>(error.row)] = Verdict::kStays;
}

void TriggerRounds::FindCuts() {
  cuts_.clear();
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const std::int32_t row = chosen_[i];
    Group& group = GroupOf(row);
    if (group.cut_at != kNotCut || verdicts_[i] == Verdict::kRefused) continue;
    group.counts = true;
    if (verdicts_[i] == Verdict::kStays) continue;
    // Before an update is asked only when there is one.
    if (before_ && PositionOf(row) + 1 == group.end) continue;
    group.cut_at = static_cast<std::int64_t>(i);
    group.failed = verdicts_[i] == Verdict::kFails;
    cuts_.push_back(static_cast<std::int32_t>(i));
  }
}

Status TriggerRounds::MakeCuts(const ExprValues& answers,
                               const std::shared_ptr<arrow::RecordBatch>& results) {
  std::vector<std::int32_t> fired;
  auto error = answers.errors.begin();
  for (const std::int32_t at : cuts_) {
    while (error != answers.errors.end() && error->row < at) ++error;
    const std::int32_t row = chosen_[static_cast<std::size_t>(at)];
    if (GroupOf(row).failed) {
      MR_RETURN_IF_ERROR(CutWhereFailed(row, *error));
    } else {
      fired.push_back(at);
      CutWhereFired(row);
    }
  }
  return AddFired(results, fired);
}

void TriggerRounds::CutWhereFired(std::int32_t row) {
  Group& group = GroupOf(row);
  const std::size_t next = PositionOf(row) + 1;
  fired_.push_back(before_ ? order_[next] : row);
  options_.stored->Clear(group.slot);
  group.limit = 2 * (next - group.next);
  group.next = next;
}

Status TriggerRounds::CutWhereFailed(std::int32_t row, const ExprRowError& error) {
  Group& group = GroupOf(row);
  MR_RETURN_IF_ERROR(SetBack(group));
  // The rows that did not fail go once more, and then those behind.
  const std::size_t at = PositionOf(row);
  if (before_) {
    for (std::size_t i = at + 1; i < group.end; ++i) AddError(order_[i], error);
    group.end = at + 1;
  } else {
    AddError(row, error);
    for (std::size_t i = at; i > group.next; --i) {
      order_[i] = order_[i - 1];
      position_[static_cast<std::size_t>(order_[i])] = i;
    }
    ++group.next;
  }
  group.limit = std::max<std::size_t>(1, at + 1 - group.next);
  return Status::Ok();
}

Status TriggerRounds::SetBack(const Group& group) {
  if (options_.stored->empty(group.slot)) {
    options_.groups->Clear(group.slot);
    return Status::Ok();
  }
  const std::string_view saved = std::string_view(saved_).substr(group.saved, group.saved_bytes);
  return options_.groups->Decode(group.slot, saved);
}

void TriggerRounds::EndRound() {
  for (const std::uint32_t i : active_) {
    Group& group = groups_[i];
    if (group.cut_at != kNotCut) continue;
    group.next += group.taken;
    group.limit = std::min(kAllRows, 2 * group.limit);
    if (group.counts) options_.stored->set_empty(group.slot, false);
  }
}

// --- What fired ---

void TriggerRounds::AddError(std::int32_t row, const ExprRowError& error) {
  errors_.push_back({row, error.error_class, "in the trigger of the window: " + error.message});
}

Status TriggerRounds::AddFired(const std::shared_ptr<arrow::RecordBatch>& results,
                               const std::vector<std::int32_t>& rows) {
  if (rows.empty()) return Status::Ok();
  MR_ASSIGN_ARROW(const arrow::Datum taken, arrow::compute::Take(results, Indices(rows)));
  fired_results_.push_back(taken.record_batch());
  return Status::Ok();
}

Status TriggerRounds::FinishFired() {
  if (fired_results_.empty()) return Status::Ok();
  MR_ASSIGN_ARROW(results_, arrow::ConcatenateRecordBatches(fired_results_));
  if (std::is_sorted(fired_.begin(), fired_.end())) return Status::Ok();
  std::vector<std::int32_t> order(fired_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [this](std::int32_t a, std::int32_t b) {
    return fired_[static_cast<std::size_t>(a)] < fired_[static_cast<std::size_t>(b)];
  });
  MR_ASSIGN_ARROW(const arrow::Datum sorted, arrow::compute::Take(results_, Indices(std::move(order))));
  results_ = sorted.record_batch();
  std::sort(fired_.begin(), fired_.end());
  return Status::Ok();
}

}  // namespace millrace
