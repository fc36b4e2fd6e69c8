#include "ops/group_rows.h"

#include <algorithm>

#include <arrow/type.h>
#include <arrow/type_traits.h>

namespace millrace {
namespace {

constexpr std::size_t kLineBytes = 64;

// Rows that nearly fill a cache line get one of their own.
std::size_t StrideOf(std::size_t bytes) {
  constexpr std::size_t kNearlyFull = 48;
  if (bytes >= kNearlyFull && bytes <= kLineBytes) return kLineBytes;
  return bytes == 0 ? 8 : bytes;
}

}  // namespace

GroupRows::GroupRows(std::vector<std::unique_ptr<Aggregator>> aggregators, std::size_t hidden)
    : aggregators_(std::move(aggregators)), hidden_(hidden) {
  std::size_t bytes = 0;
  for (const auto& aggregator : aggregators_) {
    state_at_.push_back(bytes);
    bytes += aggregator->state_bytes();
  }
  for (std::size_t i = 0; i < visible(); ++i) {
    if (!arrow::is_fixed_width(*aggregators_[i]->type())) of_any_size_.push_back(i);
  }
  stride_ = StrideOf(bytes);
}

void GroupRows::set_most_bytes(std::int64_t bytes) {
  SlotRows::set_most_bytes(bytes);
  const auto holders = std::count_if(aggregators_.begin(), aggregators_.end(),
                                     [](const auto& aggregator) { return aggregator->grows(); });
  for (const auto& aggregator : aggregators_)
    aggregator->set_most_bytes(bytes / std::max<std::int64_t>(1, holders));
}

void GroupRows::Groups(std::span<const std::uint32_t> slots, std::vector<std::byte*>* groups) {
  groups->resize(slots.size());
  std::byte* const first = bytes();
  for (std::size_t i = 0; i < slots.size(); ++i) (*groups)[i] = first + slots[i] * stride_;
}

void GroupRows::Merge(std::uint32_t slot, const GroupRows& from, std::uint32_t from_slot) {
  std::byte* const row = group(slot);
  const std::byte* const from_row = from.bytes() + from_slot * stride_;
  for (std::size_t i = 0; i < aggregators_.size(); ++i) {
    aggregators_[i]->Merge(row + state_at_[i], *from.aggregators_[i], from_row + state_at_[i]);
  }
}

bool GroupRows::order_free() const {
  return std::all_of(aggregators_.begin(), aggregators_.end(),
                     [](const auto& aggregator) { return aggregator->order_free(); });
}

std::optional<std::size_t> GroupRows::MergeOverflow(std::uint32_t slot, const GroupRows& from,
                                                    std::uint32_t from_slot) const {
  const std::byte* const row = bytes() + slot * stride_;
  const std::byte* const from_row = from.bytes() + from_slot * stride_;
  for (std::size_t i = 0; i < aggregators_.size(); ++i) {
    if (!aggregators_[i]->MergeFits(row + state_at_[i], from_row + state_at_[i])) return i;
  }
  return std::nullopt;
}

bool GroupRows::bounded() const {
  return std::any_of(aggregators_.begin(), aggregators_.end(),
                     [](const auto& aggregator) { return aggregator->bounded(); });
}

std::string GroupRows::Unrepresentable(std::uint32_t slot, std::size_t* aggregate) const {
  const std::byte* const row = bytes() + slot * stride_;
  for (std::size_t i = 0; i < aggregators_.size(); ++i) {
    std::string why = aggregators_[i]->Unrepresentable(row + state_at_[i]);
    if (why.empty()) continue;
    *aggregate = i;
    return why;
  }
  return "";
}

Status GroupRows::AppendResults(std::uint32_t slot) {
  const std::byte* const row = group(slot);
  for (std::size_t i = 0; i < visible(); ++i) {
    MR_RETURN_IF_ERROR(aggregators_[i]->Append(row + state_at_[i]));
  }
  return Status::Ok();
}

std::int64_t GroupRows::appended_bytes() const {
  std::int64_t bytes = 0;
  for (const std::size_t i : of_any_size_) bytes += aggregators_[i]->appended_bytes();
  return bytes;
}

std::int64_t GroupRows::ResultBytes(std::uint32_t slot) const {
  const std::byte* const row = bytes() + slot * stride_;
  std::int64_t total = 0;
  for (const std::size_t i : of_any_size_) total += aggregators_[i]->ResultBytes(row + state_at_[i]);
  return total;
}

void GroupRows::Resize(std::uint32_t slots) {
  lines_.resize((slots * stride_ + kLineBytes - 1) / kLineBytes);
  for (const auto& aggregator : aggregators_) aggregator->Resize(slots);
}

void GroupRows::Clear(std::uint32_t slot) {
  std::byte* const row = group(slot);
  for (std::size_t i = 0; i < aggregators_.size(); ++i) aggregators_[i]->Clear(row + state_at_[i], slot);
}

void GroupRows::Encode(std::uint32_t slot, std::string* out) const {
  const std::byte* const row = bytes() + slot * stride_;
  for (std::size_t i = 0; i < aggregators_.size(); ++i) aggregators_[i]->Encode(row + state_at_[i], out);
}

Status GroupRows::Decode(std::uint32_t slot, std::string_view in) {
  std::byte* const row = group(slot);
  for (std::size_t i = 0; i < aggregators_.size(); ++i) {
    MR_RETURN_IF_ERROR(aggregators_[i]->Decode(row + state_at_[i], slot, &in));
  }
  if (!in.empty())
    return Status::Corrupt("a row of aggregates is " + std::to_string(in.size()) + " bytes too long");
  return Status::Ok();
}

Status GroupRows::failure() const {
  for (const auto& aggregator : aggregators_) MR_RETURN_IF_ERROR(aggregator->failure());
  return Status::Ok();
}

std::int64_t GroupRows::memory_bytes() const {
  auto total = static_cast<std::int64_t>(lines_.capacity() * sizeof(Line));
  for (const auto& aggregator : aggregators_) total += aggregator->memory_bytes();
  return total;
}

std::int64_t GroupRows::aside_bytes() const {
  std::int64_t total = 0;
  for (const auto& aggregator : aggregators_) total += aggregator->aside_bytes();
  return total;
}

}  // namespace millrace
