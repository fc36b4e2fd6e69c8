#include "snap_server/time_zone.h"

#include <gtest/gtest.h>

#include "snap_server/time_text.h"

namespace millrace::snap {
namespace {

EventTime At(const std::string& text) {
  const std::optional<WrittenTime> written = ReadTime(text);
  EXPECT_TRUE(written && written->offset) << text;
  return EventTime(written->local_ms - written->offset->count());
}

TEST(TimeZone, ChangesItsClocksByItsRule) {
  const struct {
    TimeZone zone;
    const char* last_before;
    const char* before;
    const char* first_after;
    const char* after;
  } cases[] = {
      {kLosAngeles, "2025-03-09T09:59:59Z", "2025-03-09T01:59:59.000-08:00", "2025-03-09T10:00:00Z",
       "2025-03-09T03:00:00.000-07:00"},
      {kLosAngeles, "2025-11-02T08:59:59Z", "2025-11-02T01:59:59.000-07:00", "2025-11-02T09:00:00Z",
       "2025-11-02T01:00:00.000-08:00"},
      {kNewYork, "2024-03-10T06:59:59Z", "2024-03-10T01:59:59.000-05:00", "2024-03-10T07:00:00Z",
       "2024-03-10T03:00:00.000-04:00"},
      {kBerlin, "2025-03-30T00:59:59Z", "2025-03-30T01:59:59.000+01:00", "2025-03-30T01:00:00Z",
       "2025-03-30T03:00:00.000+02:00"},
      {kBerlin, "2025-10-26T00:59:59Z", "2025-10-26T02:59:59.000+02:00", "2025-10-26T01:00:00Z",
       "2025-10-26T02:00:00.000+01:00"},
      {kSydney, "2025-04-05T15:59:59Z", "2025-04-06T02:59:59.000+11:00", "2025-04-05T16:00:00Z",
       "2025-04-06T02:00:00.000+10:00"},
      {kSydney, "2025-10-04T15:59:59Z", "2025-10-05T01:59:59.000+10:00", "2025-10-04T16:00:00Z",
       "2025-10-05T03:00:00.000+11:00"},
      {kSydney, "2025-12-31T12:59:59Z", "2025-12-31T23:59:59.000+11:00", "2025-12-31T13:00:00Z",
       "2026-01-01T00:00:00.000+11:00"},
      {kKolkata, "2025-03-09T18:29:59Z", "2025-03-09T23:59:59.000+05:30", "2025-03-09T18:30:00Z",
       "2025-03-10T00:00:00.000+05:30"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ZonedText(At(c.last_before), c.zone), c.before) << c.zone.name();
    EXPECT_EQ(ZonedText(At(c.first_after), c.zone), c.after) << c.zone.name();
  }
}

TEST(TimeZone, DaysBeginAtMidnightThere) {
  const EventTime noon = At("2025-03-09T12:00:00-07:00");
  EXPECT_EQ(ZonedText(kLosAngeles.StartOfDay(noon), kLosAngeles), "2025-03-09T00:00:00.000-08:00");
  EXPECT_EQ(ZonedText(kLosAngeles.StartOfDayAfter(noon, 1), kLosAngeles), "2025-03-10T00:00:00.000-07:00");
  EXPECT_EQ(kLosAngeles.StartOfDayAfter(noon, 1).value() - kLosAngeles.StartOfDay(noon).value(),
            23 * 3'600'000);
  const EventTime autumn = At("2025-11-02T12:00:00-08:00");
  EXPECT_EQ(kLosAngeles.StartOfDayAfter(autumn, 1).value() - kLosAngeles.StartOfDay(autumn).value(),
            25 * 3'600'000);
  EXPECT_EQ(kLosAngeles.DaysBetween(At("2025-03-01T00:00:00-08:00"), At("2025-04-01T00:00:00-07:00")), 31);
}

TEST(TimeZone, ReadsWhatClocksShow) {
  const auto from_local = [](const char* text, const TimeZone& zone) {
    return UtcText(zone.FromLocal(ReadTime(text)->local_ms));
  };
  EXPECT_EQ(from_local("2025-07-01T00:00:00", kBerlin), "2025-06-30T22:00:00.000Z");
  EXPECT_EQ(from_local("2025-01-01", kBerlin), "2024-12-31T23:00:00.000Z");
  EXPECT_EQ(from_local("2025-11-02T01:30:00", kLosAngeles), "2025-11-02T08:30:00.000Z");  // the first of two
  EXPECT_EQ(from_local("2025-03-09T02:30:00", kLosAngeles), "2025-03-09T10:30:00.000Z");  // left out there
}

TEST(TimeText, ReadsTheFormsOfRequests) {
  const struct {
    const char* text;
    std::int64_t local_ms;
    std::optional<Duration> offset;
  } cases[] = {
      {"1970-01-02", 86'400'000, std::nullopt},
      {"1970-01-01T01:00:00", 3'600'000, std::nullopt},
      {"1970-01-01T01:00", 3'600'000, std::nullopt},
      {"1970-01-01T00:00:00.25Z", 250, Duration(0)},
      {"1970-01-01T00:00:01.123456-08:00", 1'123, Duration(-8 * 3'600'000)},
      {"1970-01-01T00:00:00+0530", 0, Duration(19'800'000)},
      {"1969-12-31T23:59:59Z", -1'000, Duration(0)},
  };
  for (const auto& c : cases) {
    const std::optional<WrittenTime> written = ReadTime(c.text);
    ASSERT_TRUE(written) << c.text;
    EXPECT_EQ(written->local_ms, c.local_ms) << c.text;
    EXPECT_EQ(written->offset, c.offset) << c.text;
  }
  for (const char* text : {"", "2025", "2025-13-01", "2025-02-29", "2025-01-01T", "2025-01-01T24:00:00",
                           "2025-01-01T00:00:60", "2025-01-01T00:00:00 08:00", "2025-01-01T00:00:00Zx",
                           "2025-01-01T00:00:00.Z", "2025-01-01 00:00:00", "20250101"}) {
    EXPECT_FALSE(ReadTime(text)) << text;
  }
}

}  // namespace
}  // namespace millrace::snap
