#include "ops/trigger_rounds.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

constexpr std::size_t kAllRows = std::numeric_limits<std::size_t>::max() / 2;

std::shared_ptr<arrow::Int32Array> Indices(std::vector<std::int32_t> rows) {
  const auto n = static_cast<std::int64_t>(rows.size());
  return std::make_shared<arrow::Int32Array>(n, arrow::Buffer::FromVector(std::move(rows)));
}

// The rows of one key are often neighbours, and a slice costs nothing: a round may be of few rows.
bool AreNeighbours(const std::vector<std::int32_t>& rows) {
  return std::adjacent_find(rows.begin(), rows.end(),
                            [](std::int32_t a, std::int32_t b) { return b != a + 1; }) == rows.end();
}

Result<std::shared_ptr<arrow::Array>> Taken(const std::shared_ptr<arrow::Array>& array,
                                            const std::shared_ptr<arrow::Int32Array>& rows) {
  if (rows->length() == 1) return array->Slice(rows->Value(0), 1);
  MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> taken, arrow::compute::Take(*array, *rows));
  return taken;
}

// Thousands of small arrays that live until the end of the batch cost more than the rounds themselves.
Status JoinMany(arrow::ArrayVector* parts) {
  constexpr std::size_t kMany = 64;
  if (parts->size() < kMany) return Status::Ok();
  MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> all, arrow::Concatenate(*parts));
  *parts = {std::move(all)};
  return Status::Ok();
}

}  // namespace

Status TriggerRounds::Add(const Rows& rows) {
  Clear();
  // Otherwise nothing is to be known of the groups when none fires.
  if (options_.before || options_.question->can_fail()) FindGroups(rows);
  if (options_.before) MR_RETURN_IF_ERROR(AskHeld(rows));
  for (bool left = ChooseAll(rows); left; left = ChooseNext()) MR_RETURN_IF_ERROR(RunRound(rows));
  MR_RETURN_IF_ERROR(ReleaseLast(rows));
  FindEmptied(rows);
  return FinishFired();
}

void TriggerRounds::FindEmptied(const Rows& rows) {
  for (const Group& group : groups_) {
    if (options_.stored->empty(group.slot)) emptied_.push_back(group.slot);
  }
  // No group was looked at when none fired.
  if (!groups_.empty()) return;
  for (const std::int32_t row : rows.last) emptied_.push_back(rows.slots[static_cast<std::size_t>(row)]);
}

std::vector<RowError> TriggerRounds::TakeErrors() {
  std::sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
  return std::exchange(errors_, {});
}

std::vector<RowError> TriggerRounds::TakeWithoutResult() {
  std::sort(without_result_.begin(), without_result_.end(),
            [](const auto& a, const auto& b) { return a.row < b.row; });
  return std::exchange(without_result_, {});
}

// --- The groups of a batch ---

void TriggerRounds::Clear() {
  groups_.clear();
  active_.clear();
  source_ = nullptr;
  fired_.clear();
  fired_parts_.assign(options_.question->of_result(), {});
  results_.clear();
  without_result_.clear();
  errors_.clear();
  emptied_.clear();
}

void TriggerRounds::FindGroups(const Rows& rows) {
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
    ++groups_[group].taken;
  }
  std::size_t begin = 0;
  for (Group& group : groups_) {
    group.next = group.end = begin;
    begin += group.taken;
  }
  order_.resize(rows.slots.size());
  position_.resize(rows.slots.size());
  for (std::size_t row = 0; row < rows.slots.size(); ++row) {
    const std::size_t at = groups_[group_of_[row]].end++;
    order_[at] = static_cast<std::int32_t>(row);
    position_[row] = at;
  }
  active_.resize(groups_.size());
  std::iota(active_.begin(), active_.end(), 0U);
}

Status TriggerRounds::AskHeld(const Rows& rows) {
  added_ = {};
  std::vector<std::int32_t> first_rows;
  const std::vector<bool>& each = options_.question->each();
  for (const Group& group : groups_) {
    if (options_.stored->empty(group.slot)) continue;
    const std::int32_t row = order_[group.next];
    if (bounded_ &&
        !options_.update->WithoutResult(group.slot, static_cast<std::size_t>(row), rows.text, each).empty())
      added_.without_result.push_back({static_cast<std::int64_t>(first_rows.size()), "", ""});
    first_rows.push_back(row);
    for (std::size_t i = 0; i < each.size(); ++i) {
      if (each[i]) MR_RETURN_IF_ERROR(AppendResult(i, group.slot));
    }
  }
  if (first_rows.empty()) return Status::Ok();
  arrow::ArrayVector keys = rows.keys;
  for (auto& key : keys) {
    MR_ASSIGN_OR_RETURN(key, Taken(key, Indices(first_rows)));
  }
  const bool apart = !rows.windows_before.starts.empty();
  MR_RETURN_IF_ERROR(Ask(apart ? rows.windows_before : rows.windows, first_rows, std::move(keys)));
  Judge();
  std::vector<std::int32_t> fired;
  const std::vector<ExprRowError>& errors = options_.question->answers().errors;
  auto error = errors.begin();
  for (std::size_t i = 0; i < first_rows.size(); ++i) {
    Group& group = GroupOf(first_rows[i]);
    while (error != errors.end() && error->row < static_cast<std::int64_t>(i)) ++error;
    if (verdicts_[i] == Verdict::kFires) {
      fired.push_back(static_cast<std::int32_t>(i));
      fired_.push_back(first_rows[i]);
    } else if (verdicts_[i] == Verdict::kFails) {
      for (; group.next < group.end; ++group.next) AddError(order_[group.next], *error);
    }
  }
  return ReleaseFired(rows, fired);
}

// --- Rounds ---

bool TriggerRounds::ChooseAll(const Rows& rows) {
  StartRound();
  chosen_.clear();
  for (std::size_t row = 0; row < rows.slots.size(); ++row) {
    if (groups_.empty() || groups_[group_of_[row]].next < groups_[group_of_[row]].end)
      chosen_.push_back(static_cast<std::int32_t>(row));
  }
  return !chosen_.empty();
}

bool TriggerRounds::ChooseNext() {
  StartRound();
  chosen_.clear();
  for (const std::uint32_t i : active_) {
    const auto first = order_.begin() + static_cast<std::ptrdiff_t>(groups_[i].next);
    chosen_.insert(chosen_.end(), first, first + static_cast<std::ptrdiff_t>(groups_[i].taken));
  }
  return !chosen_.empty();
}

void TriggerRounds::StartRound() {
  std::erase_if(active_, [this](std::uint32_t group) { return groups_[group].next == groups_[group].end; });
  for (const std::uint32_t i : active_) {
    Group& group = groups_[i];
    group.taken = std::min(group.limit, group.end - group.next);
    group.counts = group.failed = false;
    group.cut_at = kNotCut;
  }
}

Status TriggerRounds::RunRound(const Rows& rows) {
  arrow::ArrayVector keys;
  MR_ASSIGN_OR_RETURN(const Chosen chosen, Take(rows, chosen_, &keys));
  Save();
  MR_ASSIGN_OR_RETURN(added_,
                      options_.update->AddEach(
                          chosen.batch, chosen.slots,
                          [&](std::size_t i) { return rows.text(static_cast<std::size_t>(chosen_[i])); },
                          options_.question->each()));
  MR_RETURN_IF_ERROR(Ask(rows.windows, chosen_, std::move(keys)));
  Judge();
  const bool all_stay = std::all_of(verdicts_.begin(), verdicts_.end(),
                                    [](Verdict verdict) { return verdict == Verdict::kStays; });
  if (!all_stay && groups_.empty()) FindGroups(rows);
  cuts_.clear();
  if (!all_stay) FindCuts();
  MR_RETURN_IF_ERROR(AddOthers(rows, chosen));
  if (all_stay) {
    for (const std::uint32_t slot : chosen.slots) options_.stored->set_empty(slot, false);
  } else {
    MR_RETURN_IF_ERROR(MakeCuts(rows));
  }
  for (const std::uint32_t i : active_) {
    Group& group = groups_[i];
    if (group.cut_at != kNotCut) continue;
    group.next += group.taken;
    group.limit = std::min(kAllRows, 2 * group.limit);
    if (group.counts) options_.stored->set_empty(group.slot, false);
  }
  return Status::Ok();
}

Result<TriggerRounds::Chosen> TriggerRounds::Take(const Rows& rows, const std::vector<std::int32_t>& which,
                                                  arrow::ArrayVector* keys) {
  if (source_ == nullptr && which.size() == rows.slots.size()) {
    *keys = rows.keys;
    return Chosen{rows.batch, rows.slots};
  }
  if (source_ == nullptr)
    source_ = std::make_shared<const Batch>(options_.update->WithArguments(rows.batch, rows.keys));
  chosen_slots_.clear();
  for (const std::int32_t row : which) chosen_slots_.push_back(rows.slots[static_cast<std::size_t>(row)]);
  Batch taken;
  if (AreNeighbours(which)) {
    taken = SliceBatch(*source_, which.front(), static_cast<std::int64_t>(which.size()));
  } else {
    MR_ASSIGN_OR_RETURN(taken, TakeRows(*source_, Indices(which)));
  }
  *keys = options_.update->SetArguments(taken);
  return Chosen{std::move(taken), chosen_slots_};
}

void TriggerRounds::Save() {
  if (!options_.question->can_fail()) return;
  saved_.clear();
  for (const std::uint32_t i : active_) {
    Group& group = groups_[i];
    group.saved = saved_.size();
    if (!options_.stored->empty(group.slot)) options_.groups->Encode(group.slot, &saved_);
    group.saved_bytes = saved_.size() - group.saved;
  }
}

Status TriggerRounds::Ask(const Windows& windows, const std::vector<std::int32_t>& which,
                          arrow::ArrayVector keys) {
  TriggerQuestion::Windows asked;
  if (options_.question->needs_windows()) {
    for (const std::int32_t row : which) {
      asked.starts_ms.push_back(windows.starts[static_cast<std::size_t>(row)]);
      asked.ends_ms.push_back(windows.ends[static_cast<std::size_t>(row)]);
    }
  }
  return options_.question->Ask(std::move(keys), std::move(asked), static_cast<std::int64_t>(which.size()));
}

Status TriggerRounds::AddOthers(const Rows& rows, const Chosen& chosen) {
  const std::vector<bool>& each = options_.question->each();
  const bool none = std::all_of(each.begin(), each.end(), [](bool in) { return in; });
  if (none) return Status::Ok();
  if (cuts_.empty() && added_.refused.empty()) {
    return options_.update->AddOthers(chosen.batch, chosen.slots, each);
  }
  std::vector<std::int32_t> staying;
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const Group& group = GroupOf(chosen_[i]);
    const bool behind =
        group.cut_at != kNotCut && (group.failed || static_cast<std::int64_t>(i) > group.cut_at);
    if (!behind && verdicts_[i] != Verdict::kRefused) staying.push_back(chosen_[i]);
  }
  if (staying.empty()) return Status::Ok();
  arrow::ArrayVector keys;
  MR_ASSIGN_OR_RETURN(const Chosen taken, Take(rows, staying, &keys));
  return options_.update->AddOthers(taken.batch, taken.slots, each);
}

// --- Cuts ---

void TriggerRounds::Judge() {
  const ExprValues& answers = options_.question->answers();
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
  for (const RowError& error : added_.refused)
    verdicts_[static_cast<std::size_t>(error.row)] = Verdict::kRefused;
  for (const RowError& error : added_.without_result)
    verdicts_[static_cast<std::size_t>(error.row)] = Verdict::kStays;
}

void TriggerRounds::FindCuts() {
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const std::int32_t row = chosen_[i];
    Group& group = GroupOf(row);
    if (group.cut_at != kNotCut || verdicts_[i] == Verdict::kRefused) continue;
    group.counts = true;
    if (verdicts_[i] == Verdict::kStays) continue;
    // Before an update is asked only when there is one.
    if (options_.before && PositionOf(row) + 1 == group.end) continue;
    group.cut_at = static_cast<std::int64_t>(i);
    group.failed = verdicts_[i] == Verdict::kFails;
    cuts_.push_back(static_cast<std::int32_t>(i));
  }
  for (const RowError& error : added_.refused) {
    const std::int32_t row = chosen_[static_cast<std::size_t>(error.row)];
    const Group& group = GroupOf(row);
    // Rows behind a cut, and those of a group that is set back, are added again.
    if (group.cut_at == kNotCut || (!group.failed && error.row < group.cut_at))
      errors_.push_back({row, error.error_class, error.message});
  }
}

Status TriggerRounds::MakeCuts(const Rows& rows) {
  std::vector<std::int32_t> fired;
  const std::vector<ExprRowError>& errors = options_.question->answers().errors;
  auto error = errors.begin();
  for (const std::int32_t at : cuts_) {
    while (error != errors.end() && error->row < at) ++error;
    const std::int32_t row = chosen_[static_cast<std::size_t>(at)];
    if (GroupOf(row).failed) {
      MR_RETURN_IF_ERROR(CutWhereFailed(row, *error));
    } else {
      fired.push_back(at);
      CutWhereFired(row);
    }
  }
  return ReleaseFired(rows, fired);
}

void TriggerRounds::CutWhereFired(std::int32_t row) {
  Group& group = GroupOf(row);
  const std::size_t next = PositionOf(row) + 1;
  fired_.push_back(options_.before ? order_[next] : row);
  group.limit = 2 * (next - group.next);
  group.next = next;
}

Status TriggerRounds::CutWhereFailed(std::int32_t row, const ExprRowError& error) {
  Group& group = GroupOf(row);
  MR_RETURN_IF_ERROR(SetBack(group));
  // The rows that did not fail go once more, and then those behind.
  const std::size_t at = PositionOf(row);
  if (options_.before) {
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

void TriggerRounds::AddError(std::int32_t row, const ExprRowError& error) {
  errors_.push_back({row, error.error_class, "in the trigger of the window: " + error.message});
}

// --- What fired ---

Status TriggerRounds::AppendResult(std::size_t aggregate, std::uint32_t slot) {
  return options_.groups->aggregator(aggregate).Append(options_.groups->group(slot) +
                                                       options_.groups->state_at(aggregate));
}

Status TriggerRounds::ReleaseFired(const Rows& rows, const std::vector<std::int32_t>& at) {
  if (at.empty()) return Status::Ok();
  const std::span<const std::int32_t> fired = std::span(fired_).last(at.size());
  const std::vector<bool>& each = options_.question->each();
  const std::shared_ptr<arrow::Int32Array> places = Indices(at);
  for (std::size_t i = 0; i < fired_parts_.size(); ++i) {
    fired_parts_[i].emplace_back();
    if (each[i]) {
      MR_ASSIGN_OR_RETURN(fired_parts_[i].back(), Taken(options_.question->results(i), places));
      continue;
    }
    for (const std::int32_t row : fired) MR_RETURN_IF_ERROR(AppendResult(i, GroupOf(row).slot));
    MR_ASSIGN_OR_RETURN(fired_parts_[i].back(), options_.groups->aggregator(i).Finish());
  }
  for (auto& parts : fired_parts_) MR_RETURN_IF_ERROR(JoinMany(&parts));
  for (std::size_t i = 0; i < fired.size(); ++i)
    Release(rows, fired[i], GroupOf(fired[i]).slot, fired_.size() - fired.size() + i);
  return Status::Ok();
}

void TriggerRounds::Release(const Rows& rows, std::int32_t row, std::uint32_t slot, std::size_t place) {
  if (bounded_) {
    std::string why =
        options_.update->WithoutResult(slot, static_cast<std::size_t>(row), rows.text, all_aggregates_);
    if (!why.empty())
      without_result_.push_back({static_cast<std::int64_t>(place), "overflow", std::move(why)});
  }
  options_.stored->Clear(slot);
}

Status TriggerRounds::ReleaseLast(const Rows& rows) {
  const std::size_t fired = fired_.size();
  for (const std::int32_t row : rows.last) {
    const std::uint32_t slot = rows.slots[static_cast<std::size_t>(row)];
    if (options_.stored->empty(slot)) continue;
    for (std::size_t i = 0; i < fired_parts_.size(); ++i) MR_RETURN_IF_ERROR(AppendResult(i, slot));
    Release(rows, row, slot, fired_.size());
    fired_.push_back(row);
  }
  if (fired_.size() == fired) return Status::Ok();
  for (std::size_t i = 0; i < fired_parts_.size(); ++i) {
    fired_parts_[i].emplace_back();
    MR_ASSIGN_OR_RETURN(fired_parts_[i].back(), options_.groups->aggregator(i).Finish());
  }
  return Status::Ok();
}

Status TriggerRounds::FinishFired() {
  if (fired_.empty()) return Status::Ok();
  std::vector<std::int32_t> order(fired_.size());
  std::iota(order.begin(), order.end(), 0);
  const bool sorted = std::is_sorted(fired_.begin(), fired_.end());
  std::stable_sort(order.begin(), order.end(), [this](std::int32_t a, std::int32_t b) {
    return fired_[static_cast<std::size_t>(a)] < fired_[static_cast<std::size_t>(b)];
  });
  for (RowError& error : without_result_)
    error.row = std::find(order.begin(), order.end(), static_cast<std::int32_t>(error.row)) - order.begin();
  const auto places = Indices(std::move(order));
  for (const auto& parts : fired_parts_) {
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Array> all, arrow::Concatenate(parts));
    if (!sorted) {
      MR_ASSIGN_OR_RETURN(all, Taken(all, places));
    }
    results_.push_back(std::move(all));
  }
  std::sort(fired_.begin(), fired_.end());
  return Status::Ok();
}

}  // namespace millrace
