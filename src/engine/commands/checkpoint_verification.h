#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "connect/changelog.h"
#include "state/stored_state.h"

namespace millrace {

/// What comparing one table of a state directory with its changelog found.
struct VerifiedTable {
  std::int64_t rows = 0;       ///< on disk
  Offset offset{0};            ///< up to which the disk has the changelog
  Offset end{0};               ///< of the changelog
  std::int64_t missing = 0;    ///< in the changelog, not on disk
  std::int64_t extra = 0;      ///< on disk, not in the changelog
  std::int64_t different = 0;  ///< in both, with other bytes
  std::string first_key;       ///< of a row that differs, as in the changelog
  std::string problem;         ///< why nothing could be compared; "" = nothing

  bool ok() const { return problem.empty() && missing + extra + different == 0; }
};

/// Reads the whole changelog partition, holds its last row per key in memory, and compares: the rows on disk
/// must be those of the changelog up to the offset stored with them. `topic_id`: of the changelog now.
/// Errors: kTimeout when the end of the changelog is not reached, as while a transaction is open; those of
/// reading.
Result<VerifiedTable> VerifyTable(StoredState& state, const StoredState::Table& table,
                                  const TopicPartition& changelog, const std::string& topic_id,
                                  ChangelogReader& reader);

}  // namespace millrace
