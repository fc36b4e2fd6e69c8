// What events of exploded records are called, from the step that explodes them to the sink.
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "compile/snapchat_sinks.h"
#include "connectors/snapchat/conversion_events.h"
#include "connectors/snapchat/conversion_harness.h"
#include "ops/explode.h"
#include "ops/ops_harness.h"

namespace millrace {
namespace {

constexpr int kElements = 70'000;  // more than an explode puts into one batch

std::string RecordOf(int first, int elements) {
  std::string items = std::to_string(first);
  for (int i = 1; i < elements; ++i) items += "," + std::to_string(first + i);
  return R"({"em":"a@b.c","num_items":[)" + items + "]}";
}

SnapchatConversionsSink Sink(bool orders) {
  SnapchatConversionsSink sink;
  sink.map.emplace_back("event_name", PlanExpr{.expr = *ParseExpr("'SAVE'"), .location = {}});
  sink.map.emplace_back("action_source", PlanExpr{.expr = *ParseExpr("'OFFLINE'"), .location = {}});
  // So that the step that looks for repeats checks the events, not the sink.
  if (orders) sink.map.emplace_back("order_id", PlanExpr{.expr = *ParseExpr("'1'"), .location = {}});
  return sink;
}

/// One life of a task that reads these records of a partition: the events that it sends, and in how many
/// batches.
class Life {
 public:
  Life(const Batch& records, bool orders) {
    const auto explode = *MakeExplode("num_items", false, *records.data->schema());
    const SnapchatConversionsSink sink = Sink(orders);
    const auto fields = *MakeSinkFields(sink, explode->output_schema());
    ScratchStore store;
    const ManualClock clock{EventTime(kNowMs)};
    const auto repeats = *MakeSinkRepeats(sink, "s", fields->output_schema(), &*store, clock);
    EXPECT_EQ(repeats != nullptr, orders);
    const auto& last = orders ? repeats : fields;
    const auto made = *ConversionEvents::Make(last->output_schema(), {});
    Pieces pieces;
    EXPECT_TRUE(explode->Process(records, pieces).ok());
    batches = pieces.batches.size();
    for (const Batch& piece : pieces.batches) {
      Pieces out;
      EXPECT_TRUE(fields->Process(piece, out).ok());
      if (orders) {
        const Batch mapped = out.batches.back();
        EXPECT_TRUE(repeats->Process(mapped, out).ok());
      }
      ConversionBatch sent;
      EXPECT_TRUE(made->Build(out.batches.back(), clock.Now(), &sent).ok());
      for (const std::int64_t row : sent.rows) events.emplace_back(sent.json.row(row).view());
    }
  }

  std::vector<std::string> events;
  std::size_t batches = 0;

 private:
  /// CollectedOutput without texts of all rows.
  class Pieces final : public Output {
   public:
    Status Emit(Batch batch) override {
      batches.push_back(std::move(batch));
      return Status::Ok();
    }
    Status Late(Batch, std::vector<std::int64_t>) override { return Status::Bug("no row is late"); }
    Status DeadLetter(const Batch&, std::vector<RowError>) override { return Status::Bug("no row fails"); }
    void CountFiltered(std::int64_t) override {}
    void CountAbsorbed(std::int64_t) override {}
    std::vector<Batch> batches;
  };
};

std::set<std::string> IdsOf(const std::vector<std::string>& events) {
  std::set<std::string> ids;
  for (const std::string& event : events) {
    const std::size_t begin = event.find("\"event_id\":\"");
    ids.insert(event.substr(begin, event.find(',', begin) - begin));
  }
  return ids;
}

TEST(ConversionIds, OfARecordThatIsExplodedIntoSeveralBatchesAreItsOwnAndTheSameWhenItIsReadAgain) {
  const Batch all = DecodedRows("em: string; num_items: list<int64>",
                                {RecordOf(0, 10), RecordOf(1'000'000, kElements), RecordOf(2'000'000, 10)});
  for (const bool orders : {false, true}) {
    SCOPED_TRACE(orders ? "checked by the step before the sink" : "checked by the sink");
    const Life first(all, orders);
    EXPECT_EQ(first.batches, 2U);
    ASSERT_EQ(first.events.size(), static_cast<std::size_t>(kElements) + 20);
    EXPECT_EQ(IdsOf(first.events).size(), first.events.size());

    // The first record is committed, so batches are cut at other rows.
    const Life second(SliceBatch(all, 1, 2), orders);
    EXPECT_EQ(second.batches, 2U);
    const std::vector<std::string> sent_again(first.events.begin() + 10, first.events.end());
    EXPECT_TRUE(second.events == sent_again) << "events are called otherwise";
  }
}

}  // namespace
}  // namespace millrace
