#include "http/hmac.h"

#include <array>
#include <cctype>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "base/hex.h"

namespace millrace {
namespace {

const EVP_MD* DigestOf(HmacAlgorithm algorithm) {
  switch (algorithm) {
    case HmacAlgorithm::kSha1:
      return EVP_sha1();
    case HmacAlgorithm::kSha256:
      return EVP_sha256();
    case HmacAlgorithm::kSha512:
      return EVP_sha512();
  }
  return nullptr;
}

std::string Base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string Encoded(const HmacScheme& scheme, std::string_view key, std::string_view body) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  // A null key would mean that of an earlier call.
  const void* const bytes = key.empty() ? "" : key.data();
  const unsigned char* const made =
      HMAC(DigestOf(scheme.algorithm), bytes, static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data(), &size);
  MR_CHECK(made != nullptr) << "OpenSSL refuses this HMAC";
  const std::string_view text(reinterpret_cast<const char*>(digest.data()), size);
  return scheme.encoding == SignatureEncoding::kHex ? Hex(text) : Base64(text);
}

}  // namespace

Result<HmacAlgorithm> ParseHmacAlgorithm(std::string_view text) {
  if (text == "sha1") return HmacAlgorithm::kSha1;
  if (text == "sha256") return HmacAlgorithm::kSha256;
  if (text == "sha512") return HmacAlgorithm::kSha512;
  return Status::InvalidArgument("unknown algorithm '" + std::string(text) +
                                 "' for signatures; there are sha1, sha256 and sha512");
}

Result<SignatureEncoding> ParseSignatureEncoding(std::string_view text) {
  if (text == "hex") return SignatureEncoding::kHex;
  if (text == "base64") return SignatureEncoding::kBase64;
  return Status::InvalidArgument("unknown encoding '" + std::string(text) +
                                 "' of signatures; there are hex and base64");
}

std::string HmacSignature(const HmacScheme& scheme, std::string_view key, std::string_view body) {
  return scheme.prefix + Encoded(scheme, key, body);
}

bool VerifyHmac(const HmacScheme& scheme, std::string_view key, std::string_view body,
                std::string_view signature) {
  if (key.empty()) return false;
  const std::string expected = Encoded(scheme, key, body);
  if (!scheme.prefix.empty() && signature.starts_with(scheme.prefix))
    signature.remove_prefix(scheme.prefix.size());
  std::string given(signature);
  if (scheme.encoding == SignatureEncoding::kHex) {
    for (char& c : given) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return given.size() == expected.size() &&
         CRYPTO_memcmp(given.data(), expected.data(), expected.size()) == 0;
}

}  // namespace millrace
