#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/ids.h"
#include "base/result.h"
#include "connect/sink.h"
#include "env/clock.h"
#include "runtime/topology.h"

namespace millrace {

struct RepartitionSinkOptions {
  std::string topic;
  std::int32_t partitions = 1;
  /// Partition number of the task that writes.
  Partition upstream{0};
};

/// Moves rows, or the partial aggregates that stand for them, to the partition of their key (K2): murmur2 of
/// the canonical key, one Arrow IPC stream per target and batch with event time, key and source offset as
/// columns; several where one would be larger than a record may be. A row that alone is too large becomes a
/// row error "too_large". What a row keeps of its record is where that is (topic, partition, offset), for
/// dead letters and for the order of equal event times (T5); bytes and headers stay behind. A row of no
/// record keeps the partition that made it. At each
/// checkpoint that changed it, the watermark goes to every partition after the rows it covers (T2a).
///
/// Precondition: rows have keys (group_by ran before).
std::unique_ptr<Sink> MakeRepartitionSink(RepartitionSinkOptions options, const Clock& clock);

/// Reads what the sink wrote: rows, and partial aggregates of the layout `partials` ("": of none). `schema`:
/// the columns of rows.
std::unique_ptr<InputReader> MakeRepartitionReader(std::shared_ptr<arrow::Schema> schema,
                                                   std::string partials = "");

}  // namespace millrace
