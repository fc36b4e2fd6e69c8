#pragma once

#include <span>
#include <string>
#include <string_view>

namespace millrace {

/// " (did you mean 'x'?)" for the candidate nearest to `word` by edit distance, or " (there is: a, b, c)"
/// with up to eight candidates when none is near, or "" when there are none. To be appended to an "unknown
/// ..." message.
std::string DidYouMean(std::string_view word, std::span<const std::string> candidates);

}  // namespace millrace
