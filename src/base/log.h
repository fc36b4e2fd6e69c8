#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"

namespace millrace {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

/// One key=value of a log line.
struct LogField {
  std::string_view key;
  std::variant<std::string, std::int64_t, double, bool> value;

  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <typename Int>
  requires std::is_integral_v<Int> LogField(std::string_view k, Int v)
      : key(k), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view k, const Status& v) : key(k), value(v.ToString()) {}
};

/// Writes one line to stderr: time, level, event sentence, fields. One line per event that matters; never per
/// record. Thread-safe. Secrets must not be passed: redact before (kafka::RedactedConfig).
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

/// For the whole process; called by main() before threads start. Default: text, info.
void ConfigureLog(LogFormat format, LogLevel lowest);

}  // namespace millrace
