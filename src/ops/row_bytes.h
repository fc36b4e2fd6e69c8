#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/key_encoding.h"

namespace millrace {

/// Rows of a schema as byte strings that a state keeps, and back.
///
/// A row is the length of its flat part (4 bytes), the flat columns in the canonical form of keys, then each
/// nested column as its length (4 bytes) and its text (columnar/row_text.h). One owner; keeps memory from
/// batch to batch.
class RowBytes {
 public:
  explicit RowBytes(const std::shared_ptr<arrow::Schema>& schema);

  /// Takes the rows that Append is asked for.
  Status Start(std::shared_ptr<arrow::RecordBatch> rows);
  void Append(std::int64_t row, std::string* out) const;

  /// Errors: kCorrupt when the bytes are no rows of the schema.
  Result<std::shared_ptr<arrow::RecordBatch>> Decode(std::span<const std::string_view> rows) const;

 private:
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<int> flat_;
  std::vector<int> nested_;
  std::shared_ptr<arrow::RecordBatch> rows_;
  KeyBuffer flat_bytes_;
};

}  // namespace millrace
