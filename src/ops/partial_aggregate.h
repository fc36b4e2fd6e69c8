#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "ops/operator.h"
#include "ops/window_aggregate.h"

namespace millrace {

// Partial aggregates (K2a): what the rows of one batch add to one pane and key of a window, on their way to
// the partition of that key in place of the rows.
//
// A batch of partials has one row per pane and key, with event time, key and record of the first of its rows,
// and Batch::stands_for says how many they are. Its one column holds the states of the window's aggregates as
// the window stores them (GroupRows::Encode); its schema says of which window.

/// What the states of partials are of: the layout of the window's own rows, "" when the window cannot take
/// partials. It can when it is tumbling or hopping, closes by the watermark without a trigger, and all its
/// aggregates are order-free. Errors: as DescribeWindow.
Result<std::string> PartialLayout(const WindowAggregateOptions& options, const arrow::Schema& input);

/// The schema of a batch of partials of that layout.
std::shared_ptr<arrow::Schema> PartialSchema(const std::string& layout);
/// The layout of a batch's partials; "" when its schema is of rows.
std::string PartialLayoutOf(const arrow::Schema& schema);

/// Makes batches of partials of batches of rows, in front of a repartition topic. A batch passes as it is
/// when partials would not be half as many, or when something may become of one of its rows that has to be
/// seen from the row: its argument fails, no window holds it, a sum may come near its limits, its key is
/// longer than the window takes, or it is so wide that it may be too large to move. So results and errors are
/// those of rows that travel, whatever the batches.
///
/// Nothing is kept from batch to batch, so nothing is lost or stored: what a batch gave is in the topic
/// before the next. Owned by one task, used on its thread.
///
/// Preconditions: PartialLayout is not ""; the key of the rows is the canonical key of `options.by`.
Result<std::unique_ptr<Operator>> MakePartialAggregate(WindowAggregateOptions options,
                                                       const std::shared_ptr<arrow::Schema>& input,
                                                       std::int64_t most_key_bytes);

}  // namespace millrace
