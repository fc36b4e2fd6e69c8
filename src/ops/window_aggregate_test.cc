#include "ops/window_aggregate.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/ops_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// "n = count()" and the like, bound to a schema.
std::vector<WindowAggregateOptions::Aggregate> Bound(
    const std::vector<std::pair<std::string, std::string>>& written,
    const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<WindowAggregateOptions::Aggregate> aggregates;
  for (const auto& [name, text] : written) {
    const AggregateCall call = *ParseAggregateCall(text);
    WindowAggregateOptions::Aggregate aggregate{.name = name, .function = call.function, .text = text};
    if (!call.argument.empty()) aggregate.argument = *BoundExpr::Bind(call.argument, schema);
    aggregates.push_back(std::move(aggregate));
  }
  return aggregates;
}

/// A 10 ms window by k over rows (k, t, v), and what came out of it.
class WindowAggregateTest : public testing::Test {
 protected:
  WindowAggregateTest() {
    options.name = "window-1";
    options.by = {"k"};
    options.size = Duration(10);
    options.origin = {"in", Partition(3)};
  }

  void Open(const std::vector<std::pair<std::string, std::string>>& aggregates,
            const std::string& schema = "k: string; t: int64; v: int64") {
    feed = std::make_unique<RowFeed>(schema);
    options.aggregates = Bound(aggregates, feed->schema());
    Make();
  }
  void Make() {
    auto made = MakeWindowAggregate(options, feed->schema(), *store);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    window = *std::move(made);
  }
  /// One batch, then the time it brings.
  void Run(const std::vector<std::string>& rows) {
    Expect(window->Process(feed->Make(rows), output));
    Expect(window->AdvanceTime(feed->watermark(), output));
  }
  void AdvanceTo(std::int64_t watermark) { Expect(window->AdvanceTime(Watermark(watermark), output)); }
  static void Expect(const Status& status) { EXPECT_TRUE(status.ok()) << status.ToString(); }

  WindowAggregateOptions options;
  ScratchStore store;
  std::unique_ptr<RowFeed> feed;
  std::unique_ptr<Operator> window;
  CollectedOutput output;
};

// W3 W7
TEST_F(WindowAggregateTest, FinalResultsComeOnceAtCloseInEndThenKeyOrder) {
  Open({{"n", "count()"}, {"s", "sum(v)"}});
  Run({"k=b t=1 v=1", "k=a t=2 v=2", "k=b t=9 v=4"});
  EXPECT_THAT(output.Take(), IsEmpty());
  Run({"k=c t=25 v=8", "k=a t=15 v=16"});  // the second row is late: see below
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 n=1 s=2",
                                         "k=b window_start=0 window_end=10 n=2 s=5"));
  EXPECT_THAT(output.late, ElementsAre("k=a t=15 v=16 late_by=5"));
  const Batch& batch = output.batches.at(0);
  EXPECT_EQ(batch.event_time->Value(0), 9);
  EXPECT_EQ(batch.key->GetView(0), std::string("\1a"));
  EXPECT_GT(batch.origin.first, batch.origin.last);
  EXPECT_EQ(batch.origin.partition, (TopicPartition{"in", Partition(3)}));
  AdvanceTo(1000);
  AdvanceTo(1000);
  EXPECT_THAT(output.Take(), ElementsAre("k=c window_start=20 window_end=30 n=1 s=8"));
  EXPECT_EQ(store->num_rows(), 0);
  EXPECT_EQ(output.absorbed, 4);
}

// W2
TEST_F(WindowAggregateTest, GraceKeepsAWindowOpenAndHoldsTheOutputWatermarkBack) {
  options.grace = Duration(5);
  Open({{"n", "count()"}});
  Run({"k=a t=1 v=0", "k=a t=14 v=0", "k=a t=2 v=0"});
  EXPECT_THAT(output.Take(), IsEmpty());
  EXPECT_EQ(window->OutputWatermark(Watermark(14)), Watermark(9));
  EXPECT_EQ(window->OutputWatermark(kNoWatermark), kNoWatermark);
  EXPECT_EQ(window->OutputWatermark(kEndOfTime), kEndOfTime);
  Run({"k=a t=15 v=0", "k=a t=3 v=0"});
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 n=2"));
  EXPECT_THAT(output.late, ElementsAre("k=a t=3 v=0 late_by=0"));
}

// W3
TEST_F(WindowAggregateTest, CurrentResultsComeAfterEachBatchAndFinalAtClose) {
  options.emit = EmitMode::kCurrent;
  Open({{"n", "count()"}});
  Run({"k=b t=1 v=0", "k=a t=2 v=0", "k=b t=3 v=0"});
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 n=1 final=false",
                                         "k=b window_start=0 window_end=10 n=2 final=false"));
  Run({"k=a t=10 v=0"});
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=10 window_end=20 n=1 final=false",
                                         "k=a window_start=0 window_end=10 n=1 final=true",
                                         "k=b window_start=0 window_end=10 n=2 final=true"));
}

// W6
TEST_F(WindowAggregateTest, NullsAreIgnoredAndAnAggregateOfNothingIsNull) {
  Open({{"n", "count()"},
        {"nv", "count(v)"},
        {"s", "sum(v)"},
        {"m", "mean(v)"},
        {"lo", "min(v)"},
        {"hi", "max(v)"},
        {"f", "first(v)"},
        {"l", "last(v)"}});
  Run({"k=a t=1 v=null", "k=b t=1 v=null", "k=b t=2 v=4", "k=b t=3 v=-1", "k=b t=4 v=null", "k=b t=5 v=3"});
  AdvanceTo(10);
  EXPECT_THAT(
      output.Take(),
      ElementsAre("k=a window_start=0 window_end=10 n=1 nv=0 s=null m=null lo=null hi=null f=null l=null",
                  "k=b window_start=0 window_end=10 n=5 nv=3 s=6 m=2.0 lo=-1 hi=4 f=4 l=3"));
}

// W6
TEST_F(WindowAggregateTest, EveryTypeHasMinMaxFirstLast) {
  struct Case {
    std::string type, low, high;
  };
  const std::vector<Case> cases{{"int8", "-128", "127"},
                                {"uint64", "1", "18446744073709551615"},
                                {"float32", "-0.5", "1.5"},
                                {"float64", "-1.0e300", "1.0e300"},
                                {"bool", "false", "true"},
                                {"string", "a", "a longer text than sixteen bytes"},
                                {"timestamp[us]", "-1", "1"},
                                {"date", "1969-12-31", "2024-02-29"},
                                {"decimal(20, 2)", "-12.50", "99999999999999.99"}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.type);
    const auto quoted = [&c](const std::string& value) {
      return c.type == "string" ? "\"" + value + "\"" : value;
    };
    options.name = "window of " + c.type;
    Open({{"lo", "min(v)"}, {"hi", "max(v)"}, {"f", "first(v)"}, {"l", "last(v)"}},
         "k: string; t: int64; v: " + c.type);
    Run({"k=a t=3 v=" + quoted(c.high), "k=a t=1 v=" + quoted(c.low), "k=a t=2 v=null",
         "k=a t=2 v=" + quoted(c.low)});
    AdvanceTo(10);
    ASSERT_EQ(output.batches.size(), 1U);
    const auto row = output.Take().at(0);
    RowFeed expected("lo: " + c.type + "; hi: " + c.type + "; f: " + c.type + "; l: " + c.type);
    CollectedOutput text;
    Expect(text.Emit(expected.Make(
        {"lo=" + quoted(c.low) + " hi=" + quoted(c.high) + " f=" + quoted(c.low) + " l=" + quoted(c.high)})));
    EXPECT_EQ(row, "k=a window_start=0 window_end=10 " + text.Take().at(0));
    output.batches.clear();
  }
}

// W6 T5
TEST_F(WindowAggregateTest, FirstAndLastGoByEventTimeThenOffset) {
  Open({{"f", "first(v)"}, {"l", "last(v)"}});
  Run({"k=a t=5 v=1", "k=a t=5 v=2"});
  Run({"k=a t=7 v=3", "k=a t=3 v=4", "k=a t=3 v=5"});
  Run({"k=a t=7 v=6", "k=a t=5 v=7"});
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 f=4 l=6"));
}

// T5
TEST_F(WindowAggregateTest, FirstAndLastOfEqualTimesGoByOriginWhicheverCameFirst) {
  std::vector<std::string> results;
  for (const bool swapped : {false, true}) {
    options.name = swapped ? "swapped" : "plain";
    Open({{"f", "first(v)"}, {"l", "last(v)"}});
    RowFeed left("k: string; t: int64; v: int64", "left");
    RowFeed right("k: string; t: int64; v: int64", "right");
    std::vector<Batch> batches{left.Make({"k=a t=5 v=1"}), right.Make({"k=a t=5 v=2"})};
    if (swapped) std::swap(batches[0], batches[1]);
    for (Batch& batch : batches) Expect(window->Process(std::move(batch), output));
    AdvanceTo(10);
    results.push_back(output.Take().at(0));
  }
  EXPECT_EQ(results[0], results[1]);
}

// W6
TEST_F(WindowAggregateTest, NanCountsOnlyWhenThereIsNothingElse) {
  Open({{"lo", "min(if(v < 0, (v - v) / (v - v), sqrt(v)))"},
        {"hi", "max(if(v < 0, (v - v) / (v - v), sqrt(v)))"}},
       "k: string; t: int64; v: float64");
  Run({"k=a t=1 v=4.0", "k=b t=1 v=-1.0", "k=a t=2 v=-1.0", "k=a t=3 v=9.0"});
  AdvanceTo(10);
  const auto rows = output.Take();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], "k=a window_start=0 window_end=10 lo=2.0 hi=3.0");
  EXPECT_THAT(rows[1], HasSubstr("k=b"));
}

// W8
TEST_F(WindowAggregateTest, SumsOfDoublesKeepWhatRoundingWouldLose) {
  Open({{"s", "sum(v)"}, {"m", "mean(v)"}}, "k: string; t: int64; v: float64");
  Run({"k=a t=1 v=1.0", "k=a t=2 v=1.0e100", "k=a t=3 v=1.0", "k=a t=4 v=-1.0e100"});
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 s=2.0 m=0.5"));
}

// W8 R3
TEST_F(WindowAggregateTest, RowThatOverflowsAnIntegerSumIsADeadLetterAndCountsNowhere) {
  Open({{"n", "count()"}, {"s", "sum(v)"}, {"s2", "sum(v * 1)"}, {"hi", "max(v)"}, {"l", "last(v)"}});
  Run({"k=a t=1 v=9223372036854775800", "k=b t=1 v=5", "k=a t=2 v=100", "k=a t=3 v=7", "k=a t=4 v=1",
       "k=b t=5 v=6"});
  AdvanceTo(10);
  EXPECT_THAT(output.dead_letters,
              ElementsAre("k=a t=2 v=100 class=overflow: sum(v) overflows int64 in window [0, 10); cast the "
                          "argument to double",
                          "k=a t=4 v=1 class=overflow: sum(v) overflows int64 in window [0, 10); cast the "
                          "argument to double"));
  EXPECT_THAT(output.Take(),
              ElementsAre("k=a window_start=0 window_end=10 n=2 s=9223372036854775807 s2=9223372036854775807 "
                          "hi=9223372036854775800 l=7",
                          "k=b window_start=0 window_end=10 n=2 s=11 s2=11 hi=6 l=6"));
  EXPECT_EQ(output.absorbed, 4);
}

// W3 W8
TEST_F(WindowAggregateTest, CurrentResultsLeaveOutWindowsWhoseRowsWereRefused) {
  options.emit = EmitMode::kCurrent;
  Open({{"s", "sum(v)"}});
  Run({"k=a t=1 v=9223372036854775807", "k=b t=1 v=1"});
  output.Take();
  Run({"k=a t=2 v=1", "k=b t=2 v=1", "k=a t=3 v=2"});
  EXPECT_THAT(output.Take(), ElementsAre("k=b window_start=0 window_end=10 s=2 final=false"));
  Run({"k=a t=4 v=1", "k=a t=5 v=-7", "k=a t=6 v=100"});
  EXPECT_THAT(output.Take(),
              ElementsAre("k=a window_start=0 window_end=10 s=9223372036854775800 final=false"));
  EXPECT_EQ(output.dead_letters.size(), 4U);
}

// W8
TEST_F(WindowAggregateTest, UnsignedValueBeyondInt64IsADeadLetterBeforeItMakesAGroup) {
  Open({{"s", "sum(v)"}}, "k: string; t: int64; v: uint64");
  Run({"k=a t=1 v=9223372036854775808", "k=b t=2 v=9223372036854775807"});
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("k=b window_start=0 window_end=10 s=9223372036854775807"));
  EXPECT_THAT(
      output.dead_letters,
      ElementsAre("k=a t=1 v=9223372036854775808 class=overflow: a value of sum(v) does not fit into int64"));
}

// R3 R4
TEST_F(WindowAggregateTest, RowWhoseArgumentFailsIsADeadLetterAndCountsNowhere) {
  Open({{"n", "count()"}, {"s", "sum(10 / v)"}});
  Run({"k=a t=1 v=5", "k=a t=2 v=0", "k=b t=3 v=0"});
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 n=1 s=2"));
  ASSERT_EQ(output.dead_letters.size(), 2U);
  EXPECT_THAT(output.dead_letters[0], HasSubstr("k=a t=2 v=0 class=divide_by_zero"));
  EXPECT_EQ(output.absorbed, 1);
}

// R2
TEST_F(WindowAggregateTest, TombstonesAreAbsorbedAndIgnored) {
  Open({{"n", "count()"}});
  Run({"tombstone", "k=a t=1 v=1", "tombstone"});
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 n=1"));
  EXPECT_EQ(output.absorbed, 3);
  EXPECT_THAT(output.dead_letters, IsEmpty());
}

// K1
TEST_F(WindowAggregateTest, NullKeysFollowThePolicy) {
  const std::vector<std::string> rows{"k=null t=1 v=1", "k=a t=2 v=2", "k=null t=3 v=3"};
  const std::string a = "k=a window_start=0 window_end=10 n=1";
  options.name = "error";
  Open({{"n", "count()"}});
  Run(rows);
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre(a));
  ASSERT_EQ(output.dead_letters.size(), 2U);
  EXPECT_THAT(output.dead_letters[1], HasSubstr("k=null t=3 v=3 class=null_key: a key column is null (k)"));

  options.name = "drop";
  options.null_key = NullKeyPolicy::kDrop;
  Open({{"n", "count()"}});
  Run(rows);
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre(a));
  EXPECT_EQ(output.filtered, 2);

  options.name = "group";
  options.null_key = NullKeyPolicy::kGroup;
  Open({{"n", "count()"}});
  Run(rows);
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("k=null window_start=0 window_end=10 n=2", a));
}

TEST_F(WindowAggregateTest, GroupsByNothingOrBySeveralColumns) {
  options.by = {};
  Open({{"n", "count()"}});
  Run({"k=b t=1 v=1", "k=a t=2 v=1"});
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("window_start=0 window_end=10 n=2"));

  options.by = {"v", "k"};
  options.name = "several";
  Open({{"n", "count()"}});
  Run({"k=b t=1 v=2", "k=a t=2 v=2", "k=c t=3 v=-1", "k=a t=4 v=2"});
  AdvanceTo(10);
  EXPECT_THAT(output.Take(), ElementsAre("v=-1 k=c window_start=0 window_end=10 n=1",
                                         "v=2 k=a window_start=0 window_end=10 n=2",
                                         "v=2 k=b window_start=0 window_end=10 n=1"));
}

// W1
TEST_F(WindowAggregateTest, NegativeAndExtremeTimesHaveTheirWindowsOrAreDeadLetters) {
  Open({{"n", "count()"}});
  Run({"k=a t=-9223372036854775808 v=1", "k=a t=-15 v=1", "k=a t=-1 v=1"});
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=-20 window_end=-10 n=1"));
  ASSERT_EQ(output.dead_letters.size(), 1U);
  EXPECT_THAT(output.dead_letters[0],
              HasSubstr("class=overflow: no window of 10ms holds the event time -9223372036854775808 ms"));
}

// W9
TEST_F(WindowAggregateTest, StateSurvivesAReopenedStoreAndIsGoneAfterClose) {
  options.grace = Duration(1000);
  Open({{"n", "count()"},
        {"s", "sum(v)"},
        {"m", "mean(v)"},
        {"lo", "min(w)"},
        {"f", "first(w)"},
        {"x", "max(v)"}},
       "k: string; t: int64; v: int64; w: string");
  Run({"k=a t=1 v=1 w=zebra", "k=b t=2 v=2 w=null", "k=a t=11 v=3 w=x"});
  Expect(store->CommitDirty({{"window-1", Offset(1)}}));
  Run({"k=a t=1 v=100 w=lost"});
  window.reset();
  store.Reopen();
  Make();
  Run({"k=a t=2 v=5 w=\"a text that is longer than fifteen bytes\"", "k=b t=3 v=null w=late"});
  AdvanceTo(2000);
  EXPECT_THAT(
      output.Take(),
      ElementsAre("k=a window_start=0 window_end=10 n=2 s=6 m=3.0 lo=\"a text that is longer than fifteen "
                  "bytes\" f=zebra x=5",
                  "k=b window_start=0 window_end=10 n=2 s=2 m=2.0 lo=late f=late x=2",
                  "k=a window_start=10 window_end=20 n=1 s=3 m=3.0 lo=x f=x x=3"));
  EXPECT_EQ(store->num_rows(), 0);
  std::int64_t tombstones = 0;
  Expect(store->CollectDirty([&](const ChangelogEntry& entry) {
    tombstones += entry.value ? 0 : 1;
    return Status::Ok();
  }));
  EXPECT_EQ(tombstones, 3);
}

TEST_F(WindowAggregateTest, RollbackBringsAClosedWindowBack) {
  Open({{"n", "count()"}});
  Run({"k=a t=1 v=1"});
  Expect(store->CommitDirty({}));
  AdvanceTo(100);
  EXPECT_EQ(output.Take().size(), 1U);
  Expect(store->Rollback());
  AdvanceTo(100);
  EXPECT_THAT(output.Take(), ElementsAre("k=a window_start=0 window_end=10 n=1"));
}

TEST_F(WindowAggregateTest, MistakesAreUserErrors) {
  struct Case {
    std::string error;
    std::string aggregate = "count()";
    std::string by = "k";
    std::int64_t size = 10;
  };
  for (const Case& c :
       std::vector<Case>{{.error = "sum() does not accept string", .aggregate = "sum(k)"},
                         {.error = "mean() does not accept", .aggregate = "mean(k = 'a')"},
                         {.error = "no column 'kk' to group by (did you mean 'k'?)", .by = "kk"},
                         {.error = "longer than 0ms", .size = 0}}) {
    feed = std::make_unique<RowFeed>("k: string; t: int64; v: int64");
    options.by = {c.by};
    options.size = Duration(c.size);
    options.aggregates = Bound({{"x", c.aggregate}}, feed->schema());
    const Status status = MakeWindowAggregate(options, feed->schema(), *store).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(c.error));
  }
}

// K4
TEST_F(WindowAggregateTest, LayoutOfTheStateNamesWhatItDependsOn) {
  Open({{"n", "count()"}, {"s", "sum(v)"}});
  const auto layout = [this] { return DescribeWindow(options, *feed->schema())->state_layout; };
  EXPECT_EQ(layout(),
            "window-1=tumbling 10ms offset 0ms by k:string aggregate n = count(), s = sum(v) of int64");
  const std::string before = layout();
  options.grace = Duration(7);
  options.emit = EmitMode::kCurrent;
  EXPECT_EQ(layout(), before);
  options.size = Duration(20);
  EXPECT_NE(layout(), before);
}

// T5
TEST(WindowOrigin, ResultsOfEveryKindComeFromWhereTheTaskReadsAlsoBeforeItHasReadAnything) {
  const auto shape = [](WindowKind kind, ClosingMode closing, const char* trigger) {
    WindowAggregateOptions options;
    options.kind = kind;
    options.size = Duration(10);
    options.step = Duration(5);
    options.count = 2;
    options.count_step = 1;
    options.closing = closing;
    if (trigger != nullptr) options.trigger = WindowTrigger{*ParseExpr(trigger)};
    options.origin = {"task", Partition(3)};
    return options;
  };
  for (const WindowKind kind : {WindowKind::kTumbling, WindowKind::kHopping, WindowKind::kSliding,
                                WindowKind::kSession, WindowKind::kCount}) {
    for (const ClosingMode closing : {ClosingMode::kPartition, ClosingMode::kKey}) {
      for (const char* const trigger : {static_cast<const char*>(nullptr), "n >= 2"}) {
        const bool of_stretches = kind != WindowKind::kSliding && kind != WindowKind::kCount;
        if (closing == ClosingMode::kKey && !of_stretches) continue;
        if (trigger != nullptr && kind == WindowKind::kSliding) continue;
        for (const EmitMode emit : {EmitMode::kFinal, EmitMode::kCurrent}) {
          WindowAggregateOptions options = shape(kind, closing, trigger);
          options.emit = emit;
          SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + (closing == ClosingMode::kKey ? " key" : "") +
                       (trigger == nullptr ? "" : " trigger") + (emit == EmitMode::kFinal ? "" : " current"));
          WindowRun run(options, {{"n", "count()"}});
          run.feed.set_out_of_orderness(100);
          run.Run({"k=a t=1 v=1 d=0", "k=b t=1 v=1 d=0", "k=b t=2 v=1 d=0", "k=a t=30 v=1 d=0"});
          run.Commit();
          run.Rollback(/*anew=*/true);
          ASSERT_TRUE(run.window->AdvanceTime(kEndOfTime, run.output).ok());
          EXPECT_FALSE(run.output.batches.empty());
          for (const Batch& batch : run.output.batches) {
            EXPECT_EQ(batch.origin.partition, (TopicPartition{"task", Partition(3)}));
            EXPECT_GT(batch.origin.first, batch.origin.last) << "results are no records";
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace millrace
