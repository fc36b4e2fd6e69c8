#pragma once

#include <cstdint>

#include <arrow/array/array_primitive.h>

#include "columnar/batch.h"

namespace millrace {

/// The task's watermark when the row came: what decides whether it is late.
inline std::int64_t WatermarkBefore(const Batch& batch, std::int64_t row) {
  return batch.watermark_before == nullptr ? batch.watermark.value() : batch.watermark_before->Value(row);
}

}  // namespace millrace
