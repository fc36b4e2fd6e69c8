#pragma once

#include <chrono>
#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "millrace/expression.h"

namespace millrace {

// So that `Tumbling(1min).Grace(5s)` reads with `using namespace millrace` alone.
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

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
  /// See Tumbling().
  explicit WindowSpec(std::chrono::milliseconds tumbling) : tumbling_(tumbling) {}

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
  /// Rows that come after their window closed go to this topic; default: they are counted (W2).
  WindowSpec LateTo(std::string topic) const;
  /// Default: NullKeys::kError.
  WindowSpec NullKeysAre(NullKeys policy) const;
  /// Name of the step: its state is called after it (K4), so give one before the first deployment.
  WindowSpec Named(std::string step_name) const;

 private:
  friend struct api_internal::Access;
  std::chrono::milliseconds tumbling_;
  std::chrono::milliseconds grace_{0};
  std::chrono::milliseconds offset_{0};
  std::vector<std::string> by_;
  bool emit_current_ = false;
  std::string late_topic_;
  NullKeys null_keys_ = NullKeys::kError;
  std::string step_name_;
};

/// Windows of one length, one after the other: [0, length), [length, 2 length), ...
inline WindowSpec Tumbling(std::chrono::milliseconds length) { return WindowSpec(length); }

/// What an aggregate reads: a text names a column, anything else is an expression.
class AggregatedValue {
 public:
  /// A column.
  AggregatedValue(const char* column) : value(col(column)) {}         // NOLINT(google-explicit-constructor)
  AggregatedValue(const std::string& column) : value(col(column)) {}  // NOLINT(google-explicit-constructor)
  AggregatedValue(Expression expression)
      : value(std::move(expression)) {}  // NOLINT(google-explicit-constructor)

  /// What is aggregated.
  Expression value;
};

/// One result column of a window. Nulls are ignored; an aggregate of nothing is null, count is 0 (W6).
struct Aggregation {
  /// "count", "sum", ...
  std::string function;
  /// None for count of rows, else one.
  std::vector<Expression> argument;
  /// Of the result column.
  std::string name;
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
/// By arrival within a partition.
Aggregation first(AggregatedValue value, std::string name);
Aggregation last(AggregatedValue value, std::string name);

}  // namespace millrace
