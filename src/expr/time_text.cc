#include "expr/time_text.h"

#include <chrono>
#include <cstddef>

#include <arrow/type.h>

#include "columnar/time_unit.h"

namespace millrace::expr_internal {
namespace {

constexpr std::int32_t kNanosPerSecond = 1'000'000'000;

/// Reads fixed-width pieces from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return text_.empty(); }

  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool Digits(std::size_t count, int* out) {
    if (text_.size() < count) return false;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    *out = value;
    return true;
  }

  bool Fraction(ParsedTime* time) {
    std::int32_t scale = kNanosPerSecond;
    while (!text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      if (time->fraction_digits == 9) return false;
      scale /= 10;
      time->nanos += (text_[0] - '0') * scale;
      ++time->fraction_digits;
      text_.remove_prefix(1);
    }
    return time->fraction_digits > 0;
  }

  bool Offset(int* seconds) {
    if (Take('Z') || Take('z')) return true;
    const bool minus = !text_.empty() && text_[0] == '-';
    if (!Take('+') && !Take('-')) return false;
    int hours = 0;
    int minutes = 0;
    if (!Digits(2, &hours)) return false;
    if (!AtEnd()) {
      Take(':');
      if (!Digits(2, &minutes)) return false;
    }
    if (hours > 23 || minutes > 59) return false;
    *seconds = (hours * 60 + minutes) * (minus ? -60 : 60);
    return true;
  }

 private:
  std::string_view text_;
};

bool ReadClock(Reader* reader, ParsedTime* time) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!reader->Digits(2, &hour) || !reader->Take(':') || !reader->Digits(2, &minute)) return false;
  if (reader->Take(':')) {
    if (!reader->Digits(2, &second)) return false;
    if ((reader->Take('.') || reader->Take(',')) && !reader->Fraction(time)) return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  time->seconds += hour * 3600 + minute * 60 + second;
  int offset = 0;
  if (!reader->AtEnd() && !reader->Offset(&offset)) return false;
  time->seconds -= offset;
  return true;
}

}  // namespace

std::optional<std::int64_t> ParsedTime::In(arrow::TimeUnit::type unit) const {
  const std::int64_t per_second = UnitsPerSecond(unit);
  std::int64_t value = 0;
  if (__builtin_mul_overflow(seconds, per_second, &value)) return std::nullopt;
  if (__builtin_add_overflow(value, nanos / (kNanosPerSecond / per_second), &value)) return std::nullopt;
  return value;
}

std::string_view ParsedTime::TypeText() const {
  if (fraction_digits <= 3) return "timestamp[ms]";
  return fraction_digits <= 6 ? "timestamp[us]" : "timestamp[ns]";
}

std::optional<ParsedTime> ParseTime(std::string_view text) {
  Reader reader(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!reader.Digits(4, &year) || !reader.Take('-') || !reader.Digits(2, &month) || !reader.Take('-') ||
      !reader.Digits(2, &day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  ParsedTime time;
  time.seconds = std::int64_t{std::chrono::sys_days{date}.time_since_epoch().count()} * 86'400;
  if (reader.AtEnd()) {
    time.date_only = true;
    return time;
  }
  if (!reader.Take('T') && !reader.Take('t') && !reader.Take(' ')) return std::nullopt;
  if (!ReadClock(&reader, &time) || !reader.AtEnd()) return std::nullopt;
  return time;
}

}  // namespace millrace::expr_internal
