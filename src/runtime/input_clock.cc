#include "runtime/input_clock.h"

#include <charconv>
#include <cstdint>

namespace millrace {
namespace {

bool ReadWatermark(std::string_view* text, Watermark* out) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{}) return false;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  *out = Watermark(value);
  return true;
}

bool ReadSeparator(std::string_view* text) {
  if (!text->starts_with(';')) return false;
  text->remove_prefix(1);
  return true;
}

bool ReadUpstream(std::string_view* text, InputClock::Upstream* upstream) {
  if (text->empty() || text->front() == ';') return true;
  upstream->idle = text->front() == 'i';
  upstream->reported = true;
  text->remove_prefix(1);
  return ReadWatermark(text, &upstream->watermark);
}

}  // namespace

std::string FormatInputClock(const InputClock& clock) {
  std::string out = std::to_string(clock.task.value()) + ";" + std::to_string(clock.own.value());
  for (const InputClock::Upstream& upstream : clock.upstreams) {
    out += ";";
    if (upstream.reported) out += (upstream.idle ? "i" : "a") + std::to_string(upstream.watermark.value());
  }
  return out;
}

Result<InputClock> ParseInputClock(std::string_view text) {
  const Status corrupt = Status::Corrupt("the committed offset's metadata '" + std::string(text) +
                                         "' was not written by Millrace; reset the pipeline's offsets");
  InputClock clock;
  if (!ReadWatermark(&text, &clock.task) || !ReadSeparator(&text) || !ReadWatermark(&text, &clock.own))
    return corrupt;
  while (!text.empty()) {
    if (!ReadSeparator(&text) || !ReadUpstream(&text, &clock.upstreams.emplace_back())) return corrupt;
  }
  return clock;
}

}  // namespace millrace
