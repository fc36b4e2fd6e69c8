#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace millrace {

class TokenSource;

/// Takes a token, or why there is none: kPermissionDenied (user) when there is none to be had, which asking
/// again at once will not change; retryable errors.
using TokenDone = std::function<void(Result<std::string>)>;

/// Gets a token for the next request, without waiting for it. `refused`: "" or the one that was refused, for
/// which another is wanted. `done` is called once, at once or later, on any thread; it must be quick and must
/// not throw. Thread-safe.
using TokenFetch = std::function<void(const std::string& refused, TokenDone done)>;

/// Always that one: when it is refused there is no other.
TokenFetch FixedToken(std::string token);

/// The token that was read from the file at first, which is read again when it is refused: whoever rotates
/// it there need not tell anybody. A line break at its end does not count.
TokenFetch TokenOfFile(std::string path, std::string token);

/// Those of a source.
TokenFetch TokensOf(std::shared_ptr<TokenSource> source);

}  // namespace millrace
