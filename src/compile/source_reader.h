#pragma once

#include <memory>
#include <string>

#include "base/duration.h"
#include "base/result.h"
#include "codec/codec.h"
#include "env/clock.h"
#include "expr/expr.h"
#include "runtime/topology.h"

namespace millrace {

struct SourceReaderOptions {
  std::unique_ptr<Decoder> values;
  /// Declared key (K2): decodes message keys into one column of the type of `key_column`; null when not
  /// declared.
  std::unique_ptr<Decoder> keys;
  std::string key_column;
  Expr timestamp;  ///< event time (T1) of the decoded columns; empty: the Kafka timestamp
  Duration max_future{0};
};

/// Reads blocks of a source topic: decodes values, sets event time (T1, T4), keeps the message key and checks
/// that it is the declared column (K2): a row where only one of them is null differs, too. In a tombstone the
/// declared column is the message key, and the event time is the Kafka timestamp where there is no other.
///
/// Errors of Make: user error when a column is missing or the event time is no timestamp.
Result<std::unique_ptr<InputReader>> MakeSourceReader(SourceReaderOptions options, const Clock& clock);

}  // namespace millrace
