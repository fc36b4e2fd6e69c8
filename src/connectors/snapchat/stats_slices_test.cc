#include "connectors/snapchat/stats_slices.h"

#include <string>
#include <vector>

#include <arrow/compute/initialize.h>
#include <gtest/gtest.h>

#include "codec/json/json_time.h"
#include "connectors/snapchat/stats_cursor.h"
#include "env/random.h"

namespace millrace {
namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr const char* kZones[] = {"America/Los_Angeles", "Europe/Berlin",     "Asia/Kolkata",
                                  "Australia/Lord_Howe", "America/Sao_Paulo", "UTC",
                                  "Pacific/Apia"};

EventTime At(const std::string& text) {
  std::int64_t ms = 0;
  EXPECT_TRUE(json::ParseRfc3339(text, 1'000, &ms)) << text;
  return EventTime(ms);
}

class StatsSlices : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }
  static AccountZone Zone(const std::string& name) {
    auto zone = AccountZone::Make(name);
    EXPECT_TRUE(zone.ok()) << zone.status().ToString();
    return *zone;
  }
};

TEST_F(StatsSlices, DaysBeginWhenTheClockOfTheAccountSaysSo) {
  const struct {
    const char* zone;
    const char* time;
    const char* start;
    const char* next;
  } cases[] = {
      {"America/Los_Angeles", "2026-03-08T12:00:00Z", "2026-03-08T00:00:00.000-08:00",
       "2026-03-09T00:00:00.000-07:00"},
      {"America/Los_Angeles", "2026-11-01T12:00:00Z", "2026-11-01T00:00:00.000-07:00",
       "2026-11-02T00:00:00.000-08:00"},
      {"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T00:00:00.000+01:00",
       "2026-03-30T00:00:00.000+02:00"},
      {"Europe/Berlin", "2026-03-28T22:59:59Z", "2026-03-28T00:00:00.000+01:00",
       "2026-03-29T00:00:00.000+01:00"},
      {"Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T00:00:00.000+02:00",
       "2026-10-26T00:00:00.000+01:00"},
      {"Asia/Kolkata", "2026-01-01T18:30:00Z", "2026-01-02T00:00:00.000+05:30",
       "2026-01-03T00:00:00.000+05:30"},
      {"Australia/Lord_Howe", "2026-04-05T00:00:00Z", "2026-04-05T00:00:00.000+11:00",
       "2026-04-06T00:00:00.000+10:30"},
      {"Australia/Lord_Howe", "2026-10-03T20:00:00Z", "2026-10-04T00:00:00.000+10:30",
       "2026-10-05T00:00:00.000+11:00"},
      // There was no midnight: the clock went from 23:59 to 01:00.
      {"America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T01:00:00.000-02:00",
       "2018-11-05T00:00:00.000-02:00"},
      {"UTC", "1969-12-31T23:00:00Z", "1969-12-31T00:00:00.000+00:00", "1970-01-01T00:00:00.000+00:00"},
  };
  for (const auto& [name, time, start, next] : cases) {
    const AccountZone zone = Zone(name);
    EXPECT_EQ(zone.Format(zone.StartOfDay(At(time))), start) << name << " " << time;
    EXPECT_EQ(zone.Format(zone.StartOfDayAfter(At(time), 1)), next) << name << " " << time;
  }
}

TEST_F(StatsSlices, HoursBeginWhenTheClockOfTheAccountIsFull) {
  const struct {
    const char* zone;
    const char* time;
    const char* hour;
  } cases[] = {
      {"America/Los_Angeles", "2026-03-08T09:00:01Z", "2026-03-08T03:00:00.000-07:00"},
      {"America/Los_Angeles", "2026-11-01T08:10:00Z", "2026-11-01T01:00:00.000-08:00"},
      {"Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T06:00:00.000+05:30"},
      {"Asia/Kolkata", "2026-01-01T00:30:00Z", "2026-01-01T06:00:00.000+05:30"},
      // At 02:00 the clock is put forward to 02:30: the next full hour is 03:00.
      {"Australia/Lord_Howe", "2026-10-03T15:10:00Z", "2026-10-04T03:00:00.000+11:00"},
      {"UTC", "2026-01-01T05:00:00Z", "2026-01-01T05:00:00.000+00:00"},
  };
  for (const auto& [name, time, hour] : cases) {
    const AccountZone zone = Zone(name);
    EXPECT_EQ(zone.Format(zone.HourAtOrAfter(At(time))), hour) << name << " " << time;
  }
}

TEST_F(StatsSlices, WhatHasBegunIsAskedForToItsEnd) {
  const AccountZone zone = Zone("Europe/Berlin");
  const auto end = [&](StatsGranularity granularity, const char* now) {
    return zone.Format(StatsEnd(zone, granularity, At(now)));
  };
  EXPECT_EQ(end(StatsGranularity::kDay, "2026-07-01T10:20:00Z"), "2026-07-02T00:00:00.000+02:00");
  EXPECT_EQ(end(StatsGranularity::kDay, "2026-06-30T22:00:00Z"), "2026-07-02T00:00:00.000+02:00");
  EXPECT_EQ(end(StatsGranularity::kHour, "2026-07-01T10:20:00Z"), "2026-07-01T13:00:00.000+02:00");
  EXPECT_EQ(end(StatsGranularity::kHour, "2026-07-01T10:00:00Z"), "2026-07-01T13:00:00.000+02:00");
}

TEST_F(StatsSlices, AreAsLongAsSnapAllows) {
  const struct {
    const char* zone;
    StatsGranularity granularity;
    const char* from;
    const char* end;
  } cases[] = {
      {"America/Los_Angeles", StatsGranularity::kDay, "2026-02-20T08:00:00Z",
       "2026-03-23T00:00:00.000-07:00"},
      {"America/Los_Angeles", StatsGranularity::kDay, "2026-10-15T07:00:00Z",
       "2026-11-15T00:00:00.000-08:00"},
      {"America/Los_Angeles", StatsGranularity::kHour, "2026-03-05T08:00:00Z",
       "2026-03-12T00:00:00.000-07:00"},
      // Seven days would have 169 hours.
      {"America/Los_Angeles", StatsGranularity::kHour, "2026-10-28T07:00:00Z",
       "2026-11-03T00:00:00.000-08:00"},
      {"Asia/Kolkata", StatsGranularity::kHour, "2026-01-01T18:30:00Z", "2026-01-09T00:00:00.000+05:30"},
      {"Australia/Lord_Howe", StatsGranularity::kHour, "2026-03-31T13:00:00Z",
       "2026-04-07T00:00:00.000+10:30"},
  };
  for (const auto& [name, granularity, from, end] : cases) {
    const AccountZone zone = Zone(name);
    const EventTime start = At(from);
    ASSERT_EQ(start, zone.StartOfDay(start)) << name << " " << from;
    const StatsSlice slice = NextStatsSlice(zone, granularity, start, At("2027-01-01T00:00:00Z"));
    EXPECT_EQ(zone.Format(slice.end), end) << name << " " << from;
  }
}

TEST_F(StatsSlices, CoverEverythingOnceWhateverTheZone) {
  Random random(7);
  for (const char* name : kZones) {
    const AccountZone zone = Zone(name);
    for (const auto granularity : {StatsGranularity::kHour, StatsGranularity::kDay}) {
      for (int i = 0; i < 20; ++i) {
        const EventTime begin =
            zone.StartOfDay(EventTime(random.Between(1'262'304'000'000, 1'830'000'000'000)));
        const EventTime until =
            StatsEnd(zone, granularity, EventTime(begin.value() + random.Between(1, 4'000 * kHour)));
        EventTime at = begin;
        while (at < until) {
          const StatsSlice slice = NextStatsSlice(zone, granularity, at, until);
          ASSERT_EQ(slice.start, at) << name;
          ASSERT_LT(slice.start, slice.end) << name;
          ASSERT_LE(slice.end, until) << name;
          ASSERT_EQ(slice.start, zone.StartOfDay(slice.start)) << name;
          if (slice.end != until) {
            ASSERT_EQ(slice.end, zone.StartOfDay(slice.end)) << name;
          }
          ASSERT_EQ(zone.HourAtOrAfter(slice.end), slice.end) << name << " " << zone.Format(slice.end);
          const std::int64_t most = granularity == StatsGranularity::kHour ? 168 : 32 * 24;
          ASSERT_LE(slice.end.value() - slice.start.value(), most * kHour) << name;
          at = slice.end;
        }
      }
    }
  }
}

TEST_F(StatsSlices, AnUnknownZoneIsSaidToBeOne) {
  for (const char* name : {"", "Mars/Olympus"}) {
    const auto zone = AccountZone::Make(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_NE(zone.status().message().find("there is no time zone '" + std::string(name) + "'"),
              std::string::npos);
  }
}

// --- What stays open ---

TEST_F(StatsSlices, ADayIsReadALastTimeTwoDaysAfterItsEnd) {
  const AccountZone zone = Zone("America/Los_Angeles");
  StatsCursor cursor({StatsGranularity::kDay, At("2026-03-01T08:00:00Z"), Duration(48 * kHour)}, zone);
  std::vector<std::string> asked;
  const auto round = [&](const char* now) {
    asked.clear();
    cursor.Begin(At(now));
    while (const auto slice = cursor.Next(At(now))) {
      asked.push_back(zone.Format(slice->start) + " " + zone.Format(slice->end));
      cursor.Done(*slice, At(now), true);
    }
    cursor.End();
    return asked;
  };
  EXPECT_EQ(round("2026-03-10T18:00:00Z"),
            std::vector<std::string>{"2026-03-01T00:00:00.000-08:00 2026-03-11T00:00:00.000-07:00"});
  EXPECT_EQ(zone.Format(cursor.open()), "2026-03-08T00:00:00.000-08:00");
  // The day of 23 hours ends at 07:00Z; it is open until then.
  round("2026-03-11T06:59:59Z");
  EXPECT_EQ(zone.Format(cursor.open()), "2026-03-08T00:00:00.000-08:00");
  EXPECT_EQ(round("2026-03-11T07:00:00Z"),
            std::vector<std::string>{"2026-03-08T00:00:00.000-08:00 2026-03-12T00:00:00.000-07:00"});
  EXPECT_EQ(zone.Format(cursor.open()), "2026-03-09T00:00:00.000-07:00");
}

TEST_F(StatsSlices, WhatWasReadTooEarlyStaysOpenThroughTheRound) {
  const AccountZone zone = Zone("UTC");
  StatsCursor cursor({StatsGranularity::kHour, At("2026-01-01T00:00:00Z"), Duration(48 * kHour)}, zone);
  cursor.Begin(At("2026-01-09T23:00:00Z"));
  auto slice = cursor.Next(At("2026-01-09T23:00:00Z"));
  ASSERT_TRUE(slice);
  cursor.Done(*slice, At("2026-01-09T23:00:00Z"), true);  // 1 to 7 January; the 7th is open
  EXPECT_EQ(cursor.open(), At("2026-01-07T00:00:00Z"));
  slice = cursor.Next(At("2026-01-11T01:00:00Z"));  // an answer that took long
  ASSERT_TRUE(slice);
  cursor.Done(*slice, At("2026-01-11T01:00:00Z"), true);
  EXPECT_EQ(cursor.open(), At("2026-01-07T00:00:00Z")) << "it was read when it was not final";
}

TEST_F(StatsSlices, ACursorGoesOnWhereItsTextSays) {
  const AccountZone zone = Zone("Asia/Kolkata");
  const StatsPlan plan{StatsGranularity::kHour, At("2026-01-01T00:00:00Z"), Duration(48 * kHour)};
  const EventTime now = At("2026-02-01T00:00:00Z");
  StatsCursor cursor(plan, zone);
  cursor.Begin(now);
  std::vector<EventTime> starts;
  for (int i = 0; i < 20; ++i) {
    StatsCursor read(plan, zone);
    read.Load(cursor.Text());
    EXPECT_EQ(read.Text(), cursor.Text());
    const auto slice = read.Next(now);
    if (!slice) break;
    starts.push_back(slice->start);
    cursor.Done(*slice, now, true);
  }
  EXPECT_EQ(starts.size(), 5U);
  cursor.End();
  StatsCursor read(plan, zone);
  read.Load(cursor.Text());
  EXPECT_FALSE(read.under_way());
  EXPECT_EQ(read.began(), now);
  StatsCursor broken(plan, zone);
  broken.Load("{}");
  EXPECT_FALSE(broken.began().has_value());
}

}  // namespace
}  // namespace millrace
