#pragma once

#include <ostream>
#include <string_view>

#include "base/status.h"

namespace millrace {

/// How a command of `millrace` ends.
enum class Exit : int {
  kOk = 0,        ///< ended or stopped
  kFailed = 1,    ///< the pipeline, or what was asked for, failed
  kUsage = 2,     ///< wrong use or an invalid file
  kNoBroker = 3,  ///< no broker answered
};

/// Where a command writes.
struct CommandIo {
  std::ostream& out;             ///< data
  std::ostream& err;             ///< messages
  bool out_is_terminal = false;  ///< tables may redraw themselves and use colour
  bool log_is_chosen = false;    ///< the user said what of the log to show, so commands leave that alone
};

/// Writes the error and gives the exit code: 3 when nobody answers, 2 for an invalid file, else 1. Lines that
/// begin with "file:line:column:" are written as they are, so that editors find the place.
Exit Report(CommandIo& io, const Status& status);

/// The same with a given exit code.
Exit Report(CommandIo& io, const Status& status, Exit code);

}  // namespace millrace
