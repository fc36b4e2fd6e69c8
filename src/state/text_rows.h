#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "state/state_store.h"

namespace millrace {

/// Rows that are texts: for tests.
class TextRows final : public SlotRows {
 public:
  void Resize(std::uint32_t slots) override { values_.resize(slots); }
  void Clear(std::uint32_t slot) override { values_[slot].clear(); }
  void Encode(std::uint32_t slot, std::string* out) const override { out->append(values_[slot]); }
  Status Decode(std::uint32_t slot, std::string_view bytes) override {
    if (bytes == "broken") return Status::Corrupt("the row is broken");
    values_[slot] = bytes;
    return Status::Ok();
  }
  std::string& operator[](std::uint32_t slot) { return values_[slot]; }

 private:
  std::vector<std::string> values_;
};

/// Keys of one lookup, as a KeyColumn.
class KeyList {
 public:
  void Add(std::string_view key) {
    bytes_.append(key);
    offsets_.push_back(static_cast<std::int32_t>(bytes_.size()));
  }
  KeyColumn column() const { return {.data = bytes_.data(), .offsets = offsets_}; }

 private:
  std::string bytes_;
  std::vector<std::int32_t> offsets_{0};
};

/// A directory below the test's temporary one, empty at the start and removed at the end.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& name);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace millrace
