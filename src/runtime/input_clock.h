#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace millrace {

/// The clock of one input as it is noted beside its committed offset (OffsetMetadata::time):
/// "<watermark of the task>;<own watermark>", and for a repartition topic ";<the greatest watermark of those
/// that have reported>;" and one letter per upstream partition: "n" when it has not reported, else "a" or "i"
/// (idle) and how far it is behind that. Short, because brokers keep 4096 bytes (offset.metadata.max.bytes).
struct InputClock {
  struct Upstream {
    Watermark watermark = kNoWatermark;
    bool idle = false;
    bool reported = false;

    friend bool operator==(const Upstream&, const Upstream&) = default;
  };
  Watermark task = kNoWatermark;
  Watermark own = kNoWatermark;  ///< of a source topic
  std::vector<Upstream> upstreams{};

  friend bool operator==(const InputClock&, const InputClock&) = default;
};

std::string FormatInputClock(const InputClock& clock);
/// Errors: kCorrupt when it was not written by FormatInputClock.
Result<InputClock> ParseInputClock(std::string_view text);

}  // namespace millrace
