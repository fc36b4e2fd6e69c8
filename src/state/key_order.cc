#include "state/key_order.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace millrace {
namespace {

constexpr std::size_t kLeastForRadix = 256;
constexpr std::size_t kSamples = 16;
constexpr std::size_t kPrefetchAhead = 16;
constexpr int kMostGuesses = 3;
constexpr std::size_t kDigits = sizeof(std::uint64_t);

struct HeadedSlot {
  std::uint64_t head;  // the bytes behind the shared prefix, big-endian; missing ones count as zero
  std::uint32_t slot;
};

std::uint64_t Head(std::string_view key) {
  std::uint64_t head = 0;
  if (!key.empty()) std::memcpy(&head, key.data(), std::min(key.size(), sizeof(head)));
  return __builtin_bswap64(head);
}

std::size_t SharedBytes(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first - a.begin());
}

/// Bytes that some of the keys begin with; the others may begin with fewer of them.
std::size_t GuessPrefix(const RowIndex& index, std::span<const std::uint32_t> slots) {
  const std::string_view first = index.Key(slots.front());
  std::size_t shared = first.size();
  const std::size_t step = std::max<std::size_t>(1, slots.size() / kSamples);
  for (std::size_t i = step; i < slots.size(); i += step)
    shared = SharedBytes(first.substr(0, shared), index.Key(slots[i]));
  return shared;
}

/// Fills `out`; the length of what all keys so far begin with, less than `prefix` when it had to stop.
std::size_t Gather(const RowIndex& index, std::span<const std::uint32_t> slots, std::size_t prefix,
                   std::vector<HeadedSlot>* out) {
  out->clear();
  const std::string_view shared = index.Key(slots.front()).substr(0, prefix);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i + kPrefetchAhead < slots.size()) index.Prefetch(slots[i + kPrefetchAhead]);
    const std::string_view key = index.Key(slots[i]);
    if (!key.starts_with(shared)) return SharedBytes(key, shared);
    out->push_back({Head(key.substr(prefix)), slots[i]});
  }
  return prefix;
}

/// Orders by head: one pass per byte in which heads differ, the last byte first.
void RadixSort(std::vector<HeadedSlot>* rows) {
  std::array<std::array<std::uint32_t, 256>, kDigits> counts{};
  for (const HeadedSlot& row : *rows) {
    for (std::size_t digit = 0; digit < kDigits; ++digit) ++counts[digit][row.head >> (8 * digit) & 0xffU];
  }
  std::vector<HeadedSlot> sorted(rows->size());
  for (std::size_t digit = 0; digit < kDigits; ++digit) {
    auto& count = counts[digit];
    if (count[rows->front().head >> (8 * digit) & 0xffU] == rows->size()) continue;
    std::uint32_t begin = 0;
    for (std::uint32_t& places : count) begin += std::exchange(places, begin);
    for (const HeadedSlot& row : *rows) sorted[count[row.head >> (8 * digit) & 0xffU]++] = row;
    rows->swap(sorted);
  }
}

}  // namespace

std::vector<std::uint32_t> InKeyOrder(const RowIndex& index, std::span<const std::uint32_t> slots) {
  std::vector<std::uint32_t> result;
  if (slots.empty()) return result;
  std::vector<HeadedSlot> rows;
  rows.reserve(slots.size());
  std::size_t prefix = GuessPrefix(index, slots);
  for (int guess = 0;; ++guess) {
    const std::size_t shared = Gather(index, slots, prefix, &rows);
    if (shared == prefix) break;
    prefix = guess < kMostGuesses ? shared : 0;
  }
  const auto by_key = [&index](const HeadedSlot& a, const HeadedSlot& b) {
    return index.Key(a.slot) < index.Key(b.slot);
  };
  if (rows.size() < kLeastForRadix) {
    std::sort(rows.begin(), rows.end(), [&by_key](const HeadedSlot& a, const HeadedSlot& b) {
      return a.head != b.head ? a.head < b.head : by_key(a, b);
    });
  } else {
    RadixSort(&rows);
    for (auto begin = rows.begin(); begin != rows.end();) {
      const auto end = std::find_if(begin + 1, rows.end(),
                                    [begin](const HeadedSlot& row) { return row.head != begin->head; });
      if (end - begin > 1) std::sort(begin, end, by_key);
      begin = end;
    }
  }
  result.reserve(rows.size());
  for (const HeadedSlot& row : rows) result.push_back(row.slot);
  return result;
}

}  // namespace millrace
