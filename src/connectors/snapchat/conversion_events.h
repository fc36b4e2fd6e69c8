#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "codec/codec.h"
#include "columnar/batch.h"
#include "connectors/snapchat/conversion_check.h"

namespace millrace {

/// The events of a batch, ready to be sent.
struct ConversionBatch {
  std::vector<RowError> errors;    ///< rows that are no valid events; ascending
  std::vector<LateRow> late;       ///< rows that Snap would not report; ascending
  std::vector<std::int64_t> rows;  ///< the others; ascending
  EncodedRows json;  ///< an object for every row of the batch; means nothing for those that failed
};

/// Makes events of rows. One owner, one thread.
class ConversionEvents {
 public:
  /// `fields`: the columns of MapConversionFields, and kAssetColumn. Errors: user error for a type that JSON
  /// has no form for.
  static Result<std::unique_ptr<ConversionEvents>> Make(const std::shared_ptr<arrow::Schema>& fields,
                                                        ConversionRules rules);
  ~ConversionEvents();

  /// `now`: the wall clock, by which events are too old. `out` is overwritten, its capacity reused.
  Status Build(const Batch& batch, EventTime now, ConversionBatch* out);

 private:
  struct Layout;
  ConversionEvents(std::unique_ptr<const Layout> layout, std::unique_ptr<Encoder> encoder,
                   ConversionRules rules);

  const std::unique_ptr<const Layout> layout_;
  const std::unique_ptr<Encoder> encoder_;
  const ConversionRules rules_;
};

}  // namespace millrace
