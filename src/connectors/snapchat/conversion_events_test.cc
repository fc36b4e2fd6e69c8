#include "connectors/snapchat/conversion_events.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(LateConversions, HaveTheIdAndTheTimeThatWereJudgedAndAReason) {
  const Batch batch = BatchOf({.columns = "event_name: string; em: string; event_time: int64",
                               .map = {},
                               .rows = {R"({"event_name":"SAVE","em":"a@b.c","event_time":1767268800})",
                                        R"({"event_name":"SAVE","em":"a@b.c","event_time":1700000000})",
                                        R"({"event_name":"SAVE","em":"a@b.c","event_time":1797268800123})"}});
  ConversionRules rules;
  rules.action_source = "OFFLINE";
  const auto checked = CheckConversions(batch, rules, EventTime(kNowMs));
  ASSERT_TRUE(checked.ok());
  const auto made = LateConversions(batch, *checked, std::vector<std::int32_t>{0});
  ASSERT_TRUE(made.ok());
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
