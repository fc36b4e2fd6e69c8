#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "ops/aggregator.h"
#include "ops/window_span.h"

namespace millrace {

/// What the rows of one kind of step hold beside their keys, read back into columns. One owner, one thread.
class StoredValues {
 public:
  virtual ~StoredValues() = default;
  virtual const std::vector<std::shared_ptr<arrow::Field>>& fields() const = 0;
  /// False: the row holds nothing of its key, it serves the expiry of others. Errors: kCorrupt.
  virtual Result<bool> Add(std::string_view row) = 0;
  /// Of windows: from the first to the last event time of the row added last.
  virtual WindowSpan span() const { return {}; }
  /// One array per field: the rows added since the last Finish.
  virtual Result<std::vector<std::shared_ptr<arrow::Array>>> Finish() = 0;
};

/// Windows and `running`: the aggregates' results so far. `names` are those of the aggregators that are
/// shown; a WindowSpanAggregator may stand behind them.
std::unique_ptr<StoredValues> MakeStoredAggregates(std::vector<std::unique_ptr<Aggregator>> aggregators,
                                                   const std::vector<std::string>& names);
/// `latest`: the columns of its input.
std::unique_ptr<StoredValues> MakeStoredLatest(std::vector<std::shared_ptr<arrow::Field>> columns);
/// `changes`: the columns compared, as they passed last.
std::unique_ptr<StoredValues> MakeStoredChanges(std::vector<std::shared_ptr<arrow::Field>> columns);
/// `deduplicate`: `passed_at`, the event time of the row that passed last.
std::unique_ptr<StoredValues> MakeStoredTimes();
/// `expire`: `expires_at`, null for what never does, and `event_time` of the live row.
std::unique_ptr<StoredValues> MakeStoredEnds();
/// Map: `value`, the user's bytes, and `expires_at`, null when it never does.
std::unique_ptr<StoredValues> MakeStoredBytes();

}  // namespace millrace
