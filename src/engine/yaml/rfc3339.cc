#include "engine/yaml/rfc3339.h"

#include <cctype>
#include <chrono>
#include <cstdio>

namespace millrace {
namespace {

/// Reads digits and separators of a fixed form; `ok` turns false at the first mismatch.
struct Cursor {
  std::string_view text;
  bool ok = true;

  int Number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (i >= text.size() || std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
        ok = false;
        return 0;
      }
      value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
  }
  bool Take(std::string_view any_of) {
    if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
  }
  void Expect(std::string_view any_of) { ok = Take(any_of) && ok; }
};

/// Milliseconds of ".123456".
int Fraction(Cursor& cursor) {
  if (!cursor.Take(".")) return 0;
  int ms = 0;
  int digits = 0;
  for (; !cursor.text.empty() && std::isdigit(static_cast<unsigned char>(cursor.text[0])) != 0; ++digits) {
    if (digits < 3) ms = ms * 10 + (cursor.text[0] - '0');
    cursor.text.remove_prefix(1);
  }
  if (digits == 0) cursor.ok = false;
  for (; digits < 3; ++digits) ms *= 10;
  return ms;
}

}  // namespace

Result<EventTime> ParseRfc3339(std::string_view text) {
  using std::chrono::year_month_day;
  Cursor cursor{text};
  const int year = cursor.Number(4);
  cursor.Expect("-");
  const int month = cursor.Number(2);
  cursor.Expect("-");
  const int day = cursor.Number(2);
  cursor.Expect("Tt ");
  const int hour = cursor.Number(2);
  cursor.Expect(":");
  const int minute = cursor.Number(2);
  cursor.Expect(":");
  const int second = cursor.Number(2);
  const int ms = Fraction(cursor);
  int offset_minutes = 0;
  if (!cursor.Take("Zz")) {
    const bool minus = !cursor.text.empty() && cursor.text[0] == '-';
    cursor.Expect("+-");
    const int hours = cursor.Number(2);
    cursor.Expect(":");
    offset_minutes = (hours * 60 + cursor.Number(2)) * (minus ? -1 : 1);
  }
  const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!cursor.ok || !cursor.text.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return Status::InvalidArgument("'" + std::string(text) +
                                   "' is not a time; write for example 2024-01-31T12:00:00Z");
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = days * 1440 + hour * 60 + minute - offset_minutes;
  return EventTime((minutes * 60 + second) * 1000 + ms);
}

std::string FormatRfc3339(EventTime time) {
  using std::chrono::days;
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::milliseconds> point{std::chrono::milliseconds(time.value())};
  if (time.value() < -62'167'219'200'000 || time.value() > 253'402'300'799'999)
    return std::to_string(time.value());
  const auto day = floor<days>(point);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{point - day};
  char out[64];
  std::snprintf(out, sizeof(out), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return out;
}

}  // namespace millrace
