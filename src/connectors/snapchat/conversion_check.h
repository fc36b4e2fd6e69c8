#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/duration.h"
#include "base/result.h"
#include "columnar/batch.h"
#include "connect/sink.h"
#include "connectors/snapchat/record_rows.h"

namespace millrace {

/// Column with the asset of each row, where it is not the same for all.
inline constexpr const char* kAssetColumn = "asset_id";

/// Class of the errors of rows that are no valid events.
inline constexpr const char* kEventErrorClass = "event";

/// What Snap asks of events beside the types of their fields.
struct ConversionRules {
  /// Events that are older when they are sent are late. At most 37 days: Snap does not report older ones.
  Duration max_age{7LL * 24 * 3'600'000};
  /// Events that are further ahead of the clock are late.
  Duration max_ahead{3'600'000};
  /// WEB, MOBILE_APP or OFFLINE, of events that do not say it; "" when each must.
  std::string action_source{};
  /// event_time goes out in milliseconds, not seconds.
  bool milliseconds = false;
  /// data_processing_options goes out as the text "['LMU']", not as a list.
  bool options_as_text = false;
  /// Fields that Snap has two names for (madid, mobile_ad_id) go out under the other one.
  bool other_names = false;
};

/// The fields of the events of a batch, checked and as Snap writes them.
struct CheckedEvents {
  /// Each row is in one of them, but for tombstones, which are no events; all ascending.
  std::vector<std::int64_t> rows;  ///< to be sent
  std::vector<RowError> errors;
  std::vector<LateRow> late;
  /// One value per row; what fails has any.
  std::shared_ptr<arrow::StringArray> event_name;
  std::shared_ptr<arrow::StringArray> action_source;
  std::shared_ptr<arrow::Int64Array> event_time;  ///< in the unit of the rules
  std::shared_ptr<arrow::Int64Array> event_time_ms;
  std::shared_ptr<arrow::StringArray> event_id;
  std::shared_ptr<arrow::StringArray> currency;  ///< null pointer when no event has one
};

/// Checks every row: a name and a source that Snap knows, somebody it can be attributed to, what its source
/// asks for, a value and a currency for a purchase, an asset where that is a column, a time in the window.
/// Rows without an event_id get that of their place, "<topic>-<partition>-<offset>", and from the second row
/// of a record on "-<number>" behind it; those without an event_time have that of the row. The class of an
/// error is kEventErrorClass. `batch` has the columns of MapConversionFields, WithoutEmptyValues.
/// `record_rows`: of all batches that its owner has checked.
Result<CheckedEvents> CheckConversions(const Batch& batch, const ConversionRules& rules, EventTime now,
                                       RecordRows* record_rows);

}  // namespace millrace
