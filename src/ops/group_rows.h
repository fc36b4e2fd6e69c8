#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/aggregator.h"
#include "state/keyed_table.h"

namespace millrace {

/// One row per group: the states of all its aggregates side by side, so that a group touches one or two cache
/// lines whatever the number of aggregates. Owned by one operator, used through its KeyedTable.
class GroupRows final : public SlotRows {
 public:
  /// The last `hidden` aggregators give no result column.
  explicit GroupRows(std::vector<std::unique_ptr<Aggregator>> aggregators, std::size_t hidden = 0);

  std::size_t size() const { return aggregators_.size(); }
  std::size_t visible() const { return aggregators_.size() - hidden_; }
  Aggregator& aggregator(std::size_t i) { return *aggregators_[i]; }
  const Aggregator& aggregator(std::size_t i) const { return *aggregators_[i]; }
  /// Where the state of aggregator `i` lies in a group.
  std::size_t state_at(std::size_t i) const { return state_at_[i]; }
  std::byte* group(std::uint32_t slot) { return bytes() + slot * stride_; }
  /// Addresses of many groups; valid until the next Resize.
  void Groups(std::span<const std::uint32_t> slots, std::vector<std::byte*>* groups);
  /// Adds group `from_slot` of `from` (this or made alike) to group `slot`.
  void Merge(std::uint32_t slot, const GroupRows& from, std::uint32_t from_slot);
  /// True when all aggregators are Aggregator::order_free.
  bool order_free() const;
  /// The first aggregate for which Merge would overflow.
  std::optional<std::size_t> MergeOverflow(std::uint32_t slot, const GroupRows& from,
                                           std::uint32_t from_slot) const;
  /// True when a group can be unrepresentable that was never merged.
  bool bounded() const;
  /// "" or why the group has no result, with the aggregate it is about.
  std::string Unrepresentable(std::uint32_t slot, std::size_t* aggregate) const;
  /// Appends the results of one group to the columns of the aggregators.
  Status AppendResults(std::uint32_t slot);
  /// Bytes of no fixed size among what AppendResults has appended and nobody has finished.
  std::int64_t appended_bytes() const;
  /// As many as AppendResults would append.
  std::int64_t ResultBytes(std::uint32_t slot) const;
  /// Aggregators, by index, whose results are of no fixed size.
  const std::vector<std::size_t>& of_any_size() const { return of_any_size_; }

  // SlotRows.
  /// Each aggregator that holds values may take the same share.
  void set_most_bytes(std::int64_t bytes) override;
  void Resize(std::uint32_t slots) override;
  void Clear(std::uint32_t slot) override;
  void Prefetch(std::uint32_t slot) const override {
    const std::byte* const group = bytes() + slot * stride_;
    for (std::size_t at = 0; at < stride_; at += sizeof(Line)) __builtin_prefetch(group + at);
  }
  void Encode(std::uint32_t slot, std::string* out) const override;
  Status Decode(std::uint32_t slot, std::string_view bytes) override;
  std::int64_t memory_bytes() const override;
  std::int64_t aside_bytes() const override;
  /// Of the first aggregator that failed.
  Status failure() const override;

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::byte* bytes() { return reinterpret_cast<std::byte*>(lines_.data()); }
  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(lines_.data()); }

  const std::vector<std::unique_ptr<Aggregator>> aggregators_;
  const std::size_t hidden_;
  std::vector<std::size_t> state_at_;
  std::vector<std::size_t> of_any_size_;
  std::size_t stride_ = 0;
  std::vector<Line> lines_;
};

}  // namespace millrace
