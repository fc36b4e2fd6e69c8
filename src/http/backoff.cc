#include "http/backoff.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

#include <curl/curl.h>

namespace millrace {
namespace {

/// More than any pause is bounded by, and far from overflow.
constexpr std::int64_t kMaxSeconds = 1'000'000'000;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Duration Backoff::Next(std::optional<Duration> asked) {
  Duration bound = options_.first;
  for (std::int32_t i = 0; i < tries_ && bound < options_.longest; ++i) bound *= 2;
  bound = std::min(bound, options_.longest);
  ++tries_;
  const Duration chosen(random_.Between(0, bound.count()));
  return std::max(chosen, std::min(asked.value_or(Duration(0)), options_.longest_asked));
}

std::optional<Duration> RetryAfter(std::string_view header, EventTime now) {
  const std::string text(Trimmed(header));
  if (IsNumber(text)) {
    std::int64_t seconds = kMaxSeconds;
    // What does not fit is bounded like what is large.
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::chrono::seconds(std::min(seconds, kMaxSeconds));
  }
  // Every HTTP date has a time of day; curl would also take a day alone.
  if (text.find(':') == std::string::npos) return std::nullopt;
  const std::time_t date = curl_getdate(text.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const Duration pause = std::chrono::seconds(date) - Duration(now.value());
  return std::clamp<Duration>(pause, Duration(0), std::chrono::seconds(kMaxSeconds));
}

}  // namespace millrace
