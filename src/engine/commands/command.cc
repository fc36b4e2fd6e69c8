#include "engine/commands/command.h"

#include <cctype>
#include <string>

namespace millrace {
namespace {

/// True for "file:12:3: ...".
bool NamesAPlace(std::string_view line) {
  int numbers = 0;
  for (std::size_t colon = line.find(':'); colon != std::string_view::npos && numbers < 2;) {
    std::size_t end = colon + 1;
    while (end < line.size() && std::isdigit(static_cast<unsigned char>(line[end])) != 0) ++end;
    numbers = end > colon + 1 && end < line.size() && line[end] == ':' ? numbers + 1 : 0;
    colon = line.find(':', colon + 1);
  }
  return numbers == 2;
}

}  // namespace

Exit Report(CommandIo& io, const Status& status) {
  if (status.ok()) return Exit::kOk;
  if (status.code() == StatusCode::kUnavailable) return Report(io, status, Exit::kNoBroker);
  return Report(io, status, NamesAPlace(status.message()) ? Exit::kUsage : Exit::kFailed);
}

Exit Report(CommandIo& io, const Status& status, Exit code) {
  if (NamesAPlace(status.message())) {
    io.err << status.message() << "\n";
  } else {
    io.err << "millrace: " << status.message() << "\n";
  }
  return code;
}

}  // namespace millrace
