#include "ops/row_ends.h"

#include <limits>

#include <arrow/api.h>

#include "columnar/time_unit.h"
#include "ops/expiry_schedule.h"

namespace millrace {
namespace {

constexpr std::int64_t kMsPerSecond = 1'000;

std::int64_t Multiplied(std::int64_t time, std::int64_t by) {
  std::int64_t ms;
  if (!__builtin_mul_overflow(time, by, &ms)) return ms;
  return time < 0 ? std::numeric_limits<std::int64_t>::min() : ExpirySchedule::kNever;
}

std::int64_t DividedUp(std::int64_t time, std::int64_t by) { return time / by + (time % by > 0 ? 1 : 0); }

}  // namespace

void RowEnds(const arrow::Array& times, const arrow::BooleanArray* tombstone,
             std::vector<std::int64_t>* out) {
  const auto& typed = static_cast<const arrow::TimestampArray&>(times);
  const std::int64_t units = UnitsPerSecond(static_cast<const arrow::TimestampType&>(*times.type()).unit());
  const std::int64_t* const values = typed.raw_values();
  out->resize(static_cast<std::size_t>(times.length()));
  if (units <= kMsPerSecond) {
    const std::int64_t by = kMsPerSecond / units;
    for (std::size_t i = 0; i < out->size(); ++i) (*out)[i] = Multiplied(values[i], by);
  } else {
    const std::int64_t by = units / kMsPerSecond;
    for (std::size_t i = 0; i < out->size(); ++i) (*out)[i] = DividedUp(values[i], by);
  }
  if (times.null_count() == 0 && tombstone == nullptr) return;
  for (std::size_t i = 0; i < out->size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (times.IsNull(row) || (tombstone != nullptr && tombstone->Value(row))) {
      (*out)[i] = ExpirySchedule::kNever;
    }
  }
}

}  // namespace millrace
