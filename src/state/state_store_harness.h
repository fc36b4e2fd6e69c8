#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "env/file.h"
#include "state/state_store.h"
#include "state/text_rows.h"

namespace millrace {

inline constexpr std::string_view kTextLayout = "counts=text\n";

/// A store of one table of texts, in a directory of its own, and its rows and changes as text.
class StateStoreTest : public testing::Test {
 protected:
  StateStoreTest()
      : scratch_(testing::UnitTest::GetInstance()->current_test_info()->name()),
        runtime_(*StateRuntime::Make(ByteCount(16 << 20))) {
    options_.directory = scratch_.path() + "/app/task_0";
    options_.layout = kTextLayout;
    options_.identity = "app/task_0";
    options_.clock = &clock_;
  }

  void Open() {
    table_ = nullptr;
    store_.reset();
    auto store = StateStore::Open(options_, *runtime_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    auto table = store_->AddTable("counts", &rows_);
    ASSERT_TRUE(table.ok()) << table.status().ToString();
    table_ = *table;
  }

  Status OpenError() { return StateStore::Open(options_, *runtime_).status(); }

  void Put(std::int64_t slice, const std::string& key, const std::string& value) {
    KeyList keys;
    keys.Add(key);
    std::uint32_t slot = 0;
    const Status status = table_->Lookup({&slice, 1}, keys.column(), {&slot, 1});
    ASSERT_TRUE(status.ok()) << status.ToString();
    rows_[slot] = value;
  }
  std::string Get(std::int64_t slice, const std::string& key) {
    KeyList keys;
    keys.Add(key);
    std::uint32_t slot = 0;
    const Status status = table_->Lookup({&slice, 1}, keys.column(), {&slot, 1});
    EXPECT_TRUE(status.ok()) << status.ToString();
    return rows_[slot];
  }
  void Commit(std::int64_t offset) {
    const Status status = store_->CommitDirty({{"counts", Offset(offset)}});
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  static std::string Text(std::int64_t slice, std::string_view key, std::string_view value) {
    return std::to_string(slice) + "/" + std::string(key) + "=" + std::string(value);
  }
  std::vector<std::string> Rows() {
    std::vector<std::string> rows;
    const Status status = table_->Scan([&](std::int64_t slice, std::string_view key, std::uint32_t slot) {
      rows.push_back(Text(slice, key, rows_[slot]));
      return Status::Ok();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return rows;
  }
  std::vector<std::string> Close(std::int64_t slice) {
    std::vector<std::string> rows;
    const Status status = table_->CloseSlice(slice, [&](std::string_view key, std::uint32_t slot) {
      rows.push_back(Text(slice, key, rows_[slot]));
      return Status::Ok();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return rows;
  }
  std::vector<std::string> Dirty() {
    std::vector<std::string> entries;
    const Status status = store_->CollectDirty([&](const ChangelogEntry& entry) {
      EXPECT_EQ(entry.table, "counts");
      entries.push_back(std::string(entry.key.substr(8)) +
                        (entry.value ? "=" + std::string(*entry.value) : " gone"));
      return Status::Ok();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return entries;
  }

  ScratchDirectory scratch_;
  ManualClock clock_{EventTime(1'000'000)};
  std::unique_ptr<StateRuntime> runtime_;
  StateStoreOptions options_;
  TextRows rows_;
  std::unique_ptr<StateStore> store_;
  KeyedTable* table_ = nullptr;
};

}  // namespace millrace
