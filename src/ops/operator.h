#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "columnar/batch.h"

namespace millrace {

/// Where an operator's results go. Implemented by the task, which counts (R4) and drives the next step;
/// operators never call each other. Valid during one call.
class Output {
 public:
  virtual ~Output() = default;
  /// Rows for the next step, in order. Batches of zero rows may be emitted and are dropped.
  virtual Status Emit(Batch batch) = 0;
  /// Rows of the step's input that came after their window closed (W2), or too late for what another step
  /// keeps; late_by_ms has one entry per row.
  virtual Status Late(Batch batch, std::vector<std::int64_t> late_by_ms) = 0;
  /// Rows of `batch` that failed (R3), ascending by row.
  virtual Status DeadLetter(const Batch& batch, std::vector<RowError> errors) = 0;
  /// Rows that a filter dropped, or that went into state: for the books of R4.
  virtual void CountFiltered(std::int64_t rows) = 0;
  virtual void CountAbsorbed(std::int64_t rows) = 0;
};

/// One step of a task. Immutable after construction but for its state; one owner, one thread.
class Operator {
 public:
  virtual ~Operator() = default;
  /// Errors: only what stops the task; a row that fails goes to Output::DeadLetter.
  virtual Status Process(Batch batch, Output& output) = 0;
  /// The task's watermark moved (never back). Only emits; lateness is judged in Process by
  /// Batch::watermark_before.
  virtual Status AdvanceTime(Watermark /*watermark*/, Output& /*output*/) { return Status::Ok(); }
  /// True when it asks when the pipeline ran for the first time.
  virtual bool uses_first_run() const { return false; }
  /// After Make: that, by the wall clock. Not called when nobody knows.
  virtual void SetFirstRun(EventTime /*first_run*/) {}
  /// What helps against the rows that it calls late: for the log.
  virtual std::string_view late_advice() const {
    return "raise out_of_orderness, or a window's grace; late: {topic: ...} keeps them";
  }
  /// After Make, and after its state was restored or rolled back: the watermark of the last AdvanceTime that
  /// the state has seen. Emits nothing.
  virtual void RestoreTime(Watermark /*watermark*/) {}
  /// Before the state is written: these rows of a batch that it emitted were not delivered after all by the
  /// sink right behind it, and are dead letters. Ascending.
  virtual Status TakeBack(const Batch& /*batch*/, std::span<const std::int64_t> /*rows*/) {
    return Status::Ok();
  }
  /// What the next step may take as its watermark when this step's is `input`: no row emitted later has an
  /// event time below it. A window that waits for late rows holds it back by its grace.
  virtual Watermark OutputWatermark(Watermark input) const { return input; }
  /// Columns of the batches it emits.
  virtual const std::shared_ptr<arrow::Schema>& output_schema() const = 0;
};

}  // namespace millrace
