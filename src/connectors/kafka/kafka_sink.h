#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/ids.h"
#include "base/result.h"
#include "codec/codec.h"
#include "connect/sink.h"

namespace millrace {

struct KafkaSinkOptions {
  std::string topic;
  /// Encodes the payload columns.
  std::unique_ptr<Encoder> value;
  /// Columns of the payload that make the message key, encoded by `key`; empty: the row's own key bytes.
  std::vector<std::string> key_columns;
  std::unique_ptr<Encoder> key;
  /// Records without a key. Precondition: no key columns.
  bool keyless = false;
  /// Every record goes there; nullopt: by murmur2 of the key.
  std::optional<Partition> partition;
};

/// Writes each row as a record: its event time as timestamp, a tombstone as a null value, the trace headers
/// (traceparent, tracestate) of the record it came from. Rows that are too large become row errors
/// "too_large", tombstones of records in which a key column is null, so that they would delete nothing,
/// "unknown_key". `input`: the schema of the rows. Errors: user error for a key column that is not in it.
Result<std::unique_ptr<Sink>> MakeKafkaSink(KafkaSinkOptions options, const arrow::Schema& input);

}  // namespace millrace
