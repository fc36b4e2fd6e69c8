// Filter, project, explode and rekey: what passes, what is counted, what becomes a dead letter.

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/tombstone_column.h"
#include "ops/explode.h"
#include "ops/filter.h"
#include "ops/ops_harness.h"
#include "ops/project.h"
#include "ops/rekey.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BoundExpr Bind(const std::string& text, const RowFeed& feed) {
  auto bound = BoundExpr::Bind(*ParseExpr(text), WithTombstoneField(feed.schema()));
  MR_CHECK(bound.ok()) << bound.status().ToString();
  return *bound;
}

/// Runs `rows` through `made` as one batch.
CollectedOutput RunBatch(Result<std::unique_ptr<Operator>> made, RowFeed& feed,
                         const std::vector<std::string>& rows) {
  MR_CHECK(made.ok()) << made.status().ToString();
  CollectedOutput output;
  const Status status = (*made)->Process(feed.Make(rows), output);
  EXPECT_TRUE(status.ok()) << status.ToString();
  for (const Batch& batch : output.batches)
    EXPECT_TRUE(batch.data->schema()->Equals((*made)->output_schema()));
  return output;
}

// R2 R4
TEST(Filter, KeepsTrueAndDropsFalseNullAndTombstones) {
  RowFeed feed("v: int64");
  const auto output = RunBatch(MakeFilter(Bind("v > 1", feed), feed.schema()), feed,
                               {"v=1", "v=2", "v=null", "tombstone", "v=3"});
  EXPECT_THAT(output.emitted, ElementsAre("v=2", "v=3"));
  EXPECT_EQ(output.filtered, 3);
  EXPECT_EQ(output.batches.at(0).OffsetOf(1), Offset(4));
}

// R2
TEST(Filter, TombstonePassesWhenThePredicateAcceptsIt) {
  const std::vector<std::string> rows{"v=1", "tombstone", "v=null"};
  struct Case {
    std::string predicate;
    std::vector<std::string> kept;
  };
  for (const Case& c : std::vector<Case>{{"v is null", {"tombstone v=null", "v=null"}},
                                         {"_tombstone", {"tombstone v=null"}},
                                         {"not _tombstone", {"v=1", "v=null"}},
                                         {"null", {}},
                                         {"true", {"v=1", "tombstone v=null", "v=null"}}}) {
    RowFeed feed("v: int64");
    const auto output = RunBatch(MakeFilter(Bind(c.predicate, feed), feed.schema()), feed, rows);
    EXPECT_EQ(output.emitted, c.kept) << c.predicate;
    EXPECT_EQ(output.filtered, 3 - static_cast<std::int64_t>(c.kept.size()));
  }
}

// R3 R8
TEST(Filter, RowOnWhichThePredicateFailsIsADeadLetterOnce) {
  RowFeed feed("v: int64");
  const auto output =
      RunBatch(MakeFilter(Bind("10 / v > 2", feed), feed.schema()), feed, {"v=1", "v=0", "v=9", "tombstone"});
  EXPECT_THAT(output.emitted, ElementsAre("v=1"));
  ASSERT_EQ(output.dead_letters.size(), 1U);
  EXPECT_THAT(output.dead_letters[0], HasSubstr("v=0 class=divide_by_zero"));
  EXPECT_EQ(output.filtered, 2);
}

TEST(Filter, NeedsABoolean) {
  RowFeed feed("v: int64");
  EXPECT_THAT(MakeFilter(Bind("v + 1", feed), feed.schema()).status().message(), HasSubstr("boolean"));
}

TEST(Project, ComputesColumnsFromTheInputAndKeepsOrder) {
  RowFeed feed("a: int64; b: string");
  const auto output =
      RunBatch(MakeProject({{"b2", 1}, {"a", Bind("a + 1", feed)}, {"was", Bind("a", feed)}}, *feed.schema()),
               feed, {"a=1 b=x", "a=null b=null"});
  EXPECT_THAT(output.emitted, ElementsAre("b2=x a=2 was=1", "b2=null a=null was=null"));
}

// R2
TEST(Project, TombstoneKeepsAllColumnsNull) {
  RowFeed feed("v: int64");
  const auto output =
      RunBatch(MakeProject({{"w", Bind("coalesce(v, 0) + 1", feed)}, {"x", Bind("7", feed)}}, *feed.schema()),
               feed, {"v=1", "tombstone", "v=null"});
  EXPECT_THAT(output.emitted, ElementsAre("w=2 x=7", "tombstone w=null x=null", "w=1 x=7"));
}

// R2
TEST(Project, ForASinkThatDeletesTombstonesHaveWhatTheirKeyGives) {
  RowFeed feed("v: int64");
  const auto output = RunBatch(
      MakeProject({{"w", Bind("coalesce(v, 0) + 1", feed)}, {"x", Bind("10 / coalesce(v, 0)", feed)}},
                  *feed.schema(), TombstoneValues::kMade),
      feed, {"v=1", "tombstone"});
  EXPECT_THAT(output.emitted, ElementsAre("w=2 x=10", "tombstone w=1 x=null"));
  EXPECT_TRUE(output.dead_letters.empty());
}

// R3 R4
TEST(Project, RowThatFailsInSeveralColumnsIsOneDeadLetter) {
  RowFeed feed("v: int64");
  const auto output = RunBatch(MakeProject({{"x", Bind("10 / v", feed)},
                                            {"y", Bind("7 % v", feed)},
                                            {"z", Bind("v * 9223372036854775807", feed)}},
                                           *feed.schema()),
                               feed, {"v=2", "v=0", "v=1"});
  EXPECT_THAT(output.emitted, ElementsAre("x=10 y=0 z=9223372036854775807"));
  ASSERT_EQ(output.dead_letters.size(), 2U);
  EXPECT_THAT(output.dead_letters[0], HasSubstr("v=2 class=overflow"));
  EXPECT_THAT(output.dead_letters[1], HasSubstr("v=0 class=divide_by_zero"));
}

TEST(Explode, GivesOneRowPerElementAndRepeatsTheOthers) {
  const std::vector<std::string> rows{"k=a l=[1, 2]", "k=b l=[]", "k=c l=null", "tombstone", "k=d l=[null]"};
  RowFeed feed("k: string; l: list<int64>");
  const auto dropped = RunBatch(MakeExplode("l", false, *feed.schema()), feed, rows);
  EXPECT_THAT(dropped.emitted, ElementsAre("k=a l=1", "k=a l=2", "tombstone k=null l=null", "k=d l=null"));
  EXPECT_EQ(dropped.filtered, 2);
  EXPECT_EQ(dropped.batches.at(0).OffsetOf(1), Offset(0));
  EXPECT_EQ(dropped.batches.at(0).OffsetOf(3), Offset(4));
  RowFeed again("k: string; l: list<int64>");
  const auto kept = RunBatch(MakeExplode("l", true, *again.schema()), again, rows);
  EXPECT_THAT(kept.emitted, ElementsAre("k=a l=1", "k=a l=2", "k=b l=null", "k=c l=null",
                                        "tombstone k=null l=null", "k=d l=null"));
  EXPECT_EQ(kept.filtered, 0);
}

TEST(Explode, WorksOnSlicesOfABatch) {
  RowFeed feed("k: string; l: list<string>");
  const auto explode = *MakeExplode("l", false, *feed.schema());
  const Batch batch = feed.Make({R"(k=a l=["x"])", R"(k=b l=["y", "z"])", R"(k=c l=["w"])"});
  CollectedOutput output;
  ASSERT_TRUE(explode->Process(SliceBatch(batch, 1, 2), output).ok());
  EXPECT_THAT(output.emitted, ElementsAre("k=b l=y", "k=b l=z", "k=c l=w"));
}

TEST(Explode, ManyElementsBesideLongTextsComeInBatchesOfBoundedBytes) {
  RowFeed feed("k: string; l: list<int64>");
  std::string list = "[0";
  for (int i = 1; i < 1000; ++i) list += ", " + std::to_string(i);
  const std::string text(100'000, 'x');
  const auto output = RunBatch(MakeExplode("l", false, *feed.schema()), feed,
                               {"k=a l=[7]", "k=" + text + " l=" + list + "]", "k=b l=[8, 9]"});
  ASSERT_EQ(output.emitted.size(), 1003U);
  EXPECT_EQ(output.emitted.front(), "k=a l=7");
  EXPECT_EQ(output.emitted[1000], "k=" + text + " l=999");
  EXPECT_EQ(output.emitted.back(), "k=b l=9");
  EXPECT_EQ(output.batches.size(), 3U) << "100 MB in pieces of 32 MiB";
  for (const Batch& batch : output.batches) EXPECT_LE(batch.num_rows(), 337);
}

TEST(Explode, TakesMemoryForEachElementAndNotForItsListAgain) {
  RowFeed feed("k: string; l: list<int64>; m: int64");
  constexpr int kElements = 4'000;
  std::string list = "[0";
  for (int i = 1; i < kElements; ++i) list += ", " + std::to_string(i);
  const Batch batch = feed.Make({"k=a l=" + list + "] m=1"});
  const auto explode = *MakeExplode("l", false, *feed.schema());
  CollectedOutput output;
  const std::int64_t before = arrow::default_memory_pool()->total_bytes_allocated();
  ASSERT_TRUE(explode->Process(batch, output).ok());
  const std::int64_t taken = arrow::default_memory_pool()->total_bytes_allocated() - before;
  EXPECT_EQ(output.emitted.size(), static_cast<std::size_t>(kElements));
  EXPECT_EQ(output.emitted.back(), "k=a l=3999 m=1");
  EXPECT_LT(taken, kElements * 1'000) << "a list is 32,000 bytes";
}

TEST(Explode, ALoneColumnNeedsNoOthers) {
  RowFeed feed("l: list<int64>");
  const auto output = RunBatch(MakeExplode("l", false, *feed.schema()), feed, {"l=[1, 2]", "l=[3]"});
  EXPECT_THAT(output.emitted, ElementsAre("l=1", "l=2", "l=3"));
}

TEST(Explode, NeedsAListColumn) {
  RowFeed feed("k: string; t: list<int64>");
  EXPECT_THAT(MakeExplode("k", false, *feed.schema()).status().message(), HasSubstr("not a list"));
  EXPECT_THAT(MakeExplode("x", false, *feed.schema()).status().message(), HasSubstr("no column 'x'"));
}

// K1 R2
TEST(Rekey, MakesCanonicalBytesAndAbsorbsTombstones) {
  RowFeed feed("k: string; v: int64");
  const auto output = RunBatch(MakeRekey({"k"}, NullKeyPolicy::kError, feed.schema()), feed,
                               {"k=a v=1", "tombstone", "k=null v=2", "k=b v=3"});
  EXPECT_THAT(output.emitted, ElementsAre("k=a v=1", "k=b v=3"));
  EXPECT_EQ(output.batches.at(0).key->GetView(1), std::string("\1b"));
  EXPECT_EQ(output.batches.at(0).tombstone, nullptr);
  EXPECT_EQ(output.absorbed, 1);
  ASSERT_EQ(output.dead_letters.size(), 1U);
  EXPECT_THAT(output.dead_letters[0], HasSubstr("k=null v=2 class=null_key"));
}

// K1
TEST(Rekey, NullKeysAreDroppedOrGroupedOnRequest) {
  const std::vector<std::string> rows{"k=null v=2", "k=b v=3"};
  RowFeed dropping("k: string; v: int64");
  const auto dropped = RunBatch(MakeRekey({"k"}, NullKeyPolicy::kDrop, dropping.schema()), dropping, rows);
  EXPECT_THAT(dropped.emitted, ElementsAre("k=b v=3"));
  EXPECT_EQ(dropped.filtered, 1);
  RowFeed grouping("k: string; v: int64");
  const auto grouped = RunBatch(MakeRekey({"k"}, NullKeyPolicy::kGroup, grouping.schema()), grouping, rows);
  EXPECT_THAT(grouped.emitted, ElementsAre("k=null v=2", "k=b v=3"));
  EXPECT_EQ(grouped.batches.at(0).key->GetView(0), std::string("\0", 1));
  EXPECT_THAT(grouped.dead_letters, IsEmpty());
}

TEST(Rekey, NeedsAColumnThatCanBeAKey) {
  RowFeed feed("k: string; t: list<int64>");
  EXPECT_THAT(MakeRekey({"t"}, NullKeyPolicy::kError, feed.schema()).status().message(),
              HasSubstr("cannot be grouped by"));
  EXPECT_THAT(MakeRekey({"kk"}, NullKeyPolicy::kError, feed.schema()).status().message(),
              HasSubstr("did you mean 'k'"));
}

}  // namespace
}  // namespace millrace
