#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

enum class HmacAlgorithm { kSha1, kSha256, kSha512 };
enum class SignatureEncoding { kHex, kBase64 };

/// How a sender signs the bodies of its requests.
struct HmacScheme {
  HmacAlgorithm algorithm = HmacAlgorithm::kSha256;
  SignatureEncoding encoding = SignatureEncoding::kHex;
  /// What stands before the signature in its header, such as "sha256="; may be missing in what is checked.
  std::string prefix{};
};

/// "sha1", "sha256", "sha512". Errors: user error that names them.
Result<HmacAlgorithm> ParseHmacAlgorithm(std::string_view text);
/// "hex", "base64". Errors: user error that names them.
Result<SignatureEncoding> ParseSignatureEncoding(std::string_view text);

/// The signature of a body, with the prefix; hexadecimal digits are lower case.
std::string HmacSignature(const HmacScheme& scheme, std::string_view key, std::string_view body);

/// Whether `signature` is that of the body. Compares in a time that depends on its length alone; takes
/// hexadecimal digits of both cases. False for an empty key: no secret, no proof.
bool VerifyHmac(const HmacScheme& scheme, std::string_view key, std::string_view body,
                std::string_view signature);

}  // namespace millrace
