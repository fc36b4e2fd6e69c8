#include "connectors/snapchat/account_zone.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "base/check.h"
#include "codec/json/json_time.h"
#include "columnar/arrow_status.h"

namespace millrace {
namespace {

namespace cp = arrow::compute;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr std::int64_t FloorTo(std::int64_t value, std::int64_t unit) {
  const std::int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

}  // namespace

Result<AccountZone> AccountZone::Make(const std::string& name) {
  AccountZone zone(name);
  if (name.empty() || !zone.LocalOf(EventTime(0)).ok() || !zone.InstantOf(0).ok()) {
    return Status::InvalidArgument("there is no time zone '" + name +
                                   "' on this machine; install its time zone database (tzdata)");
  }
  return zone;
}

Result<std::int64_t> AccountZone::LocalOf(EventTime time) const {
  const auto type = arrow::timestamp(arrow::TimeUnit::MILLI, name_);
  MR_ASSIGN_ARROW(
      const arrow::Datum local,
      cp::CallFunction("local_timestamp",
                       {arrow::Datum(std::make_shared<arrow::TimestampScalar>(time.value(), type))}));
  return static_cast<const arrow::TimestampScalar&>(*local.scalar()).value;
}

Result<EventTime> AccountZone::InstantOf(std::int64_t local) const {
  const cp::AssumeTimezoneOptions options(name_, cp::AssumeTimezoneOptions::AMBIGUOUS_EARLIEST,
                                          cp::AssumeTimezoneOptions::NONEXISTENT_LATEST);
  const auto type = arrow::timestamp(arrow::TimeUnit::MILLI);
  MR_ASSIGN_ARROW(
      const arrow::Datum instant,
      cp::CallFunction("assume_timezone",
                       {arrow::Datum(std::make_shared<arrow::TimestampScalar>(local, type))}, &options));
  return EventTime(static_cast<const arrow::TimestampScalar&>(*instant.scalar()).value);
}

std::int64_t AccountZone::Local(EventTime time) const {
  const Result<std::int64_t> local = LocalOf(time);
  MR_CHECK(local.ok()) << name_;  // Make has asked for one
  return *local;
}

EventTime AccountZone::StartOfDay(EventTime time) const { return StartOfDayAfter(time, 0); }

EventTime AccountZone::StartOfDayAfter(EventTime time, int days) const {
  const Result<EventTime> start = InstantOf(FloorTo(Local(time), kDay) + days * kDay);
  MR_CHECK(start.ok()) << name_;
  return *start;
}

EventTime AccountZone::HourAtOrAfter(EventTime time) const {
  // Twice: the clock may be put forward or back by half an hour before the next full one.
  for (int i = 0; i < 2; ++i) {
    const std::int64_t over = Local(time) - FloorTo(Local(time), kHour);
    if (over != 0) time = EventTime(time.value() + kHour - over);
  }
  return time;
}

std::string AccountZone::Format(EventTime time) const {
  const std::int64_t local = Local(time);
  const std::int64_t offset = (local - time.value()) / kMinute;
  std::array<char, json::kMaxTimestampBytes> text{};
  char* const end = json::WriteRfc3339(local, 1'000, text.data());
  std::array<char, 16> zone{};
  std::snprintf(zone.data(), zone.size(), "%c%02d:%02d", offset < 0 ? '-' : '+',
                static_cast<int>(std::abs(offset) / 60), static_cast<int>(std::abs(offset) % 60));
  return std::string(text.data(), end - 1) + zone.data();  // for the Z
}

}  // namespace millrace
