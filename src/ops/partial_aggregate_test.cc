// Partial aggregates (K2a): what becomes of a batch in front of a repartition topic, and of partials in the
// window. Rows and partials must give the same.
#include "ops/partial_aggregate.h"

#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/row_text.h"
#include "ops/ops_harness.h"
#include "ops/rekey.h"
#include "ops/row_width.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using Aggregates = std::vector<std::pair<std::string, std::string>>;

const char* const kColumns = "k: string; t: int64; v: int64; d: float64; s: string";

/// A window behind a repartition: rows get their key, become partials where they may, and are judged by the
/// watermark that the topic told of last.
class Moved {
 public:
  Moved(WindowAggregateOptions shape, const Aggregates& aggregates)
      : run_(Shaped(std::move(shape)), aggregates, kColumns), feed_(kColumns) {
    rekey_ = *MakeRekey(run_.options.by, run_.options.null_key, feed_.schema());
    partials_ = *MakePartialAggregate(run_.options, feed_.schema(), kMostKeyBytes);
  }

  /// One batch of the upstream task, as it travels; through `partials` or not.
  Batch Sent(const std::vector<std::string>& rows, bool partials = true) {
    CollectedOutput keyed;
    Expect(rekey_->Process(feed_.Make(rows), keyed));
    if (keyed.batches.empty()) return {};
    if (!partials) return keyed.batches.front();
    CollectedOutput sent;
    Expect(partials_->Process(keyed.batches.front(), sent));
    EXPECT_EQ(sent.batches.size(), 1U);
    return sent.batches.front();
  }
  void Receive(Batch batch) {
    if (batch.data == nullptr) return;
    batch.watermark_before = nullptr;
    batch.watermark = reported_;
    run_.Process(batch, reported_, run_.output);
  }
  void Report(std::int64_t watermark) {
    reported_ = Watermark(watermark);
    Expect(run_.window->AdvanceTime(reported_, run_.output));
  }
  CollectedOutput& output() { return run_.output; }

 private:
  static WindowAggregateOptions Shaped(WindowAggregateOptions shape) {
    shape.name = "w";
    shape.by = {"k"};
    return shape;
  }
  static void Expect(const Status& status) { EXPECT_TRUE(status.ok()) << status.ToString(); }

  WindowRun run_;
  RowFeed feed_;
  std::unique_ptr<Operator> rekey_;
  std::unique_ptr<Operator> partials_;
  Watermark reported_ = kNoWatermark;
};

WindowAggregateOptions Tumbling() {
  WindowAggregateOptions options;
  options.size = Duration(10);
  return options;
}

WindowAggregateOptions Hopping() {
  WindowAggregateOptions options;
  options.kind = WindowKind::kHopping;
  options.size = Duration(20);
  options.step = Duration(8);
  return options;
}

const Aggregates kEvery{{"n", "count()"},    {"nv", "count(v)"},  {"sum", "sum(v)"},   {"lo", "min(v)"},
                        {"hi", "max(v)"},    {"mean", "mean(v)"}, {"first", "min(s)"}, {"last", "max(s)"},
                        {"least", "min(d)"}, {"most", "max(d)"}};

TEST(PartialAggregate, RowsOfAPaneAndKeyTravelAsOne) {
  Moved moved(Tumbling(), {{"n", "count()"}});
  const Batch sent =
      moved.Sent({"k=a t=1", "k=b t=2", "k=a t=9", "k=a t=10", "k=b t=3", "k=a t=11", "k=a t=4"});
  ASSERT_NE(sent.stands_for, nullptr);
  EXPECT_EQ(sent.num_rows(), 3);
  EXPECT_EQ(sent.rows_behind(), 7);
  EXPECT_EQ(sent.stands_for->ToString(),
            arrow::Int64Array(3, arrow::Buffer::FromVector<std::int64_t>({3, 2, 2})).ToString());
  // Of the first row each: in the order of their records, so that dead letters can name one.
  for (const auto& [row, offset, time] : {std::tuple{0, 0, 1}, {1, 1, 2}, {2, 3, 10}}) {
    EXPECT_EQ(sent.OffsetOf(row), Offset(offset));
    EXPECT_EQ(sent.event_time->Value(row), time);
  }
  EXPECT_EQ(PartialLayoutOf(*sent.data->schema()),
            "tumbling 10ms offset 0ms by k:string aggregate n = count()");
}

TEST(PartialAggregate, ABatchTravelsAsRowsWhen) {
  const std::string wide(40'000, 'x');
  struct Case {
    const char* why;
    Aggregates aggregates;
    std::vector<std::string> rows;
    bool partials;
  };
  const Aggregates n{{"n", "count()"}};
  const Aggregates sum{{"sum", "sum(v)"}};
  for (const Case& c :
       {Case{"half as many is worth it", n, {"k=a t=1", "k=a t=2", "k=b t=3", "k=b t=4"}, true},
        Case{"more than half as many is not", n, {"k=a t=1", "k=a t=2", "k=b t=3"}, false},
        Case{"one row cannot be fewer", n, {"k=a t=1"}, false},
        Case{"an argument fails",
             {{"m", "sum(10 / v)"}},
             {"k=a t=1 v=1", "k=a t=2 v=0", "k=a t=3 v=2", "k=a t=4 v=2"},
             false},
        Case{"no window holds a row",
             n,
             {"k=a t=1", "k=a t=1", "k=a t=9223372036854775807", "k=a t=1"},
             false},
        Case{"small values", sum, {"k=a t=1 v=1099511627776", "k=a t=1 v=-1099511627776"}, true},
        Case{"a sum may come near its end", sum, {"k=a t=1 v=1", "k=a t=1 v=1099511627777"}, false},
        Case{"a sum may come near its other end",
             sum,
             {"k=a t=1 v=1", "k=a t=1 v=-9223372036854775808"},
             false},
        Case{"min and max have no end",
             {{"hi", "max(v)"}},
             {"k=a t=1 v=9223372036854775807", "k=a t=2 v=3"},
             true},
        Case{"a row is wide", n, {"k=a t=1 s=" + wide, "k=a t=1 s=b"}, false},
        Case{"a narrow row", n, {"k=a t=1 s=" + wide.substr(0, 30'000), "k=a t=1 s=b"}, true}}) {
    Moved moved(Tumbling(), c.aggregates);
    EXPECT_EQ(moved.Sent(c.rows).stands_for != nullptr, c.partials) << c.why;
  }
}

TEST(PartialAggregate, AfterALargeBatchThatWasNotWorthItSomePassUnseen) {
  Moved moved(Tumbling(), {{"n", "count()"}});
  std::vector<std::string> not_worth, worth(1'024, "k=a t=1");
  for (int i = 0; i < 1'024; ++i) not_worth.push_back("k=" + std::to_string(i) + " t=1");
  EXPECT_EQ(moved.Sent({"k=a t=1", "k=b t=2"}).stands_for, nullptr);
  EXPECT_NE(moved.Sent(worth).stands_for, nullptr) << "a small batch tells nothing of large ones";
  EXPECT_EQ(moved.Sent(not_worth).stands_for, nullptr);
  EXPECT_NE(moved.Sent({"k=a t=1", "k=a t=2"}).stands_for, nullptr) << "a small batch is always looked at";
  int unseen = 0;
  while (moved.Sent(worth).stands_for == nullptr && unseen < 100) ++unseen;
  EXPECT_EQ(unseen, 15);
}

TEST(PartialAggregate, ALatePartialIsLateWithAllItsRows) {
  Moved moved(Tumbling(), {{"n", "count()"}});
  moved.Report(10);
  moved.Receive(moved.Sent({"k=a t=9", "k=a t=10", "k=b t=1", "k=a t=2", "k=b t=3", "k=a t=12"}));
  ASSERT_EQ(moved.output().late.size(), 2U);
  EXPECT_EQ(moved.output().absorbed, 2);
  moved.Report(100);
  EXPECT_THAT(moved.output().emitted, ElementsAre("k=a window_start=10 window_end=20 n=2"));
}

TEST(PartialAggregate, APartialThatOverflowsASumIsRefusedWithAllItsRows) {
  Moved moved(Tumbling(), {{"sum", "sum(v)"}, {"n", "count()"}});
  moved.Receive(moved.Sent({"k=a t=1 v=9223372036854775000"}, false));
  moved.Receive(moved.Sent({"k=a t=1 v=800", "k=a t=2 v=8", "k=b t=2 v=8", "k=b t=2 v=8"}));
  EXPECT_EQ(moved.output().absorbed, 3);
  ASSERT_EQ(moved.output().dead_letters.size(), 1U);
  EXPECT_THAT(
      moved.output().dead_letters[0],
      HasSubstr("class=overflow: 2 rows: sum(v) overflows int64 in window [0, 10); cast the argument"));
  moved.Report(100);
  EXPECT_THAT(moved.output().emitted,
              ElementsAre("k=a window_start=0 window_end=10 sum=9223372036854775000 n=1",
                          "k=b window_start=0 window_end=10 sum=16 n=2"));
}

TEST(PartialAggregate, NullGroupsTravel) {
  WindowAggregateOptions options = Tumbling();
  options.null_key = NullKeyPolicy::kGroup;
  Moved moved(options, {{"n", "count()"}});
  const Batch sent = moved.Sent({"k=null t=1", "k=null t=2", "k=\"\" t=3", "k=\"\" t=4", "tombstone"});
  ASSERT_NE(sent.stands_for, nullptr);
  moved.Receive(sent);
  moved.Report(100);
  EXPECT_THAT(moved.output().emitted, ElementsAre("k=null window_start=0 window_end=10 n=2",
                                                  "k=\"\" window_start=0 window_end=10 n=2"));
}

TEST(PartialAggregate, RowsWithAKeyThatTheWindowRefusesTravel) {
  Moved moved(Tumbling(), {{"n", "count()"}});
  const auto sent = [&](std::int64_t key_bytes) {  // a text has a byte before it
    const std::string row = "k=" + std::string(static_cast<std::size_t>(key_bytes - 1), 'x') + " t=1";
    return moved.Sent({row, row, "k=a t=1", "k=a t=1"});
  };
  EXPECT_NE(sent(kMostKeyBytes).stands_for, nullptr);
  EXPECT_EQ(sent(kMostKeyBytes + 1).stands_for, nullptr);
}

TEST(RowWidth, IsOfStringsAndElementsAtAnyDepth) {
  // Rows of 3 lists of strings, in a struct: {5 bytes + 4 bytes, null, nothing}; a list costs 16 bytes an
  // element.
  arrow::ListBuilder lists(arrow::default_memory_pool(), std::make_shared<arrow::StringBuilder>());
  auto& strings = static_cast<arrow::StringBuilder&>(*lists.value_builder());
  ASSERT_TRUE(lists.Append().ok() && strings.Append("01234").ok() && strings.Append("0123").ok() &&
              lists.AppendNull().ok() && lists.Append().ok());
  const std::shared_ptr<arrow::Array> column = *lists.Finish();
  const auto nested = *arrow::StructArray::Make({column}, std::vector<std::string>{"tags"});
  arrow::LargeStringBuilder texts;
  ASSERT_TRUE(texts.AppendValues({"a", "0123456789", ""}).ok());
  const auto rows = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("o", nested->type()), arrow::field("s", arrow::large_utf8())}), 3,
      {nested, *texts.Finish()});
  EXPECT_TRUE(HasRowWiderThan(41, *rows));
  EXPECT_FALSE(HasRowWiderThan(42, *rows)) << "5 + 4 + 2 * 16 + 1";
  EXPECT_TRUE(HasRowWiderThan(9, *rows->Slice(1)));
  EXPECT_FALSE(HasRowWiderThan(10, *rows->Slice(1)));
  EXPECT_FALSE(HasRowWiderThan(0, *rows->Slice(2)));
  EXPECT_FALSE(HasRowWiderThan(0, *rows->Slice(0, 0)));
}

TEST(PartialAggregate, WindowsThatTakeNone) {
  const RowFeed feed(kColumns);
  const auto layout_of = [&](WindowAggregateOptions options, const Aggregates& aggregates) {
    options.name = "w";
    options.by = {"k"};
    options.aggregates = BindAggregates(aggregates, feed.schema());
    return *PartialLayout(options, *feed.schema());
  };
  EXPECT_NE(layout_of(Tumbling(), kEvery), "");
  EXPECT_NE(layout_of(Hopping(), kEvery), "");
  for (const char* aggregate : {"sum(d)", "mean(d)", "first(v)", "last(v)", "collect(v)", "variance(v)",
                                "count_distinct(v)", "median(v)"}) {
    EXPECT_EQ(layout_of(Tumbling(), {{"n", "count()"}, {"x", aggregate}}), "") << aggregate;
  }
  for (const WindowKind kind : {WindowKind::kSliding, WindowKind::kSession, WindowKind::kCount}) {
    WindowAggregateOptions options = Tumbling();
    options.kind = kind;
    EXPECT_EQ(layout_of(options, {{"n", "count()"}}), "");
  }
  WindowAggregateOptions options = Tumbling();
  options.closing = ClosingMode::kKey;
  EXPECT_EQ(layout_of(options, {{"n", "count()"}}), "");
  options = Tumbling();
  options.trigger = WindowTrigger{*ParseExpr("n > 3")};
  EXPECT_EQ(layout_of(options, {{"n", "count()"}}), "");
}

/// Random rows of 3 keys, now and then far back, with nulls and ties of 0.0 and -0.0.
std::vector<std::string> RandomRows(std::mt19937_64& random, std::size_t n, std::int64_t* now) {
  const auto below = [&](std::uint64_t limit) { return static_cast<std::int64_t>(random() % limit); };
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < n; ++i) {
    *now += below(8) == 0 ? below(6) : 0;
    const std::int64_t time = *now - (below(10) == 0 ? below(40) : 0);
    const char* const doubles[] = {"0.0", "-0.0", "1.5", "-2.5", "null"};
    rows.push_back("k=" + std::string(1, static_cast<char>('a' + below(3))) + " t=" + std::to_string(time) +
                   " v=" + (below(9) == 0 ? "null" : std::to_string(below(200) - 100)) +
                   " d=" + doubles[below(5)] + " s=" + (below(7) == 0 ? "null" : std::to_string(below(50))));
  }
  return rows;
}

TEST(PartialAggregate, GivesWhatRowsGive) {
  std::mt19937_64 random(20261123);
  for (int round = 0; round < 24; ++round) {
    SCOPED_TRACE(round);
    WindowAggregateOptions options = round % 2 == 0 ? Tumbling() : Hopping();
    options.grace = Duration(round % 3 * 5);
    Moved as_rows(options, kEvery);
    Moved as_partials(options, kEvery);
    std::int64_t now = -30;
    std::int64_t partials = 0;
    for (int batch = 0; batch < 12; ++batch) {
      const std::vector<std::string> rows = RandomRows(random, 10 + random() % 60, &now);
      as_rows.Receive(as_rows.Sent(rows, false));
      Batch sent = as_partials.Sent(rows);
      partials += sent.stands_for != nullptr ? 1 : 0;
      as_partials.Receive(std::move(sent));
      if (random() % 3 == 0) continue;
      as_rows.Report(now - 5);
      as_partials.Report(now - 5);
      ASSERT_EQ(as_partials.output().absorbed, as_rows.output().absorbed);
    }
    EXPECT_GT(partials, 3);
    as_rows.Report(now + 1'000);
    as_partials.Report(now + 1'000);
    EXPECT_THAT(as_rows.output().dead_letters, IsEmpty());
    EXPECT_THAT(as_partials.output().dead_letters, IsEmpty());
    ASSERT_THAT(as_partials.output().emitted, ElementsAreArray(as_rows.output().emitted));
  }
}

}  // namespace
}  // namespace millrace
