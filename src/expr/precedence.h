#pragma once

namespace millrace::expr_internal {

/// Binding powers, weakest first, for the parser and for writing text with as few brackets as it allows.
constexpr int kOr = 1;
constexpr int kAnd = 2;
constexpr int kNot = 3;
constexpr int kCompare = 4;
constexpr int kAdd = 5;
constexpr int kMultiply = 6;
constexpr int kNegate = 7;
constexpr int kCastPower = 8;
constexpr int kPostfix = 9;
constexpr int kAtom = 10;

}  // namespace millrace::expr_internal
