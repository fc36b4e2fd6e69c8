// Random operations on a StateStore against std::map. Every failure prints its seed.

#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/state_store.h"
#include "state/text_rows.h"

namespace millrace {
namespace {

using Rows = std::map<std::pair<std::int64_t, std::string>, std::string>;

std::string ChangelogKey(std::int64_t slice, const std::string& key) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto byte = static_cast<unsigned char>(static_cast<std::uint64_t>(slice) >> shift);
    bytes.push_back(static_cast<char>(shift == 56 ? byte ^ 0x80U : byte));
  }
  return bytes + key;
}

/// A store, what it must hold, and its changelog; each step does one random thing to all.
class Model {
 public:
  Model(std::uint64_t seed, const std::string& directory)
      : random_(seed), directory_(directory), runtime_(*StateRuntime::Make(ByteCount(8 << 20))) {
    Reopen();
  }

  void Step() {
    if (random_() % 6 == 0) return FindAndChange();
    const std::uint64_t choice = random_() % 100;
    if (choice < 50) return Write();
    if (choice < 55) return PeekAndVisit();
    if (choice < 75) return Commit();
    if (choice < 82) return Rollback();
    if (choice < 92) return CloseOne();
    if (choice < 95) return Reopen();
    if (choice < 96) return Restore();
    if (choice < 98) return Follow();
    Check();
  }

  void Check() {
    Rows found;
    Expect(table_->Scan([&](std::int64_t slice, std::string_view key, std::uint32_t slot) {
      EXPECT_TRUE(found.empty() || found.rbegin()->first < std::pair(slice, std::string(key)))
          << "not in order";
      found[{slice, std::string(key)}] = rows_[slot];
      return Status::Ok();
    }));
    EXPECT_EQ(found, now_);
    EXPECT_EQ(table_->num_rows(), static_cast<std::int64_t>(now_.size()));
    std::map<std::string, std::string> dumped;
    Expect(store_->Dump([&](const ChangelogEntry& entry) {
      dumped[std::string(entry.key)] = *entry.value;
      return Status::Ok();
    }));
    EXPECT_EQ(dumped, changelog_);
  }

 private:
  static void Expect(const Status& status) { EXPECT_TRUE(status.ok()) << status.ToString(); }

  std::int64_t RandomSlice() { return static_cast<std::int64_t>(random_() % 6) * 10 - 20; }
  std::string RandomKey() {
    const std::uint64_t number = random_() % 60;
    return std::string(number % 3 == 0 ? "a rather long key, not kept inline " : "k") +
           std::to_string(number);
  }

  struct Picked {
    KeyList keys;
    std::vector<std::int64_t> slices;
    std::vector<std::string> names;
  };
  Picked RandomRows() {
    Picked rows;
    for (std::size_t n = random_() % 300; n > 0; --n) {
      rows.slices.push_back(RandomSlice());
      rows.names.push_back(RandomKey());
      rows.keys.Add(rows.names.back());
    }
    return rows;
  }

  void Write() {
    const auto [keys, slices, names] = RandomRows();
    const std::size_t n = names.size();
    std::vector<std::uint32_t> slots(n);
    Expect(table_->Lookup(slices, keys.column(), slots));
    for (std::size_t i = 0; i < n; ++i) {
      std::string& row = now_[{slices[i], names[i]}];
      ASSERT_EQ(rows_[slots[i]], row) << names[i];
      row = std::to_string(random_() % 1000);
      rows_[slots[i]] = row;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (random_() % 4 == 0 && now_.erase({slices[i], names[i]}) > 0) table_->Erase(slots[i]);
    }
  }

  void PeekAndVisit() {
    const std::int64_t slice = RandomSlice();
    const std::string key = RandomKey();
    Rows expected;
    if (const auto found = now_.find({slice, key}); found != now_.end()) expected.insert(*found);
    Rows found;
    const auto collect = [&](std::string_view name, std::uint32_t slot) {
      found[{slice, std::string(name)}] = rows_[slot];
      return Status::Ok();
    };
    Expect(table_->Peek(slice, key, collect));
    EXPECT_EQ(found, expected);
    expected.clear();
    for (const auto& row : now_) {
      if (row.first.first == slice) expected.insert(row);
    }
    found.clear();
    Expect(table_->Visit(slice, collect));
    EXPECT_EQ(found, expected);
    if (!expected.empty()) {
      EXPECT_EQ(table_->NextSlice(slice), slice);
    }
  }

  void FindAndChange() {
    const auto [keys, slices, names] = RandomRows();
    const std::size_t n = names.size();
    std::vector<std::uint32_t> slots(n);
    const std::int64_t dirty_before = store_->dirty_rows();
    Expect(table_->Find(slices, keys.column(), slots));
    EXPECT_EQ(store_->dirty_rows(), dirty_before);
    std::vector<std::uint32_t> changed;
    for (std::size_t i = 0; i < n; ++i) {
      const auto row = now_.find({slices[i], names[i]});
      ASSERT_EQ(slots[i] != KeyedTable::kNoSlot, row != now_.end()) << names[i];
      if (row == now_.end()) continue;
      ASSERT_EQ(rows_[slots[i]], row->second) << names[i];
      if (random_() % 2 == 0) continue;
      row->second = std::to_string(random_() % 1000);
      rows_[slots[i]] = row->second;
      changed.push_back(slots[i]);
    }
    table_->MarkDirty(changed);
  }

  void Commit() {
    std::map<std::string, std::string> changelog = changelog_;
    std::string last;
    Expect(store_->CollectDirty([&](const ChangelogEntry& entry) {
      const std::string key(entry.key);
      EXPECT_LT(last, key);
      last = key;
      if (entry.value) {
        changelog[key] = *entry.value;
      } else {
        EXPECT_EQ(changelog.erase(key), 1U) << "tombstone of a key never written";
      }
      return Status::Ok();
    }));
    if (random_() % 4 == 0) return Rollback();
    offset_ += 1;
    Expect(store_->CommitDirty({{"table", Offset(offset_)}}));
    changelog_ = changelog;
    committed_ = now_;
    std::map<std::string, std::string> expected;
    for (const auto& [key, value] : committed_) expected[ChangelogKey(key.first, key.second)] = value;
    EXPECT_EQ(changelog_, expected);
  }

  void Rollback() {
    Expect(store_->Rollback());
    now_ = committed_;
  }

  void CloseOne() {
    const std::int64_t slice = RandomSlice();
    Rows closed;
    Expect(table_->CloseSlice(slice, [&](std::string_view key, std::uint32_t slot) {
      closed[{slice, std::string(key)}] = rows_[slot];
      return Status::Ok();
    }));
    Rows expected;
    std::erase_if(now_, [&](const auto& row) {
      if (row.first.first != slice) return false;
      expected.insert(row);
      return true;
    });
    EXPECT_EQ(closed, expected);
  }

  void Reopen() {
    store_.reset();
    StateStoreOptions options;
    options.directory = directory_;
    options.layout = "table=text";
    options.max_rows_in_memory = random_() % 2 == 0 ? 1'000'000 : static_cast<std::int64_t>(random_() % 200);
    auto store = StateStore::Open(options, *runtime_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    table_ = *store_->AddTable("table", &rows_);
    now_ = committed_;
    EXPECT_EQ(store_->ChangelogOffset("table"), offset_ > 0 ? std::optional(Offset(offset_)) : std::nullopt);
  }

  void Restore() {
    Expect(store_->Rollback());
    Expect(store_->Wipe());
    std::vector<std::pair<std::string_view, std::optional<std::string_view>>> entries;
    for (const auto& [key, value] : changelog_) {
      entries.emplace_back(key, "older value");
      entries.emplace_back(key, std::nullopt);
      entries.emplace_back(key, value);
    }
    const std::size_t half = random_() % (entries.size() + 1);
    const auto middle = entries.begin() + static_cast<std::ptrdiff_t>(half);
    Expect(store_->ApplyChangelog("table", "id", {entries.begin(), middle}, Offset(1)));
    Expect(store_->ApplyChangelog("table", "id", {middle, entries.end()}, Offset(++offset_)));
    Expect(store_->FinishRestore());
    now_ = committed_;
  }

  /// Somebody else goes on with the changelog; the store applies what it reads of that, some at a time.
  void Follow() {
    Rollback();
    for (std::uint64_t parts = 1 + random_() % 3; parts > 0; --parts) {
      std::vector<std::pair<std::string, std::optional<std::string>>> read;
      for (std::uint64_t n = random_() % 20; n > 0; --n) {
        const auto row = std::pair(RandomSlice(), RandomKey());
        const std::string& key = read.emplace_back(ChangelogKey(row.first, row.second), std::nullopt).first;
        if (random_() % 3 == 0) {
          committed_.erase(row);
          changelog_.erase(key);
        } else {
          read.back().second = committed_[row] = changelog_[key] = std::to_string(random_() % 1000);
        }
      }
      Expect(store_->ApplyChangelog("table", "id", {read.begin(), read.end()}, Offset(++offset_)));
      if (random_() % 2 == 0) Expect(store_->WriteRestored());
      if (random_() % 4 == 0) Reopen();
    }
    Expect(store_->FinishRestore());
    now_ = committed_;
    Check();
  }

  std::mt19937_64 random_;
  const std::string directory_;
  const std::unique_ptr<StateRuntime> runtime_;
  TextRows rows_;
  std::unique_ptr<StateStore> store_;
  KeyedTable* table_ = nullptr;
  Rows now_;
  Rows committed_;
  std::map<std::string, std::string> changelog_;
  std::int64_t offset_ = 0;
};

class StateModelTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(StateModelTest, StoreHoldsWhatTheModelHolds) {
  const std::uint64_t seed = GetParam();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const ScratchDirectory scratch("state-model-" + std::to_string(seed));
  Model model(seed, scratch.path());
  for (int step = 0; step < 400 && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    model.Step();
  }
  model.Check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, StateModelTest, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace millrace
