#include "base/log.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace millrace {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";

// Process-wide by nature: there is one stderr. Set once by main() before threads start.
std::atomic<LogFormat> g_format{LogFormat::kText};

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_color_mt("millrace");
    made->set_pattern(kTextPattern);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum SpdLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out->append(escaped);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendValue(const LogField& field, bool json, std::string* out) {
  if (const auto* text = std::get_if<std::string>(&field.value)) {
    if (json || text->empty() || text->find_first_of(" =\"\n") != std::string::npos) {
      AppendJsonString(*text, out);
    } else {
      out->append(*text);
    }
  } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
    out->append(std::to_string(*integer));
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    out->append(json && !std::isfinite(*real) ? "null" : fmt::format("{:.6g}", *real));
  } else {
    out->append(std::get<bool>(field.value) ? "true" : "false");
  }
}

}  // namespace

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!Logger().should_log(SpdLevel(level))) return;
  const bool json = g_format.load(std::memory_order_relaxed) == LogFormat::kJson;
  std::string line;
  if (json) {
    line = "\"event\":";
    AppendJsonString(event, &line);
  } else {
    line = event;
  }
  for (const LogField& field : fields) {
    if (json) {
      line.push_back(',');
      AppendJsonString(field.key, &line);
      line.push_back(':');
    } else {
      line.push_back(' ');
      line.append(field.key);
      line.push_back('=');
    }
    AppendValue(field, json, &line);
  }
  Logger().log(SpdLevel(level), "{}", line);
}

void ConfigureLog(LogFormat format, LogLevel lowest) {
  g_format = format;
  Logger().set_level(SpdLevel(lowest));
  Logger().set_pattern(format == LogFormat::kJson ? kJsonPattern : kTextPattern);
}

}  // namespace millrace
