#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "expr/eval.h"
#include "expr/kernel.h"
#include "expr/types.h"

namespace millrace::expr_internal {

struct CastRequest {
  TypePtr target;
  bool is_explicit = false;    ///< written by the user: times may lose digits, strings are read
  bool null_on_error = false;  ///< try_cast
  std::string_view error_class = "cast";
  std::string text;  ///< for messages
  int position = 0;
};

/// `node` converted, or `node` itself when it has the type already.
/// Errors: user error when no conversion between the types exists.
Result<BoundNodePtr> MakeCastNode(BoundNodePtr node, CastRequest request);

/// `node` as a plain type (see Plain) and, when it is a UTC timestamp, without its zone.
Result<BoundNodePtr> MakePlain(BoundNodePtr node, bool strip_utc, int position);

}  // namespace millrace::expr_internal
