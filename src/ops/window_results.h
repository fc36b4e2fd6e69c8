#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "columnar/key_encoding.h"
#include "ops/group_rows.h"
#include "ops/group_update.h"
#include "ops/operator.h"

namespace millrace {

/// Collects result rows of windows and hands them on in batches of at most kMaxRows, and of at most one row
/// more than kMaxBytes of keys, texts and lists hold. One owner, one thread.
class WindowResults {
 public:
  static constexpr std::int64_t kMaxRows = 65'536;
  static constexpr std::int64_t kMaxBytes = 32LL << 20;

  /// What all results of a window have in common.
  struct Shape {
    std::shared_ptr<arrow::Schema> schema;  ///< WindowDescription::output_schema
    int key_fields;                         ///< its first columns, which are the key
    TopicPartition origin;                  ///< WindowAggregateOptions::origin
  };
  /// `groups` and `aggregates` outlive this. With `merged` groups are made of others.
  struct Options {
    Shape shape;
    GroupRows* groups;
    const std::vector<WindowAggregateSpec>* aggregates;
    bool merged;
  };
  explicit WindowResults(Options options);

  /// Of one result: [start_ms, end_ms).
  struct Window {
    std::int64_t start_ms;
    std::int64_t end_ms;
  };
  /// Results and what they are of; all of one length.
  struct Rows {
    std::vector<Window> windows;
    KeyBuffer keys;
    std::vector<std::shared_ptr<arrow::Array>> results;  ///< by aggregate
    bool is_final;
  };
  static Result<Batch> MakeBatch(const Shape& shape, Rows rows);

  /// Adds the group in `slot`, as a dead letter when an aggregate has no result (W8). Emits when a batch is
  /// full.
  Status Add(const Window& window, std::string_view key, std::uint32_t slot, Output& output);
  /// Emits what Add collected.
  Status Flush(Output& output);

  const Shape& shape() const { return shape_; }
  /// For the rows that follow: what goes to the column `final`, where the schema has one.
  void set_final(bool is_final) { is_final_ = is_final; }

 private:
  void Check(const Window& window, std::uint32_t slot);

  const Shape shape_;
  GroupRows* const groups_;
  const std::vector<WindowAggregateSpec>& aggregates_;
  const bool checks_;  // whether some group may have no result
  bool is_final_ = true;
  std::vector<Window> windows_;
  std::vector<RowError> errors_;
  KeyBuffer keys_;
};

}  // namespace millrace
