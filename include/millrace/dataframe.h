#pragma once

#include <chrono>
#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "millrace/expression.h"
#include "millrace/files.h"
#include "millrace/keyed_state.h"
#include "millrace/snapchat.h"
#include "millrace/topic.h"
#include "millrace/types.h"
#include "millrace/window.h"

namespace millrace {

namespace api_internal {
class Graph;
}

class WindowedFrame;

/// The key columns of a step: `"user"`, `{"user", "page"}`, or `{}` for those of the GroupBy before. A value
/// type.
class KeyColumns {
 public:
  /// Those of the GroupBy before.
  KeyColumns() = default;
  // NOLINTBEGIN(google-explicit-constructor)
  /// One column.
  KeyColumns(const char* column) : names{column} {}
  KeyColumns(const std::string& column) : names{column} {}
  /// Several columns.
  KeyColumns(std::initializer_list<std::string> columns) : names(columns) {}
  KeyColumns(std::vector<std::string> columns) : names(std::move(columns)) {}
  // NOLINTEND(google-explicit-constructor)

  /// In order; empty: those of the GroupBy before.
  std::vector<std::string> names;
};

/// The state of a DataFrame::Map: `StateSpec("user").Ttl(24h).Named("sessions")`. A value type; each call
/// returns a changed copy.
class StateSpec {
 public:
  /// Key columns; none: those of the GroupBy before.
  template <std::convertible_to<std::string>... Columns>
  explicit StateSpec(Columns... by) : by_{std::string(std::move(by))...} {}

  /// A value expires this long after the event time of the row that put it, by the watermark. Default: it
  /// stays.
  StateSpec Ttl(std::chrono::milliseconds ttl) const;
  /// Columns that the function returns; the key columns must be among them, unchanged. Default: those it
  /// gets.
  StateSpec Returns(Schema columns) const;
  /// Default: NullKeys::kError.
  StateSpec NullKeysAre(NullKeys policy) const;
  /// Name of the step: its state is called after it (K4), so give one before the first deployment.
  StateSpec Named(std::string step_name) const;

 private:
  friend struct api_internal::Access;
  std::vector<std::string> by_;
  std::optional<std::chrono::milliseconds> ttl_;
  std::optional<Schema> returns_;
  NullKeys null_keys_ = NullKeys::kError;
  std::string step_name_;
};

/// What happens to a row on which a step fails (R3).
enum class ErrorPolicy { kDefault, kDeadLetter, kDrop, kFail };

/// The place of a call in the user's program, for errors. Taken by itself; pass none.
using CallSite = std::source_location;

/// A stream of rows with named columns: a place in the pipeline under construction, not data.
///
/// Every call adds a step behind this place and returns the place behind it; this frame stays as it is, so
/// that several branches can begin here. Mistakes (an unknown column, a wrong type) are reported when the
/// pipeline starts, with file and line of the call. Cheap to copy; used by one thread; outlives its App
/// harmlessly.
class DataFrame {
 public:
  /// Rows for which `predicate` is true; null drops the row.
  DataFrame Filter(const Expression& predicate, CallSite at = CallSite::current()) const;

  /// Adds a column, or replaces the one of that name.
  DataFrame With(std::string name, Expression value, CallSite at = CallSite::current()) const;
  /// Several at once; each expression sees the columns before the step.
  DataFrame With(std::initializer_list<NamedExpression> columns, CallSite at = CallSite::current()) const {
    return With(std::vector<NamedExpression>(columns), at);
  }
  DataFrame With(std::vector<NamedExpression> columns, CallSite at = CallSite::current()) const;

  /// Exactly these columns, in this order: `Select({"auction", {"euros", col("price") * 0.9}})`.
  DataFrame Select(std::initializer_list<NamedExpression> columns, CallSite at = CallSite::current()) const {
    return Select(std::vector<NamedExpression>(columns), at);
  }
  DataFrame Select(std::vector<NamedExpression> columns, CallSite at = CallSite::current()) const;

  /// All columns but these.
  DataFrame Drop(std::vector<std::string> columns, CallSite at = CallSite::current()) const;
  DataFrame Drop(const char* column, CallSite at = CallSite::current()) const {
    return Drop(std::vector<std::string>{column}, at);
  }

  /// The column keeps its place and type.
  DataFrame Rename(std::string from, std::string to, CallSite at = CallSite::current()) const;

  /// A value that does not fit the type is an error of its row (R3).
  DataFrame Cast(std::string column, const DataType& type, CallSite at = CallSite::current()) const;

  /// One row per element of a list column; an empty or null list gives no row, or with `keep_empty` one with
  /// null.
  DataFrame Explode(std::string column, bool keep_empty = false, CallSite at = CallSite::current()) const;

  /// Makes these columns the key (K1); rows move between partitions where they must (K2).
  DataFrame GroupBy(std::vector<std::string> columns, NullKeys null_keys = NullKeys::kError,
                    CallSite at = CallSite::current()) const;
  DataFrame GroupBy(const char* column, CallSite at = CallSite::current()) const {
    return GroupBy(std::vector<std::string>{column}, NullKeys::kError, at);
  }

  /// Puts the rows into windows; Aggregate says what to compute.
  WindowedFrame Window(WindowSpec window) const;

  /// The first row of a key passes; rows of the key less than `within` away from it in event time are
  /// absorbed. A row that comes when the watermark is `within` past its event time is late and counted. `by`
  /// {}: the columns of the GroupBy before.
  DataFrame Deduplicate(KeyColumns by, std::chrono::milliseconds within,
                        NullKeys null_keys = NullKeys::kError, CallSite at = CallSite::current()) const;

  /// A row passes when one of `columns` differs from the key's row before it; null equals null. With `ttl` a
  /// key is forgotten when the watermark is so far past the event time of its latest row: its next row passes
  /// as a first one does, and a row that comes when its own time is over is late. `by` {}: the columns of the
  /// GroupBy before.
  DataFrame Changes(KeyColumns by, std::vector<std::string> columns,
                    std::optional<std::chrono::milliseconds> ttl = std::nullopt,
                    NullKeys null_keys = NullKeys::kError, CallSite at = CallSite::current()) const;

  /// Aggregates over all rows of a key so far: one result per row, the key columns and one column per
  /// aggregation, as they stand after it. With `ttl` a key is forgotten as by Changes, and its aggregates
  /// begin anew. `by` {}: the columns of the GroupBy before.
  DataFrame Running(KeyColumns by, std::vector<Aggregation> columns,
                    std::optional<std::chrono::milliseconds> ttl = std::nullopt,
                    NullKeys null_keys = NullKeys::kError, CallSite at = CallSite::current()) const;

  /// A table: the latest row per key, by event time. A row passes when it becomes the latest. A null value
  /// deletes the row of its key, where the source's message key is `by`; with `ttl` a row expires in event
  /// time: both leave as tombstones. `by` {}: the columns of the GroupBy before.
  DataFrame Latest(KeyColumns by, std::optional<std::chrono::milliseconds> ttl = std::nullopt,
                   NullKeys null_keys = NullKeys::kError, CallSite at = CallSite::current()) const;

  /// Gives each row an end in event time: `expires_at`, a timestamp, null for never. Rows pass; when the
  /// watermark reaches the end of a key's latest row, a tombstone of the key follows. Rows whose end is over
  /// when they come, or as `already_over` says, are late; they go to `late_topic`, and are only counted
  /// without one. `by` {}: the columns of the GroupBy before.
  DataFrame Expire(KeyColumns by, const Expression& expires_at, NullKeys null_keys = NullKeys::kError,
                   std::string late_topic = "", AlreadyOver already_over = AlreadyOver::kLate,
                   CallSite at = CallSite::current()) const;

  /// Calls `function` with every batch and the values it keeps per key (KeyedState). The result has as many
  /// rows, with the columns of `state.Returns`, or those of this frame.
  DataFrame Map(StateSpec state, MapFunction function, CallSite at = CallSite::current()) const;

  /// The rows of both, which have the same columns.
  DataFrame Union(const DataFrame& other, CallSite at = CallSite::current()) const;

  /// Sends the rows away. Returns this frame, so that calls can follow: `frame.To(a).To(b)`.
  const DataFrame& To(const Topic& topic, CallSite at = CallSite::current()) const;
  const DataFrame& To(const FileSink& files, CallSite at = CallSite::current()) const;
  const DataFrame& To(const Console& console, CallSite at = CallSite::current()) const;
  const DataFrame& To(const SnapchatConversions& events, CallSite at = CallSite::current()) const;
  const DataFrame& To(const SnapchatAudience& audience, CallSite at = CallSite::current()) const;

  /// Names the step that this frame comes from, for metrics, errors and state (K4). Not after Union.
  DataFrame Named(std::string step_name) const;
  /// What the step that this frame comes from does with rows on which it fails. Default: dead-letter when the
  /// app has a dead-letter topic, else fail. Not after Union.
  DataFrame OnError(ErrorPolicy policy) const;

 private:
  friend struct api_internal::Access;
  friend class WindowedFrame;
  DataFrame(std::shared_ptr<api_internal::Graph> graph, std::vector<std::size_t> nodes)
      : graph_(std::move(graph)), nodes_(std::move(nodes)) {}

  std::shared_ptr<api_internal::Graph> graph_;
  std::vector<std::size_t> nodes_;  // steps whose rows these are; several after Union
};

/// Rows put into windows, waiting for Aggregate.
class WindowedFrame {
 public:
  /// One row per window and key: the key columns, window_start, window_end and one column per aggregation
  /// (W7).
  DataFrame Aggregate(std::vector<Aggregation> columns, CallSite at = CallSite::current()) const;

 private:
  friend class DataFrame;
  WindowedFrame(DataFrame frame, WindowSpec window) : frame_(std::move(frame)), window_(std::move(window)) {}

  DataFrame frame_;
  WindowSpec window_;
};

}  // namespace millrace
