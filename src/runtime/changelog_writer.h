#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "connect/producer.h"
#include "runtime/topology.h"
#include "state/state_store.h"

namespace millrace {

/// Sends the entries of one checkpoint of a task to its changelogs, some at a time. Lives as long as the call
/// of StateStore::CollectDirty. One owner, one thread.
class ChangelogWriter {
 public:
  ChangelogWriter(const SubTopology& sub, Partition partition, std::int64_t now_ms, Producer* producer);

  /// Errors: of Producer::SendAll; a user error names the step whose row is larger than a record may be.
  Status Add(const ChangelogEntry& entry);
  /// Sends what waits. Precondition of destruction after success.
  Status Finish();
  /// What was added, by table: bytes of keys and values.
  const std::map<std::string_view, std::int64_t>& bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kMostWaiting = 128;
  static constexpr std::size_t kMostWaitingBytes = 64 * 1024;

  struct Waiting {
    std::size_t key_end;  // in texts_; it begins where the one before ends
    std::size_t value_end;
    bool has_value;
  };

  void GoTo(std::string_view table);

  const SubTopology& sub_;
  const Partition partition_;
  const std::int64_t now_ms_;
  Producer* const producer_;
  std::map<std::string_view, std::int64_t> bytes_;
  // Of the table whose entries come now.
  const TableSpec* table_ = nullptr;
  std::int64_t* table_bytes_ = nullptr;
  std::string texts_;
  std::array<Waiting, kMostWaiting> waiting_{};
  std::size_t num_waiting_ = 0;
};

}  // namespace millrace
