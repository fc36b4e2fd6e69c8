#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/mutex.h"
#include "base/result.h"
#include "codec/codec.h"
#include "connect/sink.h"

namespace millrace {

/// Where the console sinks of all tasks of one step print. Thread-safe.
class ConsoleOutput {
 public:
  /// `stream` outlives it; null: nothing is printed. `limit`: rows to print in all; 0 = all.
  ConsoleOutput(std::ostream* stream, std::int64_t limit) : stream_(stream), limit_(limit) {}

  /// How many of `rows` more rows may be printed.
  std::int64_t Claim(std::int64_t rows);
  /// Errors: kIo when nobody takes the output any more.
  Status Print(std::string_view lines);

 private:
  Mutex mutex_;
  std::ostream* const stream_;  // guarded by mutex_
  const std::int64_t limit_;
  std::int64_t claimed_ = 0;  // guarded by mutex_
};

/// Rows as lines of a table: a header before the first row and again every 40 rows, columns as wide as the
/// widest cell seen, numbers to the right. For people: nothing is promised about the layout.
///
/// Rows are printed when their checkpoint has committed, so that aborted rows are not seen (but for more than
/// 1 MiB in one checkpoint, which is printed early); a row may be printed again after a restart.
std::unique_ptr<Sink> MakeConsoleTableSink(const std::shared_ptr<arrow::Schema>& schema,
                                           std::shared_ptr<ConsoleOutput> output);

/// Rows as one line each, as `encoder` writes them (JSON lines). Otherwise like the table.
std::unique_ptr<Sink> MakeConsoleLineSink(std::unique_ptr<Encoder> encoder,
                                          std::shared_ptr<ConsoleOutput> output);

}  // namespace millrace
