#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/expression.h"

namespace millrace {

class UserAggregate;

// So that `Tumbling(1min).Grace(5s)` reads with `using namespace millrace` alone.
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

/// What happens to rows whose end was over, by the wall clock, when the pipeline ran for the first time.
enum class AlreadyOver {
  /// They are late, so that an old topic brings nothing back.
  kLate,
  /// They pass, and end in event time.
  kPass,
};

/// What happens to rows whose key is null (K1).
enum class NullKeys {
  /// A dead letter (R3).
  kError,
  /// Gone, and counted.
  kDrop,
  /// Null is a key like any other.
  kGroup,
};

/// How rows are put into windows of event time: `Tumbling(1min).Grace(5s).By("auction")`. A value type; each
/// call returns a changed copy.
class WindowSpec {
 public:
  /// How rows are put into windows (W4).
  enum class Shape {
    /// One after the other.
    kTumbling,
    /// Overlapping, one every step.
    kHopping,
    /// One per event time.
    kSliding,
    /// One per stretch of rows without a gap.
    kSession,
    /// A number of rows.
    kCount,
  };
  /// See Tumbling(), Hopping(), Sliding() and Session().
  WindowSpec(Shape shape, std::chrono::milliseconds size, std::chrono::milliseconds step)
      : shape_(shape), size_(size), step_(step) {}
  /// See CountTumbling(), CountHopping() and CountSliding().
  WindowSpec(std::int64_t count, std::int64_t step)
      : shape_(Shape::kCount), size_(0), step_(0), count_(count), count_step_(step) {}

  /// Key columns; default: those of the GroupBy before.
  template <std::convertible_to<std::string>... Columns>
  WindowSpec By(Columns... columns) const {
    return By(std::vector<std::string>{std::string(std::move(columns))...});
  }
  WindowSpec By(std::vector<std::string> columns) const;
  /// How long after its end a window waits for rows that come late (W2). Default 0.
  WindowSpec Grace(std::chrono::milliseconds grace) const;
  /// Moves the start of the windows from the epoch (W1).
  WindowSpec Offset(std::chrono::milliseconds offset) const;
  /// Emits running results after each batch, with a column `final`, instead of one result at the close (W3).
  WindowSpec EmitCurrent() const;
  /// Closes a window of a key by the greatest event time of that key, or by the watermark of the partition
  /// when that is greater (W5). Tumbling, hopping and session windows only.
  WindowSpec CloseByKey() const;
  /// Emits the result of a key and window before it closes, when this is true after a row was added: with
  /// that row, and the next begins the aggregate anew. Reads the columns of the result; null counts as false.
  /// Each window of a row is asked for itself. Not for sliding windows; the last trigger given counts.
  WindowSpec TriggerAfterUpdate(Expression when) const;
  /// As TriggerAfterUpdate, but is asked before a row is added that is not the first: the result leaves
  /// without that row, which begins the aggregate anew.
  WindowSpec TriggerBeforeUpdate(Expression when) const;
  /// Rows that come after their window closed go to this topic; default: they are counted (W2).
  WindowSpec LateTo(std::string topic) const;
  /// They are dead letters of class `late`; the pipeline must have a topic for those. The last of this and
  /// LateTo counts.
  WindowSpec LateToDeadLetters() const;
  /// Default: NullKeys::kError.
  WindowSpec NullKeysAre(NullKeys policy) const;
  /// Name of the step: its state is called after it (K4), so give one before the first deployment.
  WindowSpec Named(std::string step_name) const;

 private:
  friend struct api_internal::Access;
  Shape shape_;
  std::chrono::milliseconds size_;
  std::chrono::milliseconds step_;
  std::int64_t count_ = 0;
  std::int64_t count_step_ = 0;
  std::chrono::milliseconds grace_{0};
  std::chrono::milliseconds offset_{0};
  std::vector<std::string> by_;
  bool emit_current_ = false;
  bool close_by_key_ = false;
  std::optional<Expression> trigger_;
  bool trigger_before_ = false;
  std::string late_topic_;
  bool late_to_dead_letters_ = false;
  NullKeys null_keys_ = NullKeys::kError;
  std::string step_name_;
};

/// Windows of one length, one after the other: [0, length), [length, 2 length), ...
inline WindowSpec Tumbling(std::chrono::milliseconds length) {
  return {WindowSpec::Shape::kTumbling, length, length};
}
/// Overlapping windows of length `size`, one beginning every `step`: [0, size), [step, step + size), ...
inline WindowSpec Hopping(std::chrono::milliseconds size, std::chrono::milliseconds step) {
  return {WindowSpec::Shape::kHopping, size, step};
}
/// One window (t - length, t] for each event time t of a key; in the result window_end is t + 1 ms.
inline WindowSpec Sliding(std::chrono::milliseconds length) {
  return {WindowSpec::Shape::kSliding, length, length};
}

/// One window for each stretch of rows of a key that are less than `gap` apart; it ends `gap` after the last,
/// and a late row between two sessions merges them.
inline WindowSpec Session(std::chrono::milliseconds gap) { return {WindowSpec::Shape::kSession, gap, gap}; }
/// `rows` rows of a key, one window after the other, in the order in which they come. The result comes with
/// the last row; window_start is the least event time, window_end the greatest and 1 ms.
inline WindowSpec CountTumbling(std::int64_t rows) { return {rows, rows}; }
/// As CountTumbling, but a window begins every `step` rows.
inline WindowSpec CountHopping(std::int64_t rows, std::int64_t step) { return {rows, step}; }
/// As CountTumbling, but a window ends with each row.
inline WindowSpec CountSliding(std::int64_t rows) { return {rows, 1}; }

/// What an aggregate reads: a text names a column, anything else is an expression.
class AggregatedValue {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  /// A column.
  AggregatedValue(const char* column) : value(col(column)) {}
  AggregatedValue(const std::string& column) : value(col(column)) {}
  AggregatedValue(Expression expression) : value(std::move(expression)) {}
  // NOLINTEND(google-explicit-constructor)

  /// What is aggregated.
  Expression value;
};

/// One result column of a window. Nulls are ignored; an aggregate of nothing is null, a count is 0 (W6).
struct Aggregation {
  /// "count", "sum", ...
  std::string function;
  /// None for count of rows, else one; argmin and argmax have what is compared behind it.
  std::vector<Expression> arguments;
  /// Of the result column.
  std::string name;
  /// quantile: which; top_k and collect: how many.
  std::optional<double> parameter = std::nullopt;
  /// At most one.
  std::vector<Expression> condition = {};
  /// Set by custom().
  std::shared_ptr<const UserAggregate> user = nullptr;

  /// Only rows for which this is true count: `sum("price", "paid").Where(col("state") == "paid")`.
  Aggregation Where(Expression only) const;
};

/// Rows of the window.
inline Aggregation count(std::string name) { return {"count", {}, std::move(name)}; }
/// Rows in which `value` is not null: `count("price", "priced")`.
Aggregation count(AggregatedValue value, std::string name);
/// Integers add up to int64 and fail on overflow, doubles are compensated (W8).
Aggregation sum(AggregatedValue value, std::string name);
Aggregation mean(AggregatedValue value, std::string name);
Aggregation min(AggregatedValue value, std::string name);
Aggregation max(AggregatedValue value, std::string name);
/// Of the earliest row, by event time and then by offset.
Aggregation first(AggregatedValue value, std::string name);
/// Of the latest row, by event time and then by offset.
Aggregation last(AggregatedValue value, std::string name);
/// The same as first.
Aggregation earliest(AggregatedValue value, std::string name);
/// The same as last.
Aggregation latest(AggregatedValue value, std::string name);
/// Of a sample; null for fewer than two values.
Aggregation variance(AggregatedValue value, std::string name);
/// Of a sample; null for fewer than two values.
Aggregation stddev(AggregatedValue value, std::string name);
/// The value below which the part `q` of the values lies, 0 <= q <= 1.
Aggregation quantile(AggregatedValue value, double q, std::string name);
/// The same as quantile(value, 0.5).
Aggregation median(AggregatedValue value, std::string name);
/// Different values; more than 65536 are an error of the result.
Aggregation count_distinct(AggregatedValue value, std::string name);
/// Different values: exact up to 1024, then within about 2 %.
Aggregation approx_count_distinct(AggregatedValue value, std::string name);
/// A list of the `k` greatest values, greatest first.
Aggregation top_k(AggregatedValue value, int k, std::string name);
/// A list of the values by event time; more than 10000 are an error of the result.
Aggregation collect(AggregatedValue value, std::string name);
/// A list of the first `limit` values by event time.
Aggregation collect(AggregatedValue value, int limit, std::string name);
/// `value` of the row in which `compared` is least.
Aggregation argmin(AggregatedValue value, AggregatedValue compared, std::string name);
/// `value` of the row in which `compared` is greatest.
Aggregation argmax(AggregatedValue value, AggregatedValue compared, std::string name);

}  // namespace millrace
