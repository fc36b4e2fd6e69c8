#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/key_encoding.h"
#include "ops/group_rows.h"

namespace millrace {

/// Reads rows of a step's state back into columns, by nothing but the layout text that is stored with them:
/// for dumps and verification. One owner, one thread.
///
/// Columns: `window_start` and `window_end` (timestamp[ms]; of a step whose slices are not tumbling windows
/// only `slice`, of sessions the event time of the row that began each), `key` (a struct of the columns
/// grouped by), `values` (a struct of the aggregates' results so far).
class StoredRows {
 public:
  /// `layout`: "tumbling 10s offset 0ms by k:string aggregate n = count()".
  /// Errors: user error when the layout is not one of this version.
  static Result<std::unique_ptr<StoredRows>> Make(std::string_view layout);

  /// Errors: kCorrupt when key or row do not read as the layout says.
  Status Add(std::int64_t slice, std::string_view key, std::string_view row);
  std::int64_t num_rows() const { return keys_.num_rows(); }
  /// The rows added since the last Take.
  Result<std::shared_ptr<arrow::RecordBatch>> Take();
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  const std::vector<std::shared_ptr<arrow::Field>>& key_fields() const { return key_fields_; }
  /// Slices are tumbling windows by their start.
  bool has_windows() const { return window_ms_ > 0; }
  /// Bytes of a row's key before its columns.
  std::size_t key_skip() const { return sessions_ ? sizeof(std::int64_t) : 0; }

 private:
  struct Layout;
  explicit StoredRows(Layout layout);

  const std::int64_t window_ms_;  // 0: slices are no tumbling windows
  const std::vector<std::shared_ptr<arrow::Field>> key_fields_;
  const std::vector<std::shared_ptr<arrow::Field>> value_fields_;
  const bool sessions_;  // their keys begin with the session
  GroupRows rows_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::int64_t> slices_;
  KeyBuffer keys_;
};

}  // namespace millrace
