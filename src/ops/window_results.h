#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "columnar/key_encoding.h"
#include "ops/group_rows.h"
#include "ops/operator.h"
#include "ops/window_assigner.h"

namespace millrace {

/// Collects result rows of windows and hands them on in batches of at most kMaxRows. One owner, one thread.
class WindowResults {
 public:
  static constexpr std::int64_t kMaxRows = 65'536;

  /// `schema` is WindowDescription::output_schema, its first `key_fields` columns the key; `groups` and
  /// `assigner` outlive this.
  WindowResults(std::shared_ptr<arrow::Schema> schema, int key_fields, GroupRows* groups,
                const WindowAssigner* assigner);

  /// Adds the group in `slot`; emits when a batch is full.
  Status Add(std::int64_t start_ms, std::string_view key, std::uint32_t slot, Output& output);
  /// Emits what Add collected.
  Status Flush(Output& output);

  /// For the rows that follow: what goes to the column `final`, where the schema has one.
  void set_final(bool is_final) { is_final_ = is_final; }
  /// Where the rows of the batch under way came from.
  void set_origin(Origin origin) { origin_ = std::move(origin); }

 private:
  Result<Batch> MakeBatch();

  const std::shared_ptr<arrow::Schema> schema_;
  const arrow::FieldVector key_fields_;
  GroupRows* const groups_;
  const WindowAssigner* const assigner_;
  bool is_final_ = true;
  Origin origin_;
  std::vector<std::int64_t> starts_ms_;
  KeyBuffer keys_;
};

}  // namespace millrace
