#include "snap_server/lead_signature.h"

#include <gtest/gtest.h>

#include "env/random.h"
#include "http/hmac.h"

namespace millrace::snap {
namespace {

TEST(LeadSignature, IsReadFromAText) {
  EXPECT_EQ(LeadSignature::Parse("X-A")->header, "X-A");
  EXPECT_EQ(LeadSignature::Parse("X-A:sha1")->digest, LeadSignature::Digest::kSha1);
  EXPECT_EQ(LeadSignature::Parse("X-A:sha512:base64")->encoding, LeadSignature::Encoding::kBase64);
  for (const char* bad : {"", ":sha1", "X-A:md5", "X-A:sha1:octal", "X-A:"}) {
    EXPECT_FALSE(LeadSignature::Parse(bad).ok()) << bad;
  }
}

TEST(LeadSignature, IsThatOfPublishedVectors) {
  const LeadSignature signature = *LeadSignature::Parse("X-A:sha256");  // RFC 4231, cases 2 and 6
  EXPECT_EQ(signature.Of("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(signature.Of(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(LeadSignature, TheTwoImplementationsAgree) {
  const struct {
    const char* text;
    HmacScheme scheme;
  } cases[] = {
      {"X-A:sha1:hex", {HmacAlgorithm::kSha1, SignatureEncoding::kHex}},
      {"X-A:sha256:hex", {HmacAlgorithm::kSha256, SignatureEncoding::kHex}},
      {"X-A:sha512:hex", {HmacAlgorithm::kSha512, SignatureEncoding::kHex}},
      {"X-A:sha1:base64", {HmacAlgorithm::kSha1, SignatureEncoding::kBase64}},
      {"X-A:sha256:base64", {HmacAlgorithm::kSha256, SignatureEncoding::kBase64}},
      {"X-A:sha512:base64", {HmacAlgorithm::kSha512, SignatureEncoding::kBase64}},
  };
  Random random(7);
  const auto text = [&random] {
    std::string bytes(random.Below(300), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
    return bytes;
  };
  for (const auto& c : cases) {
    const LeadSignature signature = *LeadSignature::Parse(c.text);
    for (int i = 0; i < 200; ++i) {
      const std::string secret = "s" + text();
      const std::string body = text();
      const std::string made = signature.Of(secret, body);
      EXPECT_EQ(made, HmacSignature(c.scheme, secret, body)) << c.text;
      EXPECT_TRUE(VerifyHmac(c.scheme, secret, body, made)) << c.text;
    }
  }
}

}  // namespace
}  // namespace millrace::snap
