#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// YAML ends an unquoted value inside {...} or [...] at every comma and bracket, so `{ts: timestamp[ms]}` and
/// `{total: sum(coalesce(price, 0))}` would not read. People write them all the same. This replaces the
/// separators that stand inside parentheses, brackets and quotes of such a value by control characters, byte
/// for byte, so that positions stay true; ShowFlowScalars puts them back after parsing.
///
/// Text outside flow collections, quoted values, comments and block scalars is left alone.
std::string HideFlowScalars(std::string_view text);

/// The scalar as it was written.
std::string ShowFlowScalars(std::string_view scalar);

/// True for the characters that HideFlowScalars writes: a file must not contain them.
bool IsFlowPlaceholder(char c);

}  // namespace millrace
