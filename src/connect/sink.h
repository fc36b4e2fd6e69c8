#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/batch.h"
#include "connect/producer.h"

namespace millrace {

/// What a sink may use while it works; owned by the worker, valid during one call.
struct SinkContext {
  /// The worker's producer: part of the checkpoint's transaction under exactly_once.
  Producer* producer = nullptr;
  /// Rows the sink could not write (too large, not encodable) are appended here; the task dead-letters them
  /// (R3).
  std::vector<RowError>* errors = nullptr;
  /// Write and Prepare add the bytes they handed on: keys and values, text, or what a staging file grew by.
  std::int64_t bytes = 0;
  /// At Prepare: the watermark of the rows written so far, and whether every input of the task is idle (T2a).
  Watermark watermark = kNoWatermark;
  bool idle = false;
};

/// The end of a pipeline branch: one object per task and sink. One owner, one thread.
///
/// Life: Recover -> (Write* -> Prepare -> Commit -> Publish?)* -> Close | Rollback.
///
/// A sink outside Kafka is exactly once by its note: a short text that is committed together with the task's
/// offsets (in the metadata of the committed offset), so that Recover learns how far the last committed
/// transaction came.
class Sink {
 public:
  virtual ~Sink() = default;
  static constexpr std::size_t kMaxNoteBytes = 200;

  /// After start, rebalance or an unknown outcome: publishes what was committed, drops what was not. `note`:
  /// what Note gave to the last transaction that committed; "" when there was none.
  virtual Status Recover(std::string_view /*note*/ = {}) { return Status::Ok(); }
  virtual Status Write(const Batch& batch, SinkContext& context) = 0;
  /// Makes everything written durable but not visible, before the Kafka transaction commits.
  virtual Status Prepare(SinkContext& /*context*/) { return Status::Ok(); }
  /// After Prepare: goes with the offsets into the transaction. At most kMaxNoteBytes, no ';' and no control
  /// characters.
  virtual std::string Note() const { return {}; }
  /// True when Recover does what a note asks for. A note beside which no such sink stands any more goes to
  /// TaskProgram::publish_note.
  virtual bool TakesNotes() const { return false; }
  /// True when the sink needs a checkpoint though no input came: a file has reached its roll time.
  virtual bool CheckpointDue() const { return false; }
  /// The transaction committed: makes it visible; idempotent.
  virtual Status Commit() { return Status::Ok(); }
  /// The transaction aborted or its outcome is unknown: forgets everything since the last Commit; only
  /// destruction may follow.
  virtual Status Rollback() { return Status::Ok(); }
  /// Before a clean stop: makes visible now what would wait for more rows. The next note is empty then, so
  /// that nothing has to be found again at the next start. Precondition: everything written is committed.
  virtual Status Publish() { return Status::Ok(); }
  /// Precondition: everything written is committed.
  virtual Status Close() { return Status::Ok(); }
};

}  // namespace millrace
