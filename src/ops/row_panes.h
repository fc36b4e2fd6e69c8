#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "columnar/batch.h"
#include "ops/operator.h"
#include "ops/window_assigner.h"

namespace millrace {

/// The pane of each row of a batch, for operators that count rows in windows of time. One owner.
class RowPanes {
 public:
  enum class Late {
    kByWatermark,  ///< late for the last of its windows by the watermark before it (W2)
    kNotJudged,    ///< something else tells
  };

  /// `assigner` outlives it.
  RowPanes(const WindowAssigner& assigner, Late late) : assigner_(assigner), late_(late) {}

  /// Finds the panes. Rows that are late go to the late output, those without a window become dead letters;
  /// both leave the batch.
  Status Assign(Batch* batch, Output& output);

  /// Starts of the panes in ms, one for each row of the batch.
  const std::vector<std::int64_t>& ms() const { return panes_ms_; }
  std::int64_t operator[](std::size_t row) const { return panes_ms_[row]; }
  std::size_t size() const { return panes_ms_.size(); }

 private:
  Status TakeOut(const WindowAssigner::Exceptions& exceptions, Batch* batch, Output& output) const;

  const WindowAssigner& assigner_;
  const Late late_;
  std::vector<std::int64_t> panes_ms_;
};

}  // namespace millrace
