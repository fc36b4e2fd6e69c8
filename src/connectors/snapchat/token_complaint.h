#pragma once

#include <string_view>

namespace millrace {

/// Whether an answer that is no HTTP 401 says all the same that the access token is not taken: "Invalid
/// access token", "Unauthorized: the access token has expired (1767268800)". Only a sentence that begins so,
/// and speaks of nothing else, does: an answer about an event may quote what the event says, which may be
/// about tokens.
bool IsAboutToken(std::string_view sentence);

}  // namespace millrace
