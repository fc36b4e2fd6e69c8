#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "columnar/batch.h"
#include "connect/producer.h"

namespace millrace {

/// A row that came too late for a sink.
struct LateRow {
  std::int64_t row = 0;
  std::int64_t late_by_ms = 0;
};

/// Rows of a batch that was written before and that have failed since.
struct FailedRows {
  Batch batch;
  std::vector<RowError> errors;
};

/// What a sink may use while it works; owned by the worker, valid during one call.
struct SinkContext {
  /// The worker's producer: part of the checkpoint's transaction under exactly_once.
  Producer* producer = nullptr;
  /// Rows the sink could not write (too large, not encodable) are appended here; the task dead-letters them
  /// (R3).
  std::vector<RowError>* errors = nullptr;
  /// At Write: rows that come too late for the sink are appended here; the task gives them to the late
  /// output.
  std::vector<LateRow>* late = nullptr;
  /// At Write: what the late output gets of those rows, row by row, where that is not the batch itself.
  std::optional<Batch> late_from{};
  /// At Write: how many of the rows have no outcome yet; Prepare will tell of them.
  std::int64_t unsettled = 0;
  /// At Prepare: how many of those were delivered, and those that failed, which the task dead-letters (R3).
  std::int64_t settled = 0;
  std::vector<FailedRows>* failed = nullptr;
  /// Write and Prepare add the bytes they handed on: keys and values, text, or what a staging file grew by.
  std::int64_t bytes = 0;
  /// At Prepare: the watermark of the rows written so far, and whether every input of the task is idle (T2a).
  Watermark watermark = kNoWatermark;
  bool idle = false;
};

/// The end of a pipeline branch: one object per task and sink. One owner, one thread.
///
/// Life: Recover -> (Write* -> Settle* -> Prepare -> Commit -> Publish?)* -> Close | Rollback.
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
  /// For a sink that delivers in the background: sends what waits for more rows, and waits at most `wait`
  /// until everything written has its outcome. False: not yet. Its worker reads nothing then, and asks again
  /// before it prepares.
  virtual bool Settle(Duration /*wait*/) { return true; }
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
