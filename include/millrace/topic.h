#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/expression.h"
#include "millrace/types.h"

namespace millrace {

/// A Kafka topic, read by App::From or written by DataFrame::To. A value type; each call returns a changed
/// copy.
class Topic {
 public:
  /// JSON, all defaults.
  explicit Topic(std::string name) : name_(std::move(name)) {}

  /// JSON objects (the default). Read without a schema: inferred from the topic at the first start (R7).
  Topic Json() const;
  Topic Json(Schema schema) const;
  /// Whole values as one column of UTF-8 text called `column`.
  Topic Text(std::string column = "value") const;
  /// Whole values as one binary column called `column`.
  Topic Bytes(std::string column = "value") const;

  /// Read: the message key is this column, so that grouping by it moves no rows (K2). Written: the message
  /// key is made from these columns; without, rows keep the key they have.
  template <std::convertible_to<std::string>... Columns>
  Topic Key(Columns... columns) const {
    return Key(std::vector<std::string>{std::string(std::move(columns))...});
  }
  Topic Key(std::vector<std::string> columns) const;
  /// How the key is written: "string" (default), "json" or "bytes".
  Topic KeyFormat(std::string format) const;

  /// Read: the column that holds the event time; without, the Kafka timestamp (T1).
  Topic EventTime(std::string column) const { return EventTimeOf(col(column)); }
  /// Read: the event time is what this gives, a timestamp: `col("at").Cast(timestamp_ms())`. A record whose
  /// event time fails or is null is a dead letter.
  template <std::same_as<Expression> Computed>
  Topic EventTime(Computed expression) const {
    return EventTimeOf(std::move(expression));
  }
  /// Read: where to begin when nothing is committed: "earliest" (default), "latest" (the end as it is at the
  /// first start; partitions added later from their first record) or "error".
  Topic OffsetReset(std::string where) const;
  /// Read: collects JSON fields that are not in the schema in a column `_extra`.
  Topic KeepUnknownFields() const;

  /// Written: partitions when the topic must be created; default: as many as the source has.
  Topic Partitions(std::int32_t count) const;

  /// Name of the step, for metrics and errors.
  Topic Named(std::string step_name) const;

 private:
  friend struct api_internal::Access;
  Topic EventTimeOf(Expression expression) const;

  std::string name_;
  std::string format_ = "json";
  std::optional<Schema> schema_;
  std::vector<std::string> key_;
  std::string key_format_ = "string";
  std::optional<Expression> event_time_;
  std::string offset_reset_ = "earliest";
  bool keep_unknown_fields_ = false;
  std::int32_t partitions_ = 0;
  std::string step_name_;
};

}  // namespace millrace
