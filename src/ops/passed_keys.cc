#include "ops/passed_keys.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ops/window_assigner.h"

namespace millrace {

/// The event time of the row that passed, by slot; none in a slot just added.
class PassedKeys::Times final : public SlotRows {
 public:
  bool has(std::uint32_t slot) const { return rows_[slot].present; }
  std::int64_t operator[](std::uint32_t slot) const { return rows_[slot].time_ms; }
  void Set(std::uint32_t slot, std::int64_t time_ms) { rows_[slot] = {.time_ms = time_ms, .present = true}; }

  // SlotRows.
  std::int64_t widest_row_bytes() const override { return sizeof(std::int64_t); }
  void Resize(std::uint32_t slots) override { rows_.resize(slots); }
  void Clear(std::uint32_t slot) override { rows_[slot] = {}; }
  void Encode(std::uint32_t slot, std::string* out) const override {
    char bytes[sizeof(std::int64_t)];
    std::memcpy(bytes, &rows_[slot].time_ms, sizeof(bytes));
    out->append(bytes, sizeof(bytes));
  }
  Status Decode(std::uint32_t slot, std::string_view bytes) override {
    if (bytes.size() != sizeof(std::int64_t)) return Status::Corrupt("the time of a row that passed is cut");
    std::int64_t time_ms;
    std::memcpy(&time_ms, bytes.data(), bytes.size());
    Set(slot, time_ms);
    return Status::Ok();
  }
  std::int64_t memory_bytes() const override {
    return static_cast<std::int64_t>(rows_.capacity() * sizeof(Row));
  }

 private:
  struct Row {
    std::int64_t time_ms = 0;
    bool present = false;
  };
  std::vector<Row> rows_;
};

PassedKeys::PassedKeys(Duration within, Duration keep)
    : within_ms_(within.count()), keep_ms_(keep.count()), passed_(std::make_unique<Times>()) {}

PassedKeys::~PassedKeys() = default;

Status PassedKeys::AddTable(StateStore& store, const std::string& name) {
  MR_ASSIGN_OR_RETURN(table_, store.AddTable(name, passed_.get()));
  return Status::Ok();
}

std::int64_t PassedKeys::SliceOf(std::int64_t time_ms) const {
  const std::int64_t quotient = time_ms / within_ms_;
  return quotient - (time_ms % within_ms_ < 0 ? 1 : 0);
}

bool PassedKeys::Near(std::int64_t a, std::int64_t b) const {
  return a < b ? SubtractTime(b, a) < within_ms_ : SubtractTime(a, b) < within_ms_;
}

bool PassedKeys::NearSlot(std::uint32_t slot, std::int64_t time_ms) const {
  return slot != KeyedTable::kNoSlot && passed_->has(slot) && Near((*passed_)[slot], time_ms);
}

Status PassedKeys::Find(std::span<const std::int64_t> slices, const KeyBuffer& keys,
                        std::vector<std::uint32_t>* slots) {
  slots->resize(slices.size());
  return table_->Find(slices, {.data = keys.data(), .offsets = keys.offsets()}, *slots);
}

Status PassedKeys::FindRepeats(const Rows& batch, std::vector<std::uint8_t>* passes) {
  const std::size_t count = batch.rows.size();
  const auto time_of = [&batch](std::size_t i) { return batch.times_ms[batch.rows[i]]; };
  slices_.resize(count);
  for (std::size_t i = 0; i < count; ++i) slices_[i] = SliceOf(time_of(i));
  if (count == 0) return Status::Ok();
  const std::vector<std::int64_t> open = table_->Slices();
  const auto [lowest, highest] = std::minmax_element(slices_.begin(), slices_.end());
  for (const std::int64_t distance : {-1, 0, 1}) {
    // Rows in order find nothing in the slice after theirs: it does not exist yet.
    const auto first = std::lower_bound(open.begin(), open.end(), AddTime(*lowest, distance));
    if (first == open.end() || *first > AddTime(*highest, distance)) continue;
    neighbours_.resize(count);
    for (std::size_t i = 0; i < count; ++i) neighbours_[i] = AddTime(slices_[i], distance);
    MR_RETURN_IF_ERROR(Find(neighbours_, batch.keys, &found_));
    for (std::size_t i = 0; i < count; ++i) {
      if (NearSlot(found_[i], time_of(i))) (*passes)[static_cast<std::size_t>(batch.rows[i])] = 0;
    }
  }
  return Status::Ok();
}

/// No key that is added was in its slice before: rows of one slice are always near.
Status PassedKeys::Add(const Rows& batch, const std::vector<std::uint8_t>& passes) {
  rest_.clear();
  rest_keys_.Clear();
  rest_slices_.clear();
  rest_times_.clear();
  asked_ = 0;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const std::int64_t row = batch.rows[i];
    if (passes[static_cast<std::size_t>(row)] == 0) continue;
    rest_.push_back(row);
    rest_keys_.Append(batch.keys[i]);
    rest_slices_.push_back(slices_[i]);
    rest_times_.push_back(batch.times_ms[row]);
  }
  slots_.resize(rest_.size());
  MR_RETURN_IF_ERROR(
      table_->Lookup(rest_slices_, {.data = rest_keys_.data(), .offsets = rest_keys_.offsets()}, slots_));
  before_.assign(rest_.size(), KeyedTable::kNoSlot);
  after_.assign(rest_.size(), KeyedTable::kNoSlot);
  const auto [lowest, highest] = std::minmax_element(rest_slices_.begin(), rest_slices_.end());
  if (rest_.empty() || *lowest == *highest) return Status::Ok();
  neighbours_.resize(rest_.size());
  for (std::size_t i = 0; i < rest_.size(); ++i) neighbours_[i] = SubtractTime(rest_slices_[i], 1);
  MR_RETURN_IF_ERROR(Find(neighbours_, rest_keys_, &before_));
  for (std::size_t i = 0; i < rest_.size(); ++i) neighbours_[i] = AddTime(rest_slices_[i], 1);
  return Find(neighbours_, rest_keys_, &after_);
}

bool PassedKeys::IsRepeat(std::int64_t row) {
  while (asked_ < rest_.size() && rest_[asked_] < row) ++asked_;
  if (asked_ == rest_.size() || rest_[asked_] != row) return false;
  const std::int64_t time_ms = rest_times_[asked_];
  return passed_->has(slots_[asked_]) || NearSlot(before_[asked_], time_ms) ||
         NearSlot(after_[asked_], time_ms);
}

void PassedKeys::Pass(std::int64_t row) {
  if (asked_ < rest_.size() && rest_[asked_] == row) passed_->Set(slots_[asked_], rest_times_[asked_]);
}

void PassedKeys::End() {
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    // It did not pass, and no other row of its key and slice did: the row added for it holds nothing.
    if (passed_->has(slots_[i])) continue;
    passed_->Set(slots_[i], rest_times_[i]);  // once
    table_->Erase(slots_[i]);
  }
}

Status PassedKeys::TakeBack(const Rows& passed) {
  rest_keys_.Clear();
  rest_slices_.clear();
  rest_times_.clear();
  slices_.clear();
  for (const std::int64_t row : passed.rows) slices_.push_back(SliceOf(passed.times_ms[row]));
  MR_RETURN_IF_ERROR(Find(slices_, passed.keys, &found_));
  for (std::size_t i = 0; i < found_.size(); ++i) {
    const std::uint32_t slot = found_[i];
    if (slot == KeyedTable::kNoSlot || (*passed_)[slot] != passed.times_ms[passed.rows[i]]) continue;
    rest_keys_.Append(passed.keys[i]);
    rest_slices_.push_back(slices_[i]);
  }
  slots_.resize(rest_slices_.size());
  MR_RETURN_IF_ERROR(
      table_->Lookup(rest_slices_, {.data = rest_keys_.data(), .offsets = rest_keys_.offsets()}, slots_));
  for (const std::uint32_t slot : slots_) table_->Erase(slot);
  return Status::Ok();
}

/// A row that is not late has an event time above watermark - keep, and looks one slice further back.
Status PassedKeys::Forget(Watermark watermark) {
  const std::int64_t oldest = AddTime(SubtractTime(watermark.value(), keep_ms_), 1);
  const std::int64_t needed = SubtractTime(SliceOf(oldest), 1);
  for (auto slice = table_->FirstSlice(); slice && *slice < needed; slice = table_->FirstSlice()) {
    MR_RETURN_IF_ERROR(
        table_->CloseSlice(*slice, [](std::string_view, std::uint32_t) { return Status::Ok(); }));
  }
  return Status::Ok();
}

}  // namespace millrace
