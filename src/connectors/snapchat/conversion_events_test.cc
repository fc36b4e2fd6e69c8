#include "connectors/snapchat/conversion_events.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/checked_column.h"
#include "connectors/snapchat/conversion_harness.h"
#include "connectors/snapchat/late_conversions.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConversionEvents, AreWrittenWithWhatTheyHave) {
  const ConversionCase given{
      .columns = "type: string; email: string; url: string; price: double; cur: string; at: timestamp[ms]",
      .map = {{"event_name", "upper(type)"},
              {"user_data.em", "email"},
              {"event_source_url", "url"},
              {"value", "price"},
              {"currency", "cur"},
              {"event_time", "at"}},
      .rows =
          {R"({"type":"purchase","email":" A@b.c","url":"https://x/?ScCid=Q","price":12.5,"cur":"eur","at":1767268799999})",
           R"({"type":"page_view","email":"a@b.c","url":"https://x/"})"},
      .rules = {.action_source = "WEB"}};
  EXPECT_THAT(
      EventsOf(given),
      ElementsAre(
          R"({"event_name":"PURCHASE","event_time":1767268799,"action_source":"WEB","event_id":"t-3-70","event_source_url":"https://x/?ScCid=Q","user_data":{"em":["d648b243a3e817eaa3309e00e183483f2867baadf522099f0c2121770536b25a"]},"custom_data":{"currency":"EUR","value":12.5}})",
          R"({"event_name":"PAGE_VIEW","event_time":1767268800,"action_source":"WEB","event_id":"t-3-71","event_source_url":"https://x/","user_data":{"em":["d648b243a3e817eaa3309e00e183483f2867baadf522099f0c2121770536b25a"]}})"));
}

TEST(ConversionEvents, HaveTheDeviceIdUnderTheNameThatIsAskedFor) {
  ConversionCase given;
  given.columns = "mobile_ad_id: string; extinfo: list<string>";
  given.map = {{"event_name", "'APP_OPEN'"}};
  given.rows = {R"({"mobile_ad_id":"AB-12","extinfo":["i2"]})"};
  given.rules.action_source = "MOBILE_APP";
  EXPECT_THAT(EventsOf(given), ElementsAre(HasSubstr(R"("user_data":{"madid":"ab-12"})")));
  given.rules.other_names = true;
  EXPECT_THAT(EventsOf(given), ElementsAre(HasSubstr(R"("user_data":{"mobile_ad_id":"ab-12"})")));
}

TEST(ConversionEvents, AreSentUpToTheAgeThatSnapReportsAndLateAMillisecondLater) {  // F99
  constexpr std::int64_t kMost = 37LL * 24 * 3'600'000;
  ConversionCase given;
  given.columns = "em: string; at: timestamp[ms]";
  given.map = {{"event_name", "'SAVE'"}, {"event_time", "at"}};
  given.rules.action_source = "OFFLINE";
  given.rules.max_age = Duration(kMost);
  for (const std::int64_t age : {kMost - 1'000, kMost, kMost + 1, kMost + 1'000})
    given.rows.push_back(R"({"em":"a@b.c","at":)" + std::to_string(kNowMs - age) + "}");
  EXPECT_THAT(EventsOf(given),
              ElementsAre(HasSubstr("\"event_id\":\"t-3-70\""), HasSubstr("\"event_id\":\"t-3-71\""),
                          "late by 1", "late by 1000"));
}

/// As behind a repartition topic, where rows of several partitions meet.
TEST(ConversionEvents, AreCalledAfterThePlaceOfTheirRecordWhereverTheyAreRead) {
  Batch batch =
      BatchOf({.columns = "em: string", .map = {{"event_name", "'SAVE'"}}, .rows = {R"({"em":"a@b.c"})"}});
  batch.origin = {{"p-deduplicate-1-repartition", Partition(0)}, Offset(9), Offset(9)};
  const auto events = ConversionEvents::Make(batch.data->schema(), {.action_source = "OFFLINE"});
  ConversionBatch made;
  ASSERT_TRUE((*events)->Build(batch, EventTime(kNowMs), &made).ok());
  ASSERT_EQ(made.rows.size(), 1U);
  EXPECT_THAT(std::string(made.json.row(0).view()), testing::HasSubstr(R"("event_id":"t-3-70")"));
}

/// The event_id of each row, all of which are sent.
std::vector<std::string> Ids(const Batch& batch, ConversionEvents* events) {
  ConversionBatch made;
  EXPECT_TRUE(events->Build(batch, EventTime(kNowMs), &made).ok());
  EXPECT_EQ(static_cast<std::int64_t>(made.rows.size()), batch.num_rows());
  std::vector<std::string> ids;
  for (const std::int64_t row : made.rows) {
    const std::string_view json = made.json.row(row).view();
    const std::size_t begin = json.find("\"event_id\":\"") + 12;
    ids.emplace_back(json.substr(begin, json.find('"', begin) - begin));
  }
  return ids;
}

/// Rows of the first records of a batch: `records` says of which.
Batch OfRecords(const std::vector<std::int32_t>& records) {
  ConversionCase given{
      .columns = "em: string; event_id: string", .map = {{"event_name", "'SAVE'"}}, .rows = {}};
  given.rows.assign(records.size(), R"({"em":"a@b.c"})");
  given.rows[1] = R"({"em":"a@b.c","event_id":"own"})";
  Batch batch = BatchOf(given);
  arrow::Int32Builder of;
  EXPECT_TRUE(of.AppendValues(records).ok());
  batch.record = std::static_pointer_cast<arrow::Int32Array>(*of.Finish());
  return batch;
}

TEST(ConversionEvents, AreCalledTheSameHoweverTheirRecordIsCutIntoBatches) {
  const Batch batch = OfRecords({0, 0, 0, 1, 2, 2});
  const std::vector<std::string> all = {"t-3-70", "own", "t-3-70-2", "t-3-71", "t-3-72", "t-3-72-1"};
  for (unsigned cuts = 0; cuts < 32; ++cuts) {  // bit i: behind row i
    const auto events = *ConversionEvents::Make(batch.data->schema(), {.action_source = "OFFLINE"});
    std::vector<std::string> ids;
    std::int64_t begin = 0;
    for (std::int64_t end = 1; end <= batch.num_rows(); ++end) {
      if (end < batch.num_rows() && (cuts >> (end - 1) & 1U) == 0) continue;
      for (std::string& id : Ids(SliceBatch(batch, begin, end - begin), events.get()))
        ids.push_back(std::move(id));
      begin = end;
    }
    EXPECT_EQ(ids, all) << cuts;
  }
}

/// As when several branches of a pipeline meet again.
TEST(ConversionEvents, OfOneRecordHaveDifferentIdsWhateverComesBetween) {
  const Batch batch = OfRecords({0, 0, 1});
  const auto events = *ConversionEvents::Make(batch.data->schema(), {.action_source = "OFFLINE"});
  EXPECT_THAT(Ids(batch, events.get()), ElementsAre("t-3-70", "own", "t-3-71"));
  EXPECT_THAT(Ids(batch, events.get()), ElementsAre("t-3-70-2", "own", "t-3-71-1"));
}

TEST(ConversionEvents, OfARecordThatIsReadAgainHaveTheIdsThatTheyHad) {
  const Batch batch = OfRecords({0, 0, 0});
  const ConversionRules rules{.action_source = "OFFLINE"};
  EXPECT_THAT(Ids(SliceBatch(batch, 0, 2), ConversionEvents::Make(batch.data->schema(), rules)->get()),
              ElementsAre("t-3-70", "own"));
  const auto again = *ConversionEvents::Make(batch.data->schema(), rules);
  EXPECT_THAT(Ids(batch, again.get()), ElementsAre("t-3-70", "own", "t-3-70-2"));
  // Behind a repartition topic a record may also come twice to one task: in a block of its own.
  EXPECT_THAT(Ids(OfRecords({0, 0, 0}), again.get()), ElementsAre("t-3-70", "own", "t-3-70-2"));
}

/// What became of each row: its JSON, its error, or by how much it is late.
std::vector<std::string> Outcomes(const Batch& batch, const ConversionRules& rules, std::int64_t now_ms) {
  const auto events = *ConversionEvents::Make(batch.data->schema(), rules);
  ConversionBatch made;
  EXPECT_TRUE(events->Build(batch, EventTime(now_ms), &made).ok());
  std::vector<std::string> out(static_cast<std::size_t>(batch.num_rows()), "no event");
  const auto at = [&out](std::int64_t row) -> std::string& { return out[static_cast<std::size_t>(row)]; };
  for (const std::int64_t row : made.rows) at(row) = made.json.row(row).view();
  for (const RowError& error : made.errors) at(error.row) = error.error_class + ": " + error.message;
  for (const LateRow& late : made.late) at(late.row) = "late by " + std::to_string(late.late_by_ms);
  EXPECT_EQ(made.late_from.has_value(), !made.late.empty());
  return out;
}

TEST(CheckedConversions, AreWhatTheyWereWhenTheyWereCheckedAlsoWithoutSomeOfTheirRows) {
  Batch batch = BatchOf(
      {.columns = "event_name: string; em: string; event_time: int64; value: double; currency: string",
       .map = {},
       .rows = {R"({"event_name":"save","em":"a@b.c","currency":"eur"})",
                R"({"event_name":"CATCH_FISH","em":"a@b.c"})",
                R"({"event_name":"LOGIN","em":"a@b.c","event_time":1700000000})",
                R"({"event_name":"SHARE","em":"a@b.c"})",
                R"({"event_name":"PURCHASE","em":"a@b.c","value":1})",
                R"({"event_name":"RATE","em":"a@b.c","value":2,"currency":"USD"})"}});
  arrow::BooleanBuilder gone;
  ASSERT_TRUE(gone.AppendValues(std::vector<bool>{false, false, false, true, false, false}).ok());
  batch.tombstone = std::static_pointer_cast<arrow::BooleanArray>(*gone.Finish());
  ConversionRules rules;
  rules.action_source = "OFFLINE";
  const std::vector<std::string> all = Outcomes(batch, rules, kNowMs);
  EXPECT_THAT(all, ElementsAre(HasSubstr("EUR"), HasSubstr("event: event_name"), HasSubstr("late by"),
                               "no event", HasSubstr("event: custom_data.currency"), HasSubstr("t-3-75")));

  RecordRows record_rows;
  const Batch checked = *WithChecked(batch, *CheckConversions(batch, rules, EventTime(kNowMs), &record_rows));
  EXPECT_TRUE(checked.data->schema()->Equals(WithCheckedField(*batch.data->schema())));
  // A check a year later would find all of them late.
  constexpr std::int64_t kLater = kNowMs + 365LL * 24 * 3'600'000;
  EXPECT_THAT(Outcomes(batch, rules, kLater), testing::Contains(HasSubstr("late by")).Times(3));
  EXPECT_EQ(Outcomes(checked, rules, kLater), all);
  for (std::int64_t first = 0; first < batch.num_rows(); ++first) {
    EXPECT_EQ(Outcomes(SliceBatch(checked, first, batch.num_rows() - first), rules, kLater),
              std::vector<std::string>(all.begin() + first, all.end()));
    arrow::BooleanBuilder others;
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) ASSERT_TRUE(others.Append(row != first).ok());
    std::vector<std::string> left = all;
    left.erase(left.begin() + first);
    const auto keep = std::static_pointer_cast<arrow::BooleanArray>(*others.Finish());
    EXPECT_EQ(Outcomes(*FilterBatch(checked, *keep), rules, kLater), left);
  }
}

TEST(LateConversions, HaveTheIdAndTheTimeThatWereJudgedAndAReason) {
  const Batch batch = BatchOf({.columns = "event_name: string; em: string; event_time: int64",
                               .map = {},
                               .rows = {R"({"event_name":"SAVE","em":"a@b.c","event_time":1767268800})",
                                        R"({"event_name":"SAVE","em":"a@b.c","event_time":1700000000})",
                                        R"({"event_name":"SAVE","em":"a@b.c","event_time":1797268800123})"}});
  ConversionRules rules;
  rules.action_source = "OFFLINE";
  RecordRows record_rows;
  const auto checked = CheckConversions(batch, rules, EventTime(kNowMs), &record_rows);
  ASSERT_TRUE(checked.ok());
  const auto made = LateConversions(batch, *checked, std::vector<std::int32_t>{0});
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(LateConversions(*WithChecked(batch, *checked), *checked, std::vector<std::int32_t>{0})
                  ->data->Equals(*made->data));
  EXPECT_TRUE(made->data->schema()->Equals(LateConversionSchema(*batch.data->schema())));
  const auto text = [&](std::int64_t row) {
    std::string out;
    for (const char* name : {"event_id", "event_time", "reason"})
      out += made->data->GetColumnByName(name)->GetScalar(row).ValueOrDie()->ToString() + " ";
    return out;
  };
  EXPECT_EQ(text(0), "t-3-70 2026-01-01 12:00:00.000 may_be_repeat ");
  EXPECT_EQ(text(1), "t-3-71 2023-11-14 22:13:20.000 too_old ");
  EXPECT_EQ(text(2), "t-3-72 2026-12-14 17:20:00.123 too_far_ahead ");
}

}  // namespace
}  // namespace millrace
