#include "codec/json/json_time.h"

#include <charconv>

namespace millrace::json {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

/// Days since the epoch of a date of the proleptic Gregorian calendar (Howard Hinnant's days_from_civil).
std::int64_t DaysFromCivil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

struct Civil {
  std::int64_t year;
  int month;
  int day;
};

Civil CivilFromDays(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  const int civil_month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  return {year_of_era + era * 400 + (civil_month <= 2 ? 1 : 0), civil_month,
          static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1)};
}

int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

/// The number in `count` digits at `at`, or -1.
int Digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return -1;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool ReadDays(std::string_view text, std::int64_t* days) {
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || text[4] != '-' || text[7] != '-') return false;
  if (day > DaysInMonth(year, month)) return false;
  *days = DaysFromCivil(year, month, day);
  return true;
}

/// Reads "Z" or "+hh:mm", which must be all of `text`, as seconds east of Greenwich.
bool ReadZone(std::string_view text, std::int64_t* seconds) {
  *seconds = 0;
  if (text == "Z" || text == "z") return true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  const int hours = Digits(text, 1, 2);
  const int minutes = Digits(text, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  *seconds = (hours * 60 + minutes) * (text[0] == '-' ? -60 : 60);
  return true;
}

char* WritePadded(std::int64_t value, int digits, char* to) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  return to + digits;
}

}  // namespace

bool ParseDate(std::string_view text, std::int32_t* days) {
  std::int64_t value = 0;
  if (text.size() != 10 || !ReadDays(text, &value)) return false;
  *days = static_cast<std::int32_t>(value);
  return true;
}

bool ParseRfc3339(std::string_view text, std::int64_t units_per_second, std::int64_t* units) {
  std::int64_t days = 0;
  if (text.size() < 20 || !ReadDays(text, &days)) return false;
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  const bool separators =
      (text[10] == 'T' || text[10] == 't' || text[10] == ' ') && text[13] == ':' && text[16] == ':';
  if (!separators || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return false;
  std::size_t at = 19;
  std::int64_t fraction = 0;
  if (text[at] == '.') {
    const std::size_t start = ++at;
    std::int64_t digit_value = units_per_second;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      digit_value /= 10;
      fraction += (text[at] - '0') * digit_value;
    }
    if (at == start) return false;
  }
  std::int64_t zone = 0;
  if (!ReadZone(text.substr(at), &zone)) return false;
  const std::int64_t seconds = days * kSecondsPerDay + hour * 3600 + minute * 60 + second - zone;
  return !__builtin_mul_overflow(seconds, units_per_second, units) &&
         !__builtin_add_overflow(*units, fraction, units);
}

char* WriteDate(std::int64_t days, char* to) {
  const Civil civil = CivilFromDays(days);
  if (civil.year >= 0 && civil.year <= 9999) {
    to = WritePadded(civil.year, 4, to);
  } else {
    to = std::to_chars(to, to + 16, civil.year).ptr;
  }
  *to++ = '-';
  to = WritePadded(civil.month, 2, to);
  *to++ = '-';
  return WritePadded(civil.day, 2, to);
}

char* WriteRfc3339(std::int64_t units, std::int64_t units_per_second, char* to) {
  const auto floor_divide = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  const std::int64_t seconds = floor_divide(units, units_per_second);
  std::int64_t fraction = units % units_per_second;
  if (fraction < 0) fraction += units_per_second;
  const std::int64_t days = floor_divide(seconds, kSecondsPerDay);
  const std::int64_t of_day = seconds - days * kSecondsPerDay;
  to = WriteDate(days, to);
  *to++ = 'T';
  to = WritePadded(of_day / 3600, 2, to);
  *to++ = ':';
  to = WritePadded(of_day / 60 % 60, 2, to);
  *to++ = ':';
  to = WritePadded(of_day % 60, 2, to);
  if (units_per_second > 1) {
    *to++ = '.';
    to = WritePadded(fraction, units_per_second == 1'000 ? 3 : units_per_second == 1'000'000 ? 6 : 9, to);
  }
  *to++ = 'Z';
  return to;
}

}  // namespace millrace::json
