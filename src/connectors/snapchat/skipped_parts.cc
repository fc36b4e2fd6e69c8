#include "connectors/snapchat/skipped_parts.h"

#include <utility>

#include "base/log.h"

namespace millrace {

SkippedParts::SkippedParts(std::string source, std::string message, MetricRegistry& metrics)
    : source_(std::move(source)),
      message_(std::move(message)),
      skipped_(metrics.GetCounter("millrace_feed_parts_skipped_total",
                                  "Accounts, or lists of them, that the far side refused to give.",
                                  {{"source", source_}})) {}

void SkippedParts::Add(const std::string& what, const std::string& why) {
  skipped_.Add(1);
  Log(LogLevel::kWarning, message_, {{"source", source_}, {"asked_for", what}, {"reason", why}});
}

}  // namespace millrace
