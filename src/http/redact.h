#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Takes secrets out of texts that leave the process: messages, logs, dead letters. What it takes out is
/// shown as "<redacted>":
///   * the configured secrets wherever they stand, as they are and percent-encoded;
///   * values of query parameters and form fields whose name says that they are secret, also in a URL inside
///     a sentence, and of such fields of JSON;
///   * user and password in URLs;
///   * what follows "Authorization:", "Bearer" and "Basic".
/// Immutable, thread-safe.
class Redactor {
 public:
  Redactor() = default;
  /// Secrets shorter than kMinSecret are left out: they would be found in ordinary words.
  explicit Redactor(const std::vector<std::string>& secrets);
  static constexpr std::size_t kMinSecret = 4;

  std::string operator()(std::string_view text) const;
  /// What a text of any length says, for people: without secrets, then cut after `most_bytes` at most,
  /// between two characters.
  std::string Excerpt(std::string_view text, std::size_t most_bytes) const;

 private:
  std::vector<std::string> secrets_;  // all spellings, longest first
};

/// Whether a parameter, field or header of that name holds a secret: "access_token", "client_secret",
/// "Password", "signature", "code" ...
bool IsSecretField(std::string_view name);

/// Percent-encodes everything but letters, digits and "-._~".
std::string PercentEncoded(std::string_view text);

}  // namespace millrace
