#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/batch.h"
#include "connect/producer.h"

namespace millrace {

/// What a sink may use while it works; owned by the worker, valid during one call.
struct SinkContext {
  /// The worker's producer: part of the checkpoint's transaction under exactly_once.
  Producer* producer = nullptr;
  /// Rows the sink could not write (too large, not encodable) are appended here; the task dead-letters them (R3).
  std::vector<RowError>* errors = nullptr;
};

/// The end of a pipeline branch: one object per task and sink. One owner, one thread.
///
/// Life: Recover -> (Write* -> Prepare -> Commit | Rollback)* -> Close.
class Sink {
 public:
  virtual ~Sink() = default;
  /// After start, rebalance or an unknown outcome: publishes what was committed, drops what was not.
  virtual Status Recover() { return Status::Ok(); }
  virtual Status Write(const Batch& batch, SinkContext& context) = 0;
  /// Makes everything written durable but not visible, before the Kafka transaction commits.
  virtual Status Prepare(SinkContext& /*context*/) { return Status::Ok(); }
  /// The transaction committed: makes it visible; idempotent.
  virtual Status Commit() { return Status::Ok(); }
  /// The transaction aborted: forgets everything since the last Commit.
  virtual Status Rollback() { return Status::Ok(); }
  virtual Status Close() { return Status::Ok(); }
};

}  // namespace millrace
