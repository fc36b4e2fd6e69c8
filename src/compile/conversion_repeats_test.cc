#include "compile/conversion_repeats.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/checked_column.h"
#include "connectors/snapchat/conversion_events.h"
#include "connectors/snapchat/conversion_harness.h"
#include "connectors/snapchat/late_conversions.h"
#include "ops/ops_harness.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kLate = 7 * kDay + kHour;  // behind the watermark

/// A purchase, unless it is called otherwise. What has no mail is no event.
struct Sale {
  std::string id;
  std::string order{};
  std::int64_t age_ms = 0;
  std::string name = "PURCHASE";
  std::string asset = "a1";
  bool has_mail = true;
};

class ConversionRepeats : public testing::Test {
 protected:
  void SetUp() override { Make(); }

  /// Anew, with what was committed.
  void Make(bool remember = true) {
    ConversionRepeatsOptions options;
    options.remember = remember;
    options.keys = {{ConversionKey::Id::kEvent, "s-events", Duration(48 * kHour)},
                    {ConversionKey::Id::kOrder, "s-orders", Duration(30 * kDay)}};
    options.rules.action_source = "OFFLINE";
    step_ =
        *MakeConversionRepeats(std::move(options), Events({{"x"}}).data->schema(), &store_.Reopen(), clock_);
  }

  static Batch Events(const std::vector<Sale>& sales) {
    ConversionCase given;
    given.columns =
        "name: string; event_id: string; order_id: string; em: string; value: double; currency: string; "
        "asset: string";
    given.map = {{"event_name", "name"}};
    given.asset = "asset";
    arrow::Int64Builder times;
    for (const Sale& sale : sales) {
      given.rows.push_back(R"({"name":")" + sale.name + R"(","event_id":")" + sale.id + R"(","order_id":")" +
                           sale.order + R"(","value":1,"currency":"EUR","asset":")" + sale.asset + "\"" +
                           (sale.has_mail ? R"(,"em":"a@b.c")" : "") + "}");
      EXPECT_TRUE(times.Append(kNowMs - sale.age_ms).ok());
    }
    Batch batch = BatchOf(given);
    batch.event_time = std::static_pointer_cast<arrow::Int64Array>(*times.Finish());
    return batch;
  }

  /// The ids of those that pass, in order.
  std::vector<std::string> Passing(const Batch& batch) {
    output_.batches.clear();
    EXPECT_TRUE(step_->Process(batch, output_).ok());
    std::vector<std::string> ids;
    for (const Batch& out : output_.batches) {
      const CheckedEvents checked = CheckedOf(out);
      for (std::int64_t row = 0; row < out.num_rows(); ++row) ids.push_back(checked.event_id->GetString(row));
    }
    return ids;
  }
  std::vector<std::string> Passing(const std::vector<Sale>& sales) { return Passing(Events(sales)); }
  /// As a sink does whose last batch had rows that were refused.
  void Refuse(const std::vector<std::int64_t>& rows) {
    ASSERT_TRUE(step_->TakeBack(output_.batches.back(), rows).ok());
  }
  void Commit() {
    ASSERT_TRUE(store_->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    ASSERT_TRUE(store_->CommitDirty({{"s-events", Offset(++commits_)}, {"s-orders", Offset(commits_)}}).ok());
  }

  const ManualClock clock_{EventTime(kNowMs)};
  ScratchStore store_;
  std::unique_ptr<Operator> step_;
  CollectedOutput output_;
  std::int64_t commits_ = 0;
};

TEST_F(ConversionRepeats, AreToldByAssetNameIdAndTime) {
  const struct {
    std::string what;
    Sale first, second;
    bool is_repeat;
  } cases[] = {
      {"the same", {"x"}, {"x"}, true},
      {"another id", {"x"}, {"y"}, false},
      {"case matters in ids", {"x"}, {"X"}, false},
      {"but not in names", {"x", "", 0, "save"}, {"x", "", 0, "SAVE"}, true},
      {"another name", {"x", "", 0, "SAVE"}, {"x", "", 0, "LOGIN"}, false},
      {"another asset", {"x"}, {"x", "", 0, "PURCHASE", "a2"}, false},
      {"almost two days later", {"x", "", 48 * kHour - 1}, {"x"}, true},
      {"two days later", {"x", "", 48 * kHour}, {"x"}, false},
      {"almost two days before", {"x"}, {"x", "", 48 * kHour - 1}, true},
      {"two days before", {"x"}, {"x", "", 48 * kHour}, false},
      {"the same order", {"x", "1"}, {"y", "1"}, true},
      {"another order of the same id", {"x", "1"}, {"x", "2"}, true},
      {"the same order after two days", {"x", "1", 2 * kDay}, {"x", "1"}, true},
      {"the order of another asset", {"x", "1"}, {"y", "1", 0, "PURCHASE", "a2"}, false},
      {"only purchases have an order", {"x", "1"}, {"y", "1", 0, "SAVE"}, false},
      {"of either name", {"x", "1", 0, "SAVE"}, {"y", "1"}, false},
      {"no id and no order", {""}, {""}, false},
  };
  for (const auto& test : cases) {
    const std::size_t passing = test.is_repeat ? 1 : 2;
    SetUp();
    EXPECT_EQ(Passing({test.first, test.second}).size(), passing) << test.what << ", in one batch";
    ASSERT_TRUE(store_->Rollback().ok());
    SetUp();
    EXPECT_EQ(Passing({test.first}).size() + Passing({test.second}).size(), passing)
        << test.what << ", in two batches";
    ASSERT_TRUE(store_->Rollback().ok());
  }
}

TEST_F(ConversionRepeats, AreCountedAsAbsorbed) {
  EXPECT_THAT(Passing({{"a"}, {"a"}, {"b", "1"}, {"c", "1"}}), ElementsAre("a", "b"));
  EXPECT_EQ(output_.absorbed, 2);
  EXPECT_EQ(output_.filtered, 0);
  EXPECT_THAT(Passing({{"a"}, {"b"}}), ElementsAre());
  EXPECT_EQ(output_.absorbed, 4);
}

TEST_F(ConversionRepeats, OfOneKeyLeaveNoTraceUnderAnother) {
  EXPECT_THAT(Passing({{"a", "1"}, {"b", "1"}, {"b", "2"}}), ElementsAre("a", "b"));
  EXPECT_THAT(Passing({{"c", "2"}}), ElementsAre());
  EXPECT_THAT(Passing({{"c", "3"}}), ElementsAre("c"));
  EXPECT_THAT(Passing({{"a", "4"}}), ElementsAre());
  EXPECT_THAT(Passing({{"d", "4"}}), ElementsAre("d"));
}

TEST_F(ConversionRepeats, OfWhatIsNotSentPass) {
  Sale nobody{"a", "1"};
  nobody.has_mail = false;
  const Sale old{"b", "2", 8 * kDay};
  const Sale ahead{"c", "3", -2 * kHour};
  EXPECT_THAT(Passing({nobody, old, ahead, {"d", "4", 0, "CATCH_FISH"}}), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(Passing({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(output_.absorbed, 0);
  Batch tombstone = Events({{"e", "5"}});
  arrow::BooleanBuilder flags;
  ASSERT_TRUE(flags.Append(true).ok());
  tombstone.tombstone = std::static_pointer_cast<arrow::BooleanArray>(*flags.Finish());
  EXPECT_THAT(Passing(tombstone), ElementsAre("e"));
  EXPECT_THAT(Passing({{"e", "5"}}), ElementsAre("e"));
}

TEST_F(ConversionRepeats, OfWhatSnapRefusedPass) {
  EXPECT_THAT(Passing({{"a", "1"}, {"b", "2"}, {"c", "3", 0, "save"}}), ElementsAre("a", "b", "c"));
  Refuse({0, 2});
  EXPECT_THAT(Passing({{"a", "1"}, {"b", "4"}, {"c", "3", 0, "SAVE"}}), ElementsAre("a", "c"));
  EXPECT_THAT(Passing({{"e", "1"}}), ElementsAre());
}

TEST_F(ConversionRepeats, AreKnownOverARestartUnlessTheirFirstWasRefused) {
  EXPECT_THAT(Passing({{"a", "1"}, {"b", "2"}, {"c", "3"}}), ElementsAre("a", "b", "c"));
  Refuse({1});
  Commit();
  EXPECT_THAT(Passing({{"d", "4"}}), ElementsAre("d"));  // and is not committed
  Make();
  EXPECT_THAT(Passing({{"a"}, {"b", "2"}, {"f", "3"}, {"d", "4"}}), ElementsAre("b", "d"));
}

TEST_F(ConversionRepeats, WhatIsTakenBackIsThatRowOnly) {
  // Two days apart, so both were sent; the later one is refused.
  EXPECT_THAT(Passing({{"a", "", 2 * kDay}, {"a"}}), ElementsAre("a", "a"));
  Refuse({1});
  EXPECT_THAT(Passing({{"a", "", 1 * kDay}}), ElementsAre());
  EXPECT_THAT(Passing(std::vector<Sale>{{"a"}}), ElementsAre("a"));
}

TEST_F(ConversionRepeats, PassWhereNothingIsRemembered) {
  EXPECT_THAT(Passing({{"a", "1"}}), ElementsAre("a"));
  Commit();
  Make(false);
  EXPECT_THAT(Passing({{"a", "1"}, {"b", "2"}, {"b", "2"}}), ElementsAre("b", "b"));
  EXPECT_EQ(output_.absorbed, 1);
  Refuse({0});
  EXPECT_EQ(store_->dirty_rows(), 0);
  EXPECT_THAT(Passing({{"a", "1"}, {"b", "2"}}), ElementsAre("b"));
}

TEST_F(ConversionRepeats, ThatMayBeForgottenAreLate) {
  Batch batch = Events({{"a"}, {"b", "", 1}, {"", "", 1}, {"d", "", 1}});
  batch.watermark = Watermark(kNowMs - 1 + kLate);
  EXPECT_THAT(Passing(batch), ElementsAre("a", "t-3-72"));
  ASSERT_EQ(output_.late.size(), 2U);
  EXPECT_THAT(output_.late[0], HasSubstr("event_id=b"));
  EXPECT_THAT(output_.late[0], HasSubstr("reason=may_be_repeat"));
  EXPECT_THAT(output_.late[0], HasSubstr("late_by=0"));
  EXPECT_EQ(output_.absorbed, 0);
}

TEST_F(ConversionRepeats, AreForgottenBehindTheWatermarkOnly) {
  EXPECT_THAT(Passing({{"a", "1"}}), ElementsAre("a"));
  // A row that is almost late may still come, and repeats an order 30 days before that.
  ASSERT_TRUE(step_->AdvanceTime(Watermark(kNowMs + kLate + 30 * kDay - 1), output_).ok());
  EXPECT_EQ(store_->num_rows(), 1) << "the event is forgotten, its order is not";
  ASSERT_TRUE(step_->AdvanceTime(Watermark(kNowMs + 120 * kDay), output_).ok());
  EXPECT_EQ(store_->num_rows(), 0);
}

TEST_F(ConversionRepeats, AreToldOfEventsThatTheSinkDoesNotCheckAgain) {
  EXPECT_THAT(Passing({{"a", "1"}, {"a", "2"}, {"b", "", 8 * kDay}, {"c"}}), ElementsAre("a", "b", "c"));
  const Batch& passed = output_.batches.back();
  EXPECT_TRUE(passed.data->schema()->Equals(step_->output_schema()));
  const auto events = *ConversionEvents::Make(step_->output_schema(), {});
  ConversionBatch made;
  // By that clock all would be late.
  ASSERT_TRUE(events->Build(passed, EventTime(kNowMs + 300 * kDay), &made).ok());
  EXPECT_THAT(made.rows, ElementsAre(0, 2));
  ASSERT_EQ(made.late.size(), 1U);
  EXPECT_EQ(made.late.front().late_by_ms, kDay);
  EXPECT_TRUE(made.late_from->data->schema()->Equals(LateConversionSchema(*step_->output_schema())));
}

TEST_F(ConversionRepeats, LeaveTheIdsOfOtherRowsOfTheirRecordAlone) {
  const auto of_one_record = [](Batch batch) {
    arrow::Int32Builder records;
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) EXPECT_TRUE(records.Append(0).ok());
    batch.record = std::static_pointer_cast<arrow::Int32Array>(*records.Finish());
    return batch;
  };
  EXPECT_THAT(Passing(of_one_record(Events({{"a"}, {""}, {"a"}, {""}}))),
              ElementsAre("a", "t-3-70-1", "t-3-70-3"));
  EXPECT_THAT(Passing(of_one_record(Events({{"a"}, {""}, {"a"}, {""}}))),
              ElementsAre("t-3-70-1", "t-3-70-3"));
  const Batch cut = of_one_record(Events({{"a"}, {""}, {"a"}, {""}}));
  EXPECT_THAT(Passing(SliceBatch(cut, 0, 2)), ElementsAre("t-3-70-1"));
  EXPECT_THAT(Passing(SliceBatch(cut, 2, 2)), ElementsAre("t-3-70-3"));
}

TEST_F(ConversionRepeats, PassWithoutWhatIsEmpty) {
  EXPECT_THAT(Passing({{"", "", 0, "SAVE"}, {"a", "1"}}), ElementsAre("t-3-70", "a"));
  const arrow::RecordBatch& data = *output_.batches.back().data;
  for (const char* field : {"event_id", "custom_data.order_id"})
    EXPECT_EQ(data.GetColumnByName(field)->null_count(), 1) << field;
}

TEST(ConversionKeys, FollowTheFieldsAndTheSettings) {
  const auto tables = [](const SnapchatDeduplicate& wanted, const std::vector<std::string>& fields) {
    SnapchatConversionsSink sink;
    sink.deduplicate = wanted;
    arrow::FieldVector columns;
    for (const std::string& field : fields) columns.push_back(arrow::field(field, arrow::utf8()));
    std::vector<std::string> out;
    for (const ConversionKey& key : ConversionKeysOf(sink, "s", *arrow::schema(columns)))
      out.push_back(key.Layout());
    return out;
  };
  const std::vector<std::string> both = {"event_id", "custom_data.order_id"};
  const auto events = HasSubstr("s-events=deduplicate within 2d by ");
  const auto orders = HasSubstr("s-orders=deduplicate within 30d by ");
  EXPECT_THAT(tables({}, both), ElementsAre(events, orders));
  EXPECT_THAT(tables({}, {"event_id"}), ElementsAre(events));
  EXPECT_THAT(tables({}, {"custom_data.order_id"}), ElementsAre(orders));
  EXPECT_THAT(tables({}, {"event_name"}), ElementsAre());
  EXPECT_THAT(tables({.event_id = std::nullopt}, both), ElementsAre(orders));
  EXPECT_THAT(tables({.order_id = std::nullopt}, both), ElementsAre(events));
  EXPECT_THAT(tables({.event_id = std::nullopt, .order_id = std::nullopt}, both), ElementsAre());
}

}  // namespace
}  // namespace millrace
