#include "engine/savepoint/shared_windows.h"

#include <algorithm>
#include <string>

#include "runtime/input_clock.h"
#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

std::int64_t FloorDivide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

}  // namespace

SharedWindows SharedWindowsOf(const PlanNode& node) {
  const auto* const window = std::get_if<WindowStep>(&node.op);
  if (window == nullptr) return {};
  // With a trigger each window has rows of its own, which go when it closes.
  if (window->trigger.has_value()) return {};
  // One for the time of each row.
  if (window->shape == WindowShape::kSliding) return {.every_ms = 1, .at_ms = 0};
  if (window->shape != WindowShape::kHopping || window->step >= window->size) return {};
  const Duration first = window->offset + window->size + window->grace;
  return {.every_ms = window->step.count(), .at_ms = first.count() % window->step.count()};
}

Status CheckSharedWindows(const SavepointStage& stage, const SavepointStep& step) {
  const std::int64_t every = step.windows.every_ms;
  if (every == 0 || step.rows.rows == 0) return Status::Ok();
  Watermark lowest = kEndOfTime;
  Watermark highest = kNoWatermark;
  for (const SavepointInput& input : stage.inputs) {
    for (const SavepointInput::At& at : input.partitions) {
      MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata, ParseOffsetMetadata(at.metadata));
      if (metadata.time.empty()) continue;
      MR_ASSIGN_OR_RETURN(const InputClock clock, ParseInputClock(metadata.time));
      if (clock.task == kNoWatermark) continue;
      lowest = std::min(lowest, clock.task);
      highest = std::max(highest, clock.task);
    }
  }
  if (lowest >= highest) return Status::Ok();
  const auto closed = [&](Watermark watermark) {
    return FloorDivide(watermark.value() - step.windows.at_ms, every);
  };
  if (closed(lowest) == closed(highest)) return Status::Ok();
  return Status::InvalidArgument(
      "its windows overlap and share state, and the savepoint has partitions with watermarks from " +
      std::to_string(lowest.value()) + " to " + std::to_string(highest.value()) +
      " ms: windows that closed in some of them only would give their results again in other partitions; "
      "save "
      "the pipeline while all partitions have the same watermark (a last record of one event time in each), "
      "or leave the state of the step out");
}

}  // namespace millrace
