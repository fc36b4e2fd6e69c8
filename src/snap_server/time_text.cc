#include "snap_server/time_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace millrace::snap {
namespace {

using std::chrono::milliseconds;
using std::chrono::sys_days;
using std::chrono::sys_time;

constexpr std::int64_t kMinute_ms = 60'000;

std::string LocalText(std::int64_t local_ms) {
  const sys_time<milliseconds> time{milliseconds(local_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text.data();
}

std::string OffsetText(Duration offset) {
  const auto minutes = static_cast<int>(offset.count() / kMinute_ms);
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%c%02d:%02d", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                std::abs(minutes) % 60);
  return text.data();
}

/// Takes what it reads from the front of its text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// Exactly so many digits.
  std::optional<int> Digits(std::size_t count) {
    int number = 0;
    if (text_.size() < count ||
        text_.substr(0, count).find_first_not_of("0123456789") != std::string_view::npos) {
      return std::nullopt;
    }
    std::from_chars(text_.data(), text_.data() + count, number);
    text_.remove_prefix(count);
    return number;
  }
  bool Skip(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

std::optional<std::int64_t> ReadDate(Reader* reader) {
  const auto year = reader->Digits(4);
  if (!year || !reader->Skip('-')) return std::nullopt;
  const auto month = reader->Digits(2);
  if (!month || !reader->Skip('-')) return std::nullopt;
  const auto day = reader->Digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return sys_time<milliseconds>(sys_days(date)).time_since_epoch().count();
}

/// ms since midnight.
std::optional<std::int64_t> ReadTimeOfDay(Reader* reader) {
  const auto hour = reader->Digits(2);
  if (!hour || *hour > 23 || !reader->Skip(':')) return std::nullopt;
  const auto minute = reader->Digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t ms = (*hour * 60 + *minute) * kMinute_ms;
  if (!reader->Skip(':')) return ms;
  const auto second = reader->Digits(2);
  if (!second || *second > 59) return std::nullopt;
  ms += *second * 1000;
  if (!reader->Skip('.')) return ms;
  std::int64_t unit = 100;
  auto digit = reader->Digits(1);
  if (!digit) return std::nullopt;
  for (; digit; digit = reader->Digits(1), unit /= 10) ms += *digit * unit;
  return ms;
}

std::optional<Duration> ReadOffset(Reader* reader) {
  if (reader->Skip('Z')) return Duration(0);
  const bool west = reader->Skip('-');
  if (!west && !reader->Skip('+')) return std::nullopt;
  const auto hours = reader->Digits(2);
  reader->Skip(':');
  const auto minutes = reader->Digits(2);
  if (!hours || !minutes || *hours > 18 || *minutes > 59) return std::nullopt;
  const std::int64_t ms = (*hours * 60 + *minutes) * kMinute_ms;
  return Duration(west ? -ms : ms);
}

}  // namespace

std::string UtcText(EventTime time) { return LocalText(time.value()) + "Z"; }

std::string ZonedText(EventTime time, const TimeZone& zone) {
  return LocalText(zone.ToLocal(time)) + OffsetText(zone.OffsetAt(time));
}

std::optional<WrittenTime> ReadTime(std::string_view text) {
  Reader reader(text);
  const auto date = ReadDate(&reader);
  if (!date) return std::nullopt;
  WrittenTime written{*date};
  if (reader.done()) return written;
  if (!reader.Skip('T')) return std::nullopt;
  const auto time_of_day = ReadTimeOfDay(&reader);
  if (!time_of_day) return std::nullopt;
  written.local_ms += *time_of_day;
  if (reader.done()) return written;
  written.offset = ReadOffset(&reader);
  if (!written.offset || !reader.done()) return std::nullopt;
  return written;
}

}  // namespace millrace::snap
