#include "engine/memory_budget.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

constexpr std::int64_t kGiB = 1LL << 30;

// What the parts may take together, by the sizes that the split assumes.
std::int64_t Sum(const MemoryBudget& budget, int workers) {
  const std::int64_t worker = 2 * budget.fetched_bytes.value() + 512 * budget.fetched_messages +
                              4 * budget.batch_bytes.value() + 256 * budget.batch_records +
                              budget.produced_bytes.value() + 512 * budget.produced_messages;
  return budget.rocksdb.value() + budget.state.value() + workers * worker;
}

TEST(MemoryBudget, PartsTogetherStayWithinTheWhole) {
  for (const std::int64_t memory : {kGiB / 2, kGiB, 64 * kGiB}) {
    for (const int workers : {1, 2, 4, 8}) {
      EXPECT_LE(Sum(SplitMemory(ByteCount(memory), workers), workers), memory)
          << memory << " bytes, " << workers << " workers";
    }
  }
}

TEST(MemoryBudget, MoreWorkersShareTheQueuesAndNotTheState) {
  const MemoryBudget one = SplitMemory(ByteCount(kGiB), 1);
  const MemoryBudget eight = SplitMemory(ByteCount(kGiB), 8);
  const MemoryBudget many = SplitMemory(ByteCount(kGiB), 64);
  EXPECT_EQ(eight.rocksdb, one.rocksdb);
  EXPECT_EQ(eight.state, one.state);
  EXPECT_LT(many.fetched_bytes, one.fetched_bytes);
  EXPECT_LT(many.fetched_messages, one.fetched_messages);
  EXPECT_EQ(eight.batch_bytes.value() * 8, one.batch_bytes.value());
  EXPECT_EQ(eight.produced_messages * 8, one.produced_messages);
}

TEST(MemoryBudget, TinyMemoryStillMovesRecords) {
  const MemoryBudget budget = SplitMemory(ByteCount(1), 4);
  EXPECT_GE(budget.fetched_messages, 1'000);
  EXPECT_GE(budget.batch_records, 1'000);
  EXPECT_GE(budget.produced_bytes, ByteCount(1 << 20));
}

TEST(MemoryBudget, BoundsOfTheUserWin) {
  kafka::Properties properties{{"queued.min.messages", "5"}};
  BoundQueues(SplitMemory(ByteCount(kGiB), 1), &properties);
  EXPECT_EQ(properties.at("queued.min.messages"), "5");
  EXPECT_EQ(properties.at("queued.max.messages.kbytes"), "8192");
  EXPECT_EQ(properties.at("max.partition.fetch.bytes"), "524288");
  EXPECT_EQ(properties.at("fetch.max.bytes"), "8388608");
  EXPECT_EQ(properties.at("queue.buffering.max.messages"), "131072");
}

TEST(MemoryBudget, AnAnswerOfSmallRecordsThatWereCompressedFits) {
  constexpr std::int64_t kFifty = 50;  // times their size
  for (const std::int64_t memory : {64 * kGiB / 1024, 256 * kGiB / 1024, kGiB}) {
    const MemoryBudget budget = SplitMemory(ByteCount(memory), 1);
    EXPECT_LE(kFifty * budget.answer_bytes.value(), memory / 16) << memory;
    EXPECT_GE(budget.answer_bytes.value(), 64 * 1024) << "what fetch.min.bytes waits for";
  }
}

}  // namespace
}  // namespace millrace
