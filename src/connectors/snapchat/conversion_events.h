#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "codec/codec.h"
#include "columnar/batch.h"
#include "connectors/snapchat/conversion_check.h"

namespace millrace {

/// The events of a batch, ready to be sent.
struct ConversionBatch {
  /// Each row is in one of them, but for tombstones; all ascending.
  std::vector<std::int64_t> rows;  ///< to be sent
  std::vector<RowError> errors;    ///< no valid events
  std::vector<LateRow> late;       ///< events that Snap would not report
  std::optional<Batch> late_from;  ///< LateConversions, where there are such
  EncodedRows json;                ///< an object for every row; means nothing where the row is not sent
};

/// Makes events of rows. One owner, one thread; lives as long as its task (RecordRows).
class ConversionEvents {
 public:
  /// `fields`: the columns of MapConversionFields, and kAssetColumn; kCheckedColumn where the rows were
  /// checked already, by the same rules. Errors: user error for a type that JSON has no form for.
  static Result<std::unique_ptr<ConversionEvents>> Make(const std::shared_ptr<arrow::Schema>& fields,
                                                        ConversionRules rules);
  ~ConversionEvents();

  /// `now`: the wall clock, by which events are too old that were not checked yet. `out` is overwritten, its
  /// capacity reused.
  Status Build(const Batch& fields, EventTime now, ConversionBatch* out);

 private:
  struct Layout;
  ConversionEvents(std::unique_ptr<const Layout> layout, std::unique_ptr<Encoder> encoder,
                   ConversionRules rules);

  const std::unique_ptr<const Layout> layout_;
  const std::unique_ptr<Encoder> encoder_;
  const ConversionRules rules_;
  RecordRows record_rows_;
};

}  // namespace millrace
