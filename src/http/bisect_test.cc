#include "http/bisect.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "env/random.h"

namespace millrace {
namespace {

struct Sent {
  std::set<std::int64_t> accepted;
  std::set<std::int64_t> bad;
  std::int64_t requests = 0;
};

/// Sends parts to a far side that refuses every part with one of `bad` in it.
Sent Send(std::int64_t items, const std::set<std::int64_t>& bad) {
  BatchBisection parts(items);
  Sent run;
  while (const auto part = parts.Next()) {
    EXPECT_EQ(parts.Next(), part) << "the same part until its outcome is known";
    const auto first = bad.lower_bound(part->begin);
    if (first != bad.end() && *first < part->begin + part->count) {
      parts.Refused();
      continue;
    }
    for (std::int64_t i = part->begin; i < part->begin + part->count; ++i) {
      EXPECT_TRUE(run.accepted.insert(i).second) << "item " << i << " was accepted twice";
    }
    parts.Accepted();
  }
  run.bad.insert(parts.bad().begin(), parts.bad().end());
  EXPECT_EQ(run.bad.size(), parts.bad().size());
  run.requests = parts.requests();
  return run;
}

TEST(BatchBisection, SendsAGoodBatchOnceAndAnEmptyOneNever) {
  EXPECT_EQ(Send(2000, {}).requests, 1);
  EXPECT_EQ(Send(2000, {}).accepted.size(), 2000U);
  EXPECT_EQ(Send(0, {}).requests, 0);
}

TEST(BatchBisection, FindsOneBadItemInAtMostTwiceTheLogarithmAndOneRequests) {
  for (std::int64_t items = 1; items <= 2000;
       items = items < 70 ? items + 1 : items * 5 / 4 + (items < 1700 ? 0 : 2000 - items)) {
    for (std::int64_t bad = 0; bad < items; ++bad) {
      const Sent run = Send(items, {bad});
      ASSERT_EQ(run.bad, (std::set<std::int64_t>{bad})) << items;
      ASSERT_EQ(run.accepted.size(), static_cast<std::size_t>(items - 1)) << items << ", bad " << bad;
      ASSERT_LE(static_cast<double>(run.requests), 2 * std::log2(static_cast<double>(items)) + 1)
          << items << ", bad " << bad;
    }
    if (items == 2000) break;
  }
}

TEST(BatchBisection, FindsAnyNumberOfBadItems) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    const std::int64_t items = random.Between(1, 300);
    std::set<std::int64_t> bad;
    for (std::int64_t i = 0; i < items; ++i) {
      if (random.OneIn(1 + random.Below(static_cast<std::uint64_t>(items)))) bad.insert(i);
    }
    const Sent run = Send(items, bad);
    EXPECT_EQ(run.bad, bad);
    EXPECT_EQ(run.accepted.size() + run.bad.size(), static_cast<std::size_t>(items));
    EXPECT_LE(run.requests, 2 * items - 1);
  }
}

TEST(BatchBisection, BelievesAFarSideThatTakesEveryPartOfWhatItRefused) {
  // As one that finds the whole too large: nothing is bad.
  BatchBisection parts(100);
  parts.Refused();
  std::int64_t accepted = 0;
  while (const auto part = parts.Next()) {
    accepted += part->count;
    parts.Accepted();
  }
  EXPECT_EQ(accepted, 100);
  EXPECT_TRUE(parts.bad().empty());
}

}  // namespace
}  // namespace millrace
