#include "runtime/input_clock.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace millrace {
namespace {

constexpr char kSilent = 'n';
constexpr char kActive = 'a';
constexpr char kIdle = 'i';

template <typename Number>
bool ReadNumber(std::string_view* text, Number* out) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *out);
  if (error != std::errc{}) return false;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return true;
}

bool ReadWatermark(std::string_view* text, Watermark* out) {
  std::int64_t value = 0;
  if (!ReadNumber(text, &value)) return false;
  *out = Watermark(value);
  return true;
}

/// Without sign: from the least to the greatest watermark it is more than an int64.
std::uint64_t Behind(Watermark greatest, Watermark watermark) {
  return static_cast<std::uint64_t>(greatest.value()) - static_cast<std::uint64_t>(watermark.value());
}

bool ReadSeparator(std::string_view* text) {
  if (!text->starts_with(';')) return false;
  text->remove_prefix(1);
  return true;
}

bool ReadUpstream(std::string_view* text, Watermark greatest, InputClock::Upstream* upstream) {
  const char kind = text->front();
  text->remove_prefix(1);
  if (kind == kSilent) return true;
  if (kind != kActive && kind != kIdle) return false;
  upstream->idle = kind == kIdle;
  upstream->reported = true;
  std::uint64_t behind = 0;
  if (!ReadNumber(text, &behind)) return false;
  upstream->watermark =
      Watermark(static_cast<std::int64_t>(static_cast<std::uint64_t>(greatest.value()) - behind));
  return true;
}

bool ReadUpstreams(std::string_view text, std::vector<InputClock::Upstream>* upstreams) {
  if (text.empty()) return true;
  Watermark greatest;
  if (!ReadSeparator(&text) || !ReadWatermark(&text, &greatest) || !ReadSeparator(&text)) return false;
  while (!text.empty()) {
    if (!ReadUpstream(&text, greatest, &upstreams->emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::string FormatInputClock(const InputClock& clock) {
  std::string out = std::to_string(clock.task.value()) + ";" + std::to_string(clock.own.value());
  if (clock.upstreams.empty()) return out;
  std::optional<Watermark> reported;
  for (const InputClock::Upstream& upstream : clock.upstreams) {
    if (upstream.reported) reported = std::max(reported.value_or(kNoWatermark), upstream.watermark);
  }
  const Watermark greatest = reported.value_or(Watermark(0));
  out += ";" + std::to_string(greatest.value()) + ";";
  for (const InputClock::Upstream& upstream : clock.upstreams) {
    out += !upstream.reported ? kSilent : upstream.idle ? kIdle : kActive;
    if (upstream.reported) out += std::to_string(Behind(greatest, upstream.watermark));
  }
  return out;
}

Result<InputClock> ParseInputClock(std::string_view text) {
  const Status corrupt = Status::Corrupt("the committed offset's metadata '" + std::string(text) +
                                         "' was not written by Millrace; reset the pipeline's offsets");
  InputClock clock;
  if (!ReadWatermark(&text, &clock.task) || !ReadSeparator(&text) || !ReadWatermark(&text, &clock.own))
    return corrupt;
  if (!ReadUpstreams(text, &clock.upstreams)) return corrupt;
  return clock;
}

}  // namespace millrace
