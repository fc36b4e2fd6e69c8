#include "snap_server/paging.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "http/redact.h"
#include "snap_server/mixed_hash.h"

namespace millrace::snap {
namespace {

std::optional<std::size_t> WholeNumberIn(const std::string& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A position, with proof that it is one of the list at this path.
std::string CursorOf(const std::string& path, std::size_t begin) {
  return std::to_string(begin) + "." + std::to_string(Mixed(HashOf(path), begin) % 1'000'000);
}

std::string LinkTo(const ApiRequest& request, const std::string& cursor) {
  std::string link = request.base_url + request.path + "?";
  for (const auto& [name, value] : request.query) {
    if (name != "cursor") link += PercentEncoded(name) + "=" + PercentEncoded(value) + "&";
  }
  return link + "cursor=" + PercentEncoded(cursor);
}

}  // namespace

Result<Page> ReadPage(const ApiRequest& request, std::size_t items, const PageLimits& limits) {
  std::size_t limit = limits.otherwise;
  if (const std::string text = request.Query("limit"); !text.empty()) {
    const std::optional<std::size_t> number = WholeNumberIn(text);
    if (!number || *number < limits.least || *number > limits.most) {
      return Status::InvalidArgument("limit is " + text + "; it must be from " +
                                     std::to_string(limits.least) + " to " + std::to_string(limits.most));
    }
    limit = *number;
  }
  Page page;
  if (const std::string cursor = request.Query("cursor"); !cursor.empty()) {
    const std::optional<std::size_t> begin = WholeNumberIn(cursor.substr(0, cursor.find('.')));
    if (!begin || cursor != CursorOf(request.path, *begin)) {
      return Status::InvalidArgument("the cursor is not one of this list");
    }
    page.begin = std::min(*begin, items);
  }
  page.end = std::min(page.begin + limit, items);
  if (page.end < items) {
    page.next_cursor = CursorOf(request.path, page.end);
    page.next_link = LinkTo(request, page.next_cursor);
  }
  return page;
}

}  // namespace millrace::snap
