#pragma once

#include <memory>
#include <span>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/batch.h"
#include "connect/sink.h"
#include "connectors/snapchat/conversion_check.h"

namespace millrace {

/// Column of late events that says why they are late.
inline constexpr const char* kLateReasonColumn = "reason";
inline constexpr std::string_view kTooOld = "too_old";
inline constexpr std::string_view kTooFarAhead = "too_far_ahead";
/// So far behind the watermark that it is not known any more whether it was sent.
inline constexpr std::string_view kMayBeRepeat = "may_be_repeat";

/// The columns of late events: those of MapConversionFields, with the event_id under which it would have been
/// sent, its event_time as timestamp[ms], and the reason. `fields` may have kCheckedColumn, too.
std::shared_ptr<arrow::Schema> LateConversionSchema(const arrow::Schema& fields);

/// `batch` with those columns; `checked` is of it. The reason of a row that is in neither `checked.late` nor
/// `may_be_repeats` is null. `may_be_repeats`: ascending rows of the batch.
Result<Batch> LateConversions(const Batch& batch, const CheckedEvents& checked,
                              std::span<const std::int32_t> may_be_repeats = {});

}  // namespace millrace
