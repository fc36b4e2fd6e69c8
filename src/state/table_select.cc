// Showing some of a table's rows to somebody who asks from outside.

#include "state/table.h"

namespace millrace {

Result<bool> Table::Select(const RowQuery& query, const RowBytesVisitor& visit) {
  std::int64_t shown = 0;
  std::string bytes;
  std::int64_t slice = 0;
  const RowVisitor show = [&](std::string_view key, std::uint32_t slot) {
    if (!query.Matches(key)) return Status::Ok();
    if (shown++ == query.limit) return Status::Cancelled("there are more rows");
    bytes.clear();
    rows_->Encode(slot, &bytes);
    return visit(slice, key, bytes);
  };
  for (const std::int64_t open : Slices()) {
    if (query.slice.value_or(open) != open) continue;
    slice = open;
    Status status = query.whole_key && query.skip == 0 ? Peek(slice, query.key, show) : Visit(slice, show);
    if (shown > query.limit) return true;
    MR_RETURN_IF_ERROR(std::move(status));
  }
  return false;
}

}  // namespace millrace
