#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::snap {

/// How leads are signed: HMAC, written from its description (RFC 2104) and apart from the function by which
/// connectors check signatures. Snap says that leads are signed, not how.
struct LeadSignature {
  enum class Digest { kSha1, kSha256, kSha512 };
  enum class Encoding { kHex, kBase64 };

  std::string header = "X-Snap-Signature";
  Digest digest = Digest::kSha256;
  Encoding encoding = Encoding::kHex;

  /// Reads "X-Snap-Signature", "X-Snap-Signature:sha512" or "X-Snap-Signature:sha256:base64".
  /// Errors: user error.
  static Result<LeadSignature> Parse(const std::string& text);

  /// The signature of a body; hexadecimal digits are lower case.
  std::string Of(std::string_view secret, std::string_view body) const;
};

}  // namespace millrace::snap
