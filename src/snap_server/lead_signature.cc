#include "snap_server/lead_signature.h"

#include <cstddef>
#include <optional>
#include <utility>

#include <openssl/evp.h>

#include "base/check.h"
#include "base/hex.h"

namespace millrace::snap {
namespace {

using Digest = LeadSignature::Digest;
using Encoding = LeadSignature::Encoding;

constexpr unsigned char kInnerPad = 0x36;
constexpr unsigned char kOuterPad = 0x5c;

std::optional<Digest> DigestCalled(std::string_view name) {
  if (name == "sha1") return Digest::kSha1;
  if (name == "sha256") return Digest::kSha256;
  if (name == "sha512") return Digest::kSha512;
  return std::nullopt;
}

std::optional<Encoding> EncodingCalled(std::string_view name) {
  if (name == "hex") return Encoding::kHex;
  if (name == "base64") return Encoding::kBase64;
  return std::nullopt;
}

const EVP_MD* FunctionOf(Digest digest) {
  if (digest == Digest::kSha1) return EVP_sha1();
  return digest == Digest::kSha256 ? EVP_sha256() : EVP_sha512();
}

std::string Hashed(const EVP_MD* function, std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                              function, nullptr);
  MR_CHECK(done == 1) << "OpenSSL refuses this digest";
  out.resize(size);
  return out;
}

std::string Padded(std::string key, unsigned char pad) {
  for (char& byte : key) byte = static_cast<char>(static_cast<unsigned char>(byte) ^ pad);
  return key;
}

std::string Base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned three = 0;
    for (std::size_t j = i; j < i + 3; ++j)
      three = three << 8U | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    for (unsigned shift = 18; shift < 24; shift -= 6) out.push_back(kDigits[three >> shift & 0x3fU]);
  }
  for (std::size_t missing = (3 - bytes.size() % 3) % 3; missing > 0; --missing)
    out[out.size() - missing] = '=';
  return out;
}

}  // namespace

Result<LeadSignature> LeadSignature::Parse(const std::string& text) {
  LeadSignature signature;
  const std::size_t first = text.find(':');
  signature.header = text.substr(0, first);
  if (signature.header.empty()) {
    return Status::InvalidArgument(
        "a signature is written HEADER, HEADER:ALGORITHM or HEADER:ALGORITHM:ENCODING");
  }
  if (first == std::string::npos) return signature;
  const std::size_t second = text.find(':', first + 1);
  const bool has_encoding = second != std::string::npos;
  const std::string algorithm = text.substr(first + 1, has_encoding ? second - first - 1 : second);
  const auto digest = DigestCalled(algorithm);
  if (!digest) {
    return Status::InvalidArgument("unknown algorithm '" + algorithm +
                                   "' for signatures; there are sha1, sha256 and sha512");
  }
  signature.digest = *digest;
  if (!has_encoding) return signature;
  const auto encoding = EncodingCalled(text.substr(second + 1));
  if (!encoding) {
    return Status::InvalidArgument("unknown encoding '" + text.substr(second + 1) +
                                   "' of signatures; there are hex and base64");
  }
  signature.encoding = *encoding;
  return signature;
}

std::string LeadSignature::Of(std::string_view secret, std::string_view body) const {
  const EVP_MD* const function = FunctionOf(digest);
  const auto block = static_cast<std::size_t>(EVP_MD_block_size(function));
  std::string key = secret.size() > block ? Hashed(function, secret) : std::string(secret);
  key.resize(block, '\0');
  const std::string inner = Hashed(function, Padded(key, kInnerPad) + std::string(body));
  const std::string bytes = Hashed(function, Padded(std::move(key), kOuterPad) + inner);
  return encoding == Encoding::kHex ? Hex(bytes) : Base64(bytes);
}

}  // namespace millrace::snap
