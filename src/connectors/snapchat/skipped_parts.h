#pragma once

#include <string>

#include "base/metrics.h"

namespace millrace {

/// What a source leaves out because Snap refuses it: counted and logged, while the rest goes on. One owner.
class SkippedParts {
 public:
  /// `message`: of the log, "a list of entities is left as it was". `metrics` outlives it.
  SkippedParts(std::string source, std::string message, MetricRegistry& metrics);

  /// `what`: that was asked for, "adaccounts/1234/campaigns". `why`: free of secrets.
  void Add(const std::string& what, const std::string& why);

 private:
  const std::string source_;
  const std::string message_;
  Counter& skipped_;
};

}  // namespace millrace
