#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ops/side_values.h"
#include "state/keyed_table.h"

namespace millrace {

/// Rows of a KeyedTable that are a `Head` of fixed size and a byte string each. A cleared slot has Head{} and
/// no bytes.
template <typename Head>
class HeadedRows : public SlotRows {
 public:
  void Resize(std::uint32_t slots) final {
    heads_.resize(slots);
    values_.Resize(slots);
  }
  void Clear(std::uint32_t slot) final {
    heads_[slot] = Head{};
    values_.Clear(slot);
  }
  std::int64_t memory_bytes() const final {
    return values_.memory_bytes() + static_cast<std::int64_t>(heads_.capacity() * sizeof(Head));
  }
  std::int64_t aside_bytes() const final { return values_.aside_bytes(); }

 protected:
  const Head& head(std::uint32_t slot) const { return heads_[slot]; }
  Head& head(std::uint32_t slot) { return heads_[slot]; }
  const SideValues& values() const { return values_; }
  SideValues& values() { return values_; }

 private:
  std::vector<Head> heads_;
  SideValues values_;
};

}  // namespace millrace
