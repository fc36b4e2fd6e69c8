#include "state/state_store.h"

#include <gmock/gmock.h>

#include "state/state_store_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(StateStoreTest, UnknownKeyGetsAClearedRowAndKeepsIt) {
  Open();
  EXPECT_EQ(Get(0, "a"), "");
  Put(0, "a", "1");
  Put(7, "a", "other slice");
  Put(0, std::string("a\0b", 3), "zero byte");
  Put(0, "", "empty key");
  Put(0, "a key that is longer than twelve bytes", "long");
  EXPECT_EQ(Get(0, "a"), "1");
  EXPECT_EQ(Get(7, "a"), "other slice");
  EXPECT_EQ(Get(0, std::string("a\0b", 3)), "zero byte");
  EXPECT_EQ(Get(0, ""), "empty key");
  EXPECT_EQ(Get(0, "a key that is longer than twelve bytes"), "long");
  EXPECT_EQ(table_->num_rows(), 5);
}

TEST_F(StateStoreTest, RepeatedKeyInOneLookupHasOneSlot) {
  Open();
  KeyList keys;
  for (const char* key : {"a", "b", "a", "a"}) keys.Add(key);
  const std::vector<std::int64_t> slices{1, 1, 1, 2};
  std::vector<std::uint32_t> slots(4);
  ASSERT_TRUE(table_->Lookup(slices, keys.column(), slots).ok());
  EXPECT_EQ(slots[0], slots[2]);
  EXPECT_NE(slots[0], slots[1]);
  EXPECT_NE(slots[0], slots[3]);
  EXPECT_EQ(store_->dirty_rows(), 3);
}

TEST_F(StateStoreTest, OnlyWhatWasCommittedSurvivesReopening) {
  Open();
  Put(0, "a", "1");
  Put(0, "b", "2");
  Commit(10);
  Put(0, "a", "changed");
  Put(0, "c", "new");
  Open();
  EXPECT_THAT(Rows(), ElementsAre("0/a=1", "0/b=2"));
  EXPECT_EQ(store_->ChangelogOffset("counts"), Offset(10));
  EXPECT_EQ(store_->LastCommitted(), EventTime(1'000'000));
  EXPECT_EQ(table_->num_rows(), 2);
  EXPECT_EQ(Get(0, "a"), "1");
}

TEST_F(StateStoreTest, RollbackTakesMemoryBackToDisk) {
  Open();
  Put(0, "a", "1");
  Put(5, "a", "2");
  Commit(1);
  Put(0, "a", "changed");
  Put(0, "b", "new");
  Put(9, "z", "new slice");
  EXPECT_THAT(Close(5), ElementsAre("5/a=2"));
  Put(5, "a", "back again");
  ASSERT_TRUE(store_->Rollback().ok());
  EXPECT_EQ(store_->dirty_rows(), 0);
  EXPECT_THAT(table_->Slices(), ElementsAre(0, 5));
  EXPECT_THAT(Rows(), ElementsAre("0/a=1", "5/a=2"));
  EXPECT_EQ(Get(5, "a"), "2");
  EXPECT_EQ(Get(0, "b"), "");
}

TEST_F(StateStoreTest, ClosedSliceIsVisitedInKeyOrderAndLeavesATombstonePerCommittedKey) {
  Open();
  Put(-60, "b", "1");
  Put(-60, "a", "2");
  Put(0, "a", "3");
  Commit(1);
  Put(-60, "c", "never committed");
  EXPECT_THAT(table_->Slices(), ElementsAre(-60, 0));
  EXPECT_EQ(table_->FirstSlice(), -60);
  EXPECT_THAT(Close(-60), ElementsAre("-60/a=2", "-60/b=1", "-60/c=never committed"));
  EXPECT_THAT(table_->Slices(), ElementsAre(0));
  EXPECT_EQ(store_->dirty_rows(), 2);
  EXPECT_THAT(Dirty(), ElementsAre("a gone", "b gone"));
  Commit(3);
  EXPECT_THAT(Dirty(), IsEmpty());
  Open();
  EXPECT_THAT(Rows(), ElementsAre("0/a=3"));
  EXPECT_THAT(Close(77), IsEmpty());
}

TEST_F(StateStoreTest, KeyThatComesBackAfterItsSliceWasClosedIsWrittenNotDeleted) {
  Open();
  Put(0, "a", "1");
  Put(0, "b", "1");
  Put(0, "d", "1");
  Commit(1);
  Close(0);
  EXPECT_EQ(Get(0, "b"), "");
  Put(0, "b", "2");
  Put(0, "c", "2");
  EXPECT_THAT(Dirty(), ElementsAre("a gone", "b=2", "c=2", "d gone"));
  Commit(5);
  Open();
  EXPECT_THAT(Rows(), ElementsAre("0/b=2", "0/c=2"));
  EXPECT_EQ(table_->num_rows(), 2);
}

TEST_F(StateStoreTest, DirtyEntriesComeByTableThenSliceThenKey) {
  options_.layout = "a=text\ncounts=text\n";
  Open();
  TextRows other_rows;
  KeyedTable* const other = *store_->AddTable("a", &other_rows);
  Put(3, "x", "1");
  Put(-3, "y", "2");
  Put(-3, "longer than twelve bytes", "3");
  KeyList keys;
  keys.Add("k");
  const std::int64_t slice = 0;
  std::uint32_t slot = 0;
  ASSERT_TRUE(other->Lookup({&slice, 1}, keys.column(), {&slot, 1}).ok());
  std::vector<std::string> order;
  ASSERT_TRUE(store_
                  ->CollectDirty([&](const ChangelogEntry& entry) {
                    order.push_back(std::string(entry.table) + ":" + std::string(entry.key.substr(8)));
                    return Status::Ok();
                  })
                  .ok());
  EXPECT_THAT(order, ElementsAre("a:k", "counts:longer than twelve bytes", "counts:y", "counts:x"));
}

TEST_F(StateStoreTest, RowsBeyondTheBoundLeaveMemoryAndAreReadAgain) {
  options_.max_rows_in_memory = 100;
  Open();
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 500; ++i)
      Put(i % 3, "a long enough key number " + std::to_string(i), std::to_string(round));
    Commit(round);
  }
  EXPECT_EQ(table_->num_rows(), 500);
  const std::int64_t memory = store_->memory_bytes();
  EXPECT_LT(memory, 500 * 1024);
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(Get(i % 3, "a long enough key number " + std::to_string(i)), "19") << i;
  }
  Commit(99);
  EXPECT_EQ(Rows().size(), 500U);
  EXPECT_EQ(Close(1).size(), 167U);
  EXPECT_EQ(table_->num_rows(), 333);
}

/// Texts that tell what they take.
class CountedTexts final : public SlotRows {
 public:
  void Resize(std::uint32_t slots) override { texts_.resize(slots); }
  void Clear(std::uint32_t slot) override { Set(slot, ""); }
  void Encode(std::uint32_t slot, std::string* out) const override { out->append(texts_[slot]); }
  Status Decode(std::uint32_t slot, std::string_view bytes) override {
    Set(slot, bytes);
    return Status::Ok();
  }
  std::int64_t memory_bytes() const override {
    return aside_bytes_ + static_cast<std::int64_t>(texts_.capacity() * sizeof(std::string));
  }
  std::int64_t aside_bytes() const override { return aside_bytes_; }

  void Set(std::uint32_t slot, std::string_view text) {
    aside_bytes_ += static_cast<std::int64_t>(text.size()) - static_cast<std::int64_t>(texts_[slot].size());
    std::string(text).swap(texts_[slot]);
  }
  std::string_view operator[](std::uint32_t slot) const { return texts_[slot]; }

 private:
  std::vector<std::string> texts_;
  std::int64_t aside_bytes_ = 0;
};

class LargeRowsTest : public StateStoreTest {
 protected:
  static constexpr std::int64_t kShare = 1 << 20;

  void OpenWithShare() {
    options_.layout = "counts=text\nlarge=text\n";
    options_.max_bytes_in_memory = kShare;
    Open();
    large_ = *store_->AddTable("large", &texts_);
  }
  std::uint32_t SlotOf(std::int64_t slice, const std::string& key) {
    KeyList keys;
    keys.Add(key);
    std::uint32_t slot = 0;
    EXPECT_TRUE(large_->Lookup({&slice, 1}, keys.column(), {&slot, 1}).ok());
    return slot;
  }

  CountedTexts texts_;
  KeyedTable* large_ = nullptr;
};

TEST_F(LargeRowsTest, LeaveMemoryByTheirBytesAndAreReadAgain) {
  OpenWithShare();
  const auto text = [](int i) { return std::string(6000, static_cast<char>('a' + i % 26)); };
  for (int i = 0; i < 1000; ++i) {
    texts_.Set(SlotOf(0, std::to_string(i)), text(i));
    if (i % 20 != 19) continue;
    Commit(i);
    ASSERT_LT(store_->memory_bytes(), 2 * kShare) << i;
  }
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(texts_[SlotOf(0, std::to_string(i))], text(i)) << i;
    if (i % 20 == 19) Commit(1000 + i);
  }
  EXPECT_LT(store_->memory_bytes(), 2 * kShare);
}

TEST_F(LargeRowsTest, LeaveMoreRoomWhereMoreWasDerivedFromThem) {
  OpenWithShare();
  const auto fill = [this](int commit) {
    for (int i = 0; i < 100; ++i) texts_.Set(SlotOf(commit, std::to_string(i)), std::string(6000, 'x'));
    Commit(commit);
    return texts_.aside_bytes();
  };
  EXPECT_GT(fill(1), kShare / 2) << "they fit";
  large_->NoteDerivedBytes(kShare / 2);
  EXPECT_LT(fill(2), kShare / 2);
  large_->NoteDerivedBytes(100 * kShare);
  EXPECT_LT(fill(3), kShare / 4);
  EXPECT_GT(texts_.aside_bytes(), 0) << "some stay, whatever was derived";
}

TEST_F(LargeRowsTest, OfLongKeysLeaveMemoryToo) {
  OpenWithShare();
  for (int i = 0; i < 1000; ++i) {
    SlotOf(0, std::to_string(i) + std::string(6000, 'k'));
    if (i % 20 != 19) continue;
    Commit(i);
    ASSERT_LT(store_->memory_bytes(), 4 * kShare) << i;  // keys that were given up may be half of those there
  }
  EXPECT_EQ(large_->num_rows(), 1000);
}

TEST_F(LargeRowsTest, GiveTheirMemoryBackWhenTheyGo) {
  OpenWithShare();
  const auto fill = [this](std::int64_t slice) {
    for (int i = 0; i < 50; ++i) texts_.Set(SlotOf(slice, std::to_string(i)), std::string(6000, 'x'));
  };
  const auto close = [this](std::int64_t slice) {
    return large_->CloseSlice(slice, [](std::string_view, std::uint32_t) { return Status::Ok(); });
  };
  fill(0);
  ASSERT_TRUE(close(0).ok());
  EXPECT_EQ(texts_.aside_bytes(), 0) << "a slice that was never committed";
  fill(1);
  Commit(1);
  ASSERT_TRUE(close(1).ok());
  EXPECT_EQ(texts_.aside_bytes(), 300'000) << "a rollback would bring it back";
  Commit(2);
  EXPECT_EQ(texts_.aside_bytes(), 0) << "a slice that was committed";
  fill(2);
  for (int i = 0; i < 50; ++i) large_->Erase(SlotOf(2, std::to_string(i)));
  EXPECT_EQ(texts_.aside_bytes(), 0) << "erased rows";
  fill(2);
  ASSERT_TRUE(store_->Rollback().ok());
  EXPECT_EQ(texts_.aside_bytes(), 0) << "rows that were rolled back";
  fill(3);
  ASSERT_TRUE(store_->Wipe().ok());
  EXPECT_EQ(texts_.aside_bytes(), 0) << "wiped rows";
}

TEST_F(StateStoreTest, RestoreWritesEntriesAndGoesOnWhereItStopped) {
  Open();
  std::vector<std::string> keys;
  for (int i = 0; i < 3; ++i) {
    const char slice_zero[] = {'\x80', 0, 0, 0, 0, 0, 0, 0};
    keys.push_back(std::string(slice_zero, 8) + "k" + std::to_string(i));
  }
  ASSERT_TRUE(store_->ApplyChangelog("counts", "topic-1", {{keys[0], "a"}, {keys[1], "b"}}, Offset(2)).ok());
  EXPECT_EQ(store_->ChangelogOffset("counts"), Offset(2));
  Open();  // the restore was interrupted
  EXPECT_EQ(store_->ChangelogOffset("counts"), Offset(2));
  EXPECT_EQ(store_->ChangelogId("counts"), "topic-1");
  EXPECT_EQ(table_->num_rows(), 2);
  ASSERT_TRUE(
      store_->ApplyChangelog("counts", "topic-1", {{keys[0], std::nullopt}, {keys[2], "c"}}, Offset(4)).ok());
  ASSERT_TRUE(store_->FinishRestore().ok());
  EXPECT_THAT(Rows(), ElementsAre("0/k1=b", "0/k2=c"));
  EXPECT_EQ(Get(0, "k1"), "b");
  EXPECT_EQ(Get(0, "k0"), "");
  Commit(6);
  EXPECT_EQ(store_->ChangelogId("counts"), "topic-1");
  EXPECT_EQ(table_->num_rows(), 3);
}

TEST_F(StateStoreTest, WipeLeavesNothing) {
  Open();
  Put(0, "a", "1");
  Commit(1);
  Put(0, "b", "2");
  ASSERT_TRUE(store_->Wipe().ok());
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_EQ(store_->ChangelogOffset("counts"), std::nullopt);
  EXPECT_EQ(Get(0, "a"), "");
  Commit(7);
  Open();
  EXPECT_EQ(store_->ChangelogOffset("counts"), Offset(7));
  EXPECT_THAT(Rows(), ElementsAre("0/a="));
}

TEST_F(StateStoreTest, DumpShowsCommittedEntriesOnly) {
  Open();
  Put(0, "b", "1");
  Put(0, "a", "2");
  Commit(1);
  Put(0, "c", "3");
  std::vector<std::string> entries;
  ASSERT_TRUE(store_
                  ->Dump([&](const ChangelogEntry& entry) {
                    entries.push_back(std::string(entry.key.substr(8)) + "=" + std::string(*entry.value));
                    return Status::Ok();
                  })
                  .ok());
  EXPECT_THAT(entries, ElementsAre("a=2", "b=1"));
}

TEST_F(StateStoreTest, FailedVisitChangesNothing) {
  Open();
  Put(0, "a", "1");
  Commit(1);
  Put(0, "b", "2");
  const auto fail = [](std::string_view, std::uint32_t) { return Status::Cancelled("no"); };
  EXPECT_EQ(table_->CloseSlice(0, fail).code(), StatusCode::kCancelled);
  const Status status = store_->CollectDirty([](const ChangelogEntry&) { return Status::Cancelled("no"); });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_THAT(Rows(), ElementsAre("0/a=1", "0/b=2"));
  EXPECT_THAT(Dirty(), ElementsAre("b=2"));
}

TEST_F(StateStoreTest, RowThatCannotBeReadIsCorruptAndNamesTheDirectory) {
  Open();
  Put(0, "a", "broken");
  Commit(1);
  Open();
  KeyList keys;
  keys.Add("a");
  const std::int64_t slice = 0;
  std::uint32_t slot = 0;
  const Status status = table_->Lookup({&slice, 1}, keys.column(), {&slot, 1});
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_THAT(status.message(), HasSubstr(options_.directory));
}

TEST_F(StateStoreTest, CommitFlushesWhenTheIntervalHasPassed) {
  const auto files = [this] {
    std::int64_t count = 0;
    const auto entries = *ListDirectory(options_.directory);
    for (const DirectoryEntry& entry : entries) count += entry.name.ends_with(".sst") ? 1 : 0;
    return count;
  };
  Open();
  Put(0, "a", "1");
  Commit(1);
  EXPECT_EQ(files(), 0);
  clock_.Advance(Duration(59'000));
  Put(0, "a", "2");
  Commit(2);
  EXPECT_EQ(files(), 0);
  clock_.Advance(Duration(2'000));
  Put(0, "a", "3");
  Commit(3);
  store_.reset();
  EXPECT_GE(files(), 1);
}

TEST_F(StateStoreTest, FlushesThatComeFasterThanTheyEndWaitForThem) {
  Open();
  for (std::int64_t i = 1; i <= 20; ++i) {
    for (int key = 0; key < 500; ++key)
      Put(0, std::to_string(key), std::string(4'000, static_cast<char>('a' + i)));
    for (int again = 0; again < 2; ++again) {  // the second time there is nothing to be written
      clock_.Advance(Duration(61'000));
      Commit(i);
    }
  }
}

// W9
TEST_F(StateStoreTest, ARowErasedBeforeItsSliceIsClosedDoesNotComeBack) {
  Open();
  Put(10, "a", "1");
  Commit(1);
  Open();
  const std::int64_t slice = 10;
  KeyList keys;
  keys.Add("a");
  std::uint32_t slot = 0;
  ASSERT_TRUE(table_->Lookup({&slice, 1}, keys.column(), {&slot, 1}).ok());
  table_->Erase(slot);
  Commit(2);
  ASSERT_TRUE(table_->CloseSlice(slice, [](std::string_view, std::uint32_t) { return Status::Ok(); }).ok());
  Put(20, "b", "2");
  Commit(3);
  Open();
  EXPECT_THAT(Rows(), ElementsAre("20/b=2"));
}

TEST_F(StateStoreTest, CommitWithoutChangesIsWrittenOncePerHour) {
  Open();
  Put(0, "a", "1");
  Commit(1);
  Open();
  clock_.Advance(Duration(120'000));
  Commit(1);
  Open();
  EXPECT_EQ(store_->LastCommitted(), EventTime(1'000'000));
  clock_.Advance(Duration(3'600'000));
  Commit(1);
  Open();
  EXPECT_EQ(store_->LastCommitted(), EventTime(1'000'000 + 3'720'000));
}

TEST_F(StateStoreTest, RowsAreSelectedFromMemoryAndDisk) {
  options_.max_rows_in_memory = 1;
  Open();
  Put(0, "anna", "1");
  Put(0, "annabel", "2");
  Put(10, "anna", "3");
  Put(10, "bob", "4");
  Commit(1);
  Put(10, "carl", "5");
  Commit(2);
  const auto select = [&](const RowQuery& query) {
    std::string shown;
    const auto more =
        store_->Select("counts", query, [&](std::int64_t slice, std::string_view key, std::string_view row) {
          shown += std::to_string(slice) + std::string(key) + "=" + std::string(row) + " ";
          return Status::Ok();
        });
    EXPECT_TRUE(more.ok()) << more.status().ToString();
    return shown + (*more ? "..." : "");
  };
  EXPECT_EQ(select({}), "0anna=1 0annabel=2 10anna=3 10bob=4 10carl=5 ");
  EXPECT_EQ(select({.slice = 10}), "10anna=3 10bob=4 10carl=5 ");
  EXPECT_EQ(select({.key = "anna"}), "0anna=1 0annabel=2 10anna=3 ");
  EXPECT_EQ(select({.key = "anna", .whole_key = true}), "0anna=1 10anna=3 ");
  EXPECT_EQ(select({.key = "nna", .whole_key = true, .skip = 1}), "0anna=1 10anna=3 ");
  EXPECT_EQ(select({.limit = 2}), "0anna=1 0annabel=2 ...");
  EXPECT_EQ(select({.limit = 5}), "0anna=1 0annabel=2 10anna=3 10bob=4 10carl=5 ");
  EXPECT_EQ(select({.slice = 20}), "");
}

}  // namespace
}  // namespace millrace
