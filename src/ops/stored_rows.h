#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/key_encoding.h"
#include "ops/stored_values.h"

namespace millrace {

/// Reads rows of a step's state back into columns, by nothing but the layout text that is stored with them:
/// for dumps, questions and verification. One owner, one thread.
///
/// Columns: `window_start` and `window_end` (timestamp[ms]) of tumbling windows, of hopping ones with a
/// trigger, and of sessions; of hopping and sliding windows `slice`, the event time at which the rows that
/// windows share begin; of count windows `slice`, the number of the stretch of rows that windows share, and
/// `window_start` and `window_end` of what it holds; `key` (a struct of the key columns), `values` (a
/// struct, see StoredValues).
class StoredRows {
 public:
  /// `layout`: "tumbling 10s offset 0ms by k:string aggregate n = count()".
  /// Errors: user error when the layout is not one of this version.
  static Result<std::unique_ptr<StoredRows>> Make(std::string_view layout);

  /// A row that only serves the expiry of others, or is the clock of a key, adds nothing. Errors: kCorrupt
  /// when key or row do not read as the layout says.
  Status Add(std::int64_t slice, std::string_view key, std::string_view row);
  std::int64_t num_rows() const { return keys_.num_rows(); }
  /// The rows added since the last Take.
  Result<std::shared_ptr<arrow::RecordBatch>> Take();
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  const std::vector<std::shared_ptr<arrow::Field>>& key_fields() const { return layout_.keys; }
  /// Slices are tumbling windows by their start.
  bool has_windows() const { return layout_.window_ms > 0; }
  /// The slice with the rows; nullopt: any.
  std::optional<std::int64_t> only_slice() const { return layout_.only_slice; }
  /// Bytes of a row's key before its columns.
  std::size_t key_prefix_bytes() const { return layout_.sessions ? sizeof(std::int64_t) : 0; }

 private:
  struct Layout {
    std::int64_t window_ms = 0;              // 0: slices are no starts of windows
    std::optional<std::int64_t> only_slice;  // the others serve expiry
    bool has_slices = true;                  // false: the slice says nothing of a row
    bool clocks = false;                     // a window closes by key: see ClockedRows
    bool empty_rows = false;                 // TriggeredRows::Empty::kStored
    bool sessions = false;                   // keys begin with the session
    std::int64_t gap_ms = 0;                 // of sessions
    bool counted = false;                    // slices are numbers of rows
    bool expiring = false;                   // rows are those of ExpiringRows
    std::vector<std::shared_ptr<arrow::Field>> keys;
    std::unique_ptr<StoredValues> values;

    bool shows_windows() const { return window_ms > 0 || sessions || counted; }
  };
  explicit StoredRows(Layout layout);
  static Result<Layout> Parse(std::string_view text);
  static std::shared_ptr<arrow::Schema> SchemaOf(const Layout& layout);

  const Layout layout_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::int64_t> slices_;
  std::vector<std::int64_t> starts_ms_;  // of windows
  std::vector<std::int64_t> ends_ms_;
  KeyBuffer keys_;
};

}  // namespace millrace
