#include "ops/pane_merge.h"

#include <algorithm>

namespace millrace {

PaneMerge::PaneMerge(std::vector<std::unique_ptr<Aggregator>> aggregators, const GroupRows* panes,
                     const WindowAssigner* assigner)
    : rows_(std::move(aggregators)), panes_(panes), assigner_(assigner) {}

std::int64_t PaneMerge::memory_bytes() const {
  constexpr std::size_t kNodeBytes = 112;
  return rows_.memory_bytes() + name_bytes_ +
         static_cast<std::int64_t>(keys_.size() * kNodeBytes + slots_ * sizeof(Tail));
}

void PaneMerge::Clear() {
  for (std::uint32_t slot = 0; slot < slots_ && rows_.aside_bytes() > 0; ++slot) rows_.Clear(slot);
  name_bytes_ = 0;
  keys_.clear();
  touched_.clear();
  free_slots_.clear();
  slots_ = 0;
  result_slot_ = kNoSlot;
  read_until_ = std::numeric_limits<std::int64_t>::min();
}

std::uint32_t PaneMerge::NewSlot() {
  std::uint32_t slot = slots_;
  if (!free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
  } else {
    ++slots_;
    if (slots_ > capacity_) {
      constexpr std::uint32_t kFirstCapacity = 64;
      capacity_ = std::max(kFirstCapacity, capacity_ * 2);
      rows_.Resize(capacity_);
    }
  }
  rows_.Clear(slot);
  return slot;
}

void PaneMerge::FreeKey(Key* key) {
  const auto free = [this](std::uint32_t slot) {
    if (rows_.aside_bytes() > 0) rows_.Clear(slot);
    free_slots_.push_back(slot);
  };
  for (const Tail& tail : key->tails) free(tail.slot);
  if (key->head != kNoSlot) free(key->head);
  *key = Key{};
}

void PaneMerge::AddTail(Key* key, std::int64_t pane_ms, std::uint32_t pane_slot) {
  const std::uint32_t slot = NewSlot();
  rows_.Merge(slot, *panes_, pane_slot);
  if (!key->tails.empty()) rows_.Merge(slot, rows_, key->tails.back().slot);
  key->tails.push_back({pane_ms, slot});
}

void PaneMerge::AddHead(Key* key, std::uint32_t pane_slot) {
  if (key->head == kNoSlot) key->head = NewSlot();
  rows_.Merge(key->head, *panes_, pane_slot);
}

std::vector<std::int64_t> PaneMerge::PanesIn(std::int64_t from_ms, std::int64_t until_ms) const {
  std::vector<std::int64_t> panes;
  for (auto pane = table_->NextSlice(from_ms); pane && *pane < until_ms;
       pane = table_->NextSlice(*pane + 1)) {
    panes.push_back(*pane);
  }
  return panes;
}

PaneMerge::Key* PaneMerge::KeyFrom(std::string_view name, Keys::iterator* at) {
  while (*at != keys_.end() && (*at)->first < name) ++*at;
  if (*at == keys_.end() || (*at)->first != name) {
    *at = keys_.emplace_hint(*at, name, Key{});
    name_bytes_ += static_cast<std::int64_t>(name.size());
  }
  return &(*at)->second;
}

// --- Reading panes ---

Status PaneMerge::ReadBlock(std::int64_t block_ms) {
  Clear();
  const std::vector<std::int64_t> panes = PanesIn(block_ms, AddTime(block_ms, assigner_->size_ms()));
  for (auto pane = panes.rbegin(); pane != panes.rend(); ++pane) {
    auto at = keys_.begin();
    MR_RETURN_IF_ERROR(table_->Visit(*pane, [&](std::string_view name, std::uint32_t slot) {
      AddTail(KeyFrom(name, &at), *pane, slot);
      return Status::Ok();
    }));
  }
  block_ms_ = block_ms;
  read_until_ = AddTime(block_ms, assigner_->size_ms());
  return Status::Ok();
}

Status PaneMerge::ReadTouched() {
  if (touched_.empty()) return Status::Ok();
  const std::vector<std::int64_t> panes = PanesIn(block_ms_, read_until_);
  for (const std::string& name : touched_) {
    const auto [at, is_new] = keys_.try_emplace(name);
    if (is_new) name_bytes_ += static_cast<std::int64_t>(name.size());
    FreeKey(&at->second);
    MR_RETURN_IF_ERROR(PeekPanes(name, panes, block_ms_, &at->second));
    if (!at->second.empty()) continue;
    name_bytes_ -= static_cast<std::int64_t>(name.size());
    keys_.erase(at);
  }
  touched_.clear();
  return Status::Ok();
}

Status PaneMerge::PeekPanes(std::string_view name, const std::vector<std::int64_t>& panes,
                            std::int64_t block_ms, Key* key) {
  const auto head = std::lower_bound(panes.begin(), panes.end(), AddTime(block_ms, assigner_->size_ms()));
  for (auto pane = std::make_reverse_iterator(head); pane != panes.rend(); ++pane) {
    MR_RETURN_IF_ERROR(table_->Peek(*pane, name, [&](std::string_view, std::uint32_t slot) {
      AddTail(key, *pane, slot);
      return Status::Ok();
    }));
  }
  for (auto pane = head; pane != panes.end(); ++pane) {
    MR_RETURN_IF_ERROR(table_->Peek(*pane, name, [&](std::string_view, std::uint32_t slot) {
      AddHead(key, slot);
      return Status::Ok();
    }));
  }
  return Status::Ok();
}

Status PaneMerge::Read(std::int64_t start_ms, std::int64_t end_ms) {
  const std::int64_t block_ms = assigner_->BlockOf(start_ms);
  const bool none = read_until_ == std::numeric_limits<std::int64_t>::min();
  if (none || block_ms != block_ms_) {
    MR_RETURN_IF_ERROR(ReadBlock(block_ms));
  } else {
    MR_RETURN_IF_ERROR(ReadTouched());
  }
  for (const std::int64_t pane : PanesIn(read_until_, end_ms)) {
    auto at = keys_.begin();
    MR_RETURN_IF_ERROR(table_->Visit(pane, [&](std::string_view name, std::uint32_t slot) {
      AddHead(KeyFrom(name, &at), slot);
      return Status::Ok();
    }));
  }
  read_until_ = std::max(read_until_, end_ms);
  return Status::Ok();
}

// --- Windows ---

Status PaneMerge::VisitMerged(const Key& key, std::string_view name, std::int64_t start_ms,
                              const Visitor& visit) {
  const auto tail = std::lower_bound(key.tails.rbegin(), key.tails.rend(), start_ms,
                                     [](const Tail& t, std::int64_t start) { return t.pane_ms < start; });
  if (tail == key.tails.rend() && key.head == kNoSlot) return Status::Ok();
  if (key.head == kNoSlot) return visit(name, tail->slot);
  if (tail == key.tails.rend()) return visit(name, key.head);
  if (result_slot_ == kNoSlot) result_slot_ = NewSlot();
  rows_.Clear(result_slot_);
  rows_.Merge(result_slot_, rows_, tail->slot);
  rows_.Merge(result_slot_, rows_, key.head);
  return visit(name, result_slot_);
}

Status PaneMerge::VisitWindow(std::int64_t end_ms, bool only_last_pane, const Visitor& visit) {
  const std::int64_t start_ms = end_ms - assigner_->size_ms();
  MR_RETURN_IF_ERROR(Read(start_ms, end_ms));
  if (only_last_pane) {
    return table_->Visit(end_ms - assigner_->pane_ms(), [&](std::string_view name, std::uint32_t) {
      const auto key = keys_.find(name);
      return key == keys_.end() ? Status::Ok() : VisitMerged(key->second, name, start_ms, visit);
    });
  }
  for (const auto& [name, key] : keys_) MR_RETURN_IF_ERROR(VisitMerged(key, name, start_ms, visit));
  return Status::Ok();
}

Status PaneMerge::VisitKey(std::int64_t end_ms, std::string_view key, const Visitor& visit) {
  // Merged in the same order as VisitWindow, so that the sums of doubles are the same to the last bit.
  Key merged;
  const std::int64_t start_ms = end_ms - assigner_->size_ms();
  MR_RETURN_IF_ERROR(PeekPanes(key, PanesIn(start_ms, end_ms), assigner_->BlockOf(start_ms), &merged));
  const Status status = VisitMerged(merged, key, start_ms, visit);
  FreeKey(&merged);
  return status;
}

}  // namespace millrace
