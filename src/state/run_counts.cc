#include "state/run_counts.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "state/store_key.h"

namespace millrace {
namespace {

constexpr std::size_t kKeysPerLookup = 1'024;

/// Finds out by how much a run changes the number of rows, some keys at a time. One owner, one thread.
class RowChanges {
 public:
  explicit RowChanges(Disk& disk) : disk_(disk) {}

  /// Preconditions: a row key; keys ascend, none twice. `key` lives until Finish.
  Status Add(std::string_view key, bool lives) {
    keys_.emplace_back(key.data(), key.size());
    lives_.push_back(lives);
    return keys_.size() < kKeysPerLookup ? Status::Ok() : Look();
  }

  /// By table and slice, as RowGroup names them.
  Result<std::map<std::string, std::int64_t>> Finish() {
    MR_RETURN_IF_ERROR(Look());
    return std::move(changes_);
  }

 private:
  Status Look() {
    existed_.assign(keys_.size(), false);
    MR_RETURN_IF_ERROR(disk_.MultiGet(keys_, [this](std::size_t i, std::string_view) {
      existed_[i] = true;
      return Status::Ok();
    }));
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (lives_[i] == existed_[i]) continue;
      changes_[std::string(RowGroup(keys_[i].ToStringView()))] += lives_[i] ? 1 : -1;
    }
    keys_.clear();
    lives_.clear();
    return Status::Ok();
  }

  Disk& disk_;
  std::vector<rocksdb::Slice> keys_;
  std::vector<bool> lives_;
  std::vector<bool> existed_;
  std::map<std::string, std::int64_t> changes_;
};

}  // namespace

Status AddRowCounts(Disk& disk, RestoreRun* run) {
  RowChanges rows(disk);
  const std::string row_prefix = RowPrefix();
  MR_RETURN_IF_ERROR(run->ForEach([&](std::string_view key, std::optional<std::string_view> value) {
    return key.starts_with(row_prefix) ? rows.Add(key, value.has_value()) : Status::Ok();
  }));
  MR_ASSIGN_OR_RETURN(const auto changes, rows.Finish());
  for (const auto& [group, change] : changes) {
    const std::string count_key = ReservedKey(Reserved::kCount) + group;
    MR_ASSIGN_OR_RETURN(const std::optional<std::string> before, disk.Get(count_key));
    const std::int64_t rows_now = (before ? ReadInt64(*before) : 0) + change;
    if (rows_now < 0) return disk.Unverified("has fewer rows than it counted");
    std::string value;
    AppendInt64(rows_now, &value);
    run->Add("", count_key, rows_now > 0 ? std::optional<std::string_view>(value) : std::nullopt);
  }
  return Status::Ok();
}

}  // namespace millrace
