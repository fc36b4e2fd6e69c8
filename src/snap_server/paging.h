#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "snap_server/api_request.h"

namespace millrace::snap {

/// What the parameter `limit` may be.
struct PageLimits {
  std::size_t least;
  std::size_t most;
  std::size_t otherwise;  ///< without the parameter
};
inline constexpr PageLimits kMarketingPages{50, 1'000, 1'000};
inline constexpr PageLimits kProfilePages{1, 100, 10};

/// A part of a list: items [begin, end).
struct Page {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string next_cursor{};  ///< "" for the last page, as below
  std::string next_link{};    ///< absolute; the same request with the cursor
};

/// The page that a request asks for of a list of so many items, by `limit` and `cursor`.
/// Errors: user error for a limit out of bounds, and for a cursor that is not one of this list.
Result<Page> ReadPage(const ApiRequest& request, std::size_t items, const PageLimits& limits);

}  // namespace millrace::snap
