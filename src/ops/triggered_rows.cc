#include "ops/triggered_rows.h"

namespace millrace {
namespace {

constexpr char kEmptyTag = 'e';
constexpr char kHoldsRowsTag = 'r';

}  // namespace

void TriggeredRows::Resize(std::uint32_t slots) {
  rows_.Resize(slots);
  notes_.resize(slots);
}

void TriggeredRows::Clear(std::uint32_t slot) {
  rows_.Clear(slot);
  notes_[slot].empty = true;
}

std::optional<std::string_view> TriggeredRows::RowOf(std::string_view row) {
  if (row.empty() || row.front() != kHoldsRowsTag) return std::nullopt;
  return row.substr(1);
}

void TriggeredRows::Encode(std::uint32_t slot, std::string* out) const {
  if (stores_empty_) out->push_back(notes_[slot].empty ? kEmptyTag : kHoldsRowsTag);
  rows_.Encode(slot, out);
}

Status TriggeredRows::Decode(std::uint32_t slot, std::string_view bytes) {
  notes_[slot].empty = false;
  if (!stores_empty_) return rows_.Decode(slot, bytes);
  if (bytes.empty() || (bytes.front() != kEmptyTag && bytes.front() != kHoldsRowsTag))
    return Status::Corrupt("a row of a window with a trigger does not say whether it holds anything");
  notes_[slot].empty = bytes.front() == kEmptyTag;
  return rows_.Decode(slot, bytes.substr(1));
}

std::int64_t TriggeredRows::memory_bytes() const {
  return rows_.memory_bytes() + static_cast<std::int64_t>(notes_.capacity() * sizeof(Note));
}

}  // namespace millrace
