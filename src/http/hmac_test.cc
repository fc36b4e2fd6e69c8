#include "http/hmac.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

constexpr const char* kKey = "Jefe";
constexpr const char* kBody = "what do ya want for nothing?";

TEST(Hmac, GivesTheSignaturesOfTheStandards) {  // RFC 2202 and RFC 4231, test case 2
  const struct {
    HmacAlgorithm algorithm;
    const char* hex;
  } cases[] = {
      {HmacAlgorithm::kSha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
      {HmacAlgorithm::kSha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {HmacAlgorithm::kSha512,
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab"
       "1a3"
       "4d4a6b4b636e070a38bce737"},
  };
  for (const auto& c : cases) {
    HmacScheme scheme;
    scheme.algorithm = c.algorithm;
    EXPECT_EQ(HmacSignature(scheme, kKey, kBody), c.hex);
    EXPECT_TRUE(VerifyHmac(scheme, kKey, kBody, c.hex));
    scheme.encoding = SignatureEncoding::kBase64;
    const std::string base64 = HmacSignature(scheme, kKey, kBody);
    EXPECT_TRUE(VerifyHmac(scheme, kKey, kBody, base64));
    EXPECT_FALSE(VerifyHmac(scheme, kKey, kBody, c.hex));
  }
  HmacScheme base64;
  base64.encoding = SignatureEncoding::kBase64;
  EXPECT_EQ(HmacSignature(base64, kKey, kBody), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}

TEST(Hmac, TakesAPrefixAndDigitsOfBothCases) {
  HmacScheme scheme;
  scheme.prefix = "sha256=";
  const std::string signature = HmacSignature(scheme, kKey, kBody);
  EXPECT_EQ(signature, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_TRUE(VerifyHmac(scheme, kKey, kBody, signature));
  EXPECT_TRUE(VerifyHmac(scheme, kKey, kBody, signature.substr(7)));
  EXPECT_TRUE(
      VerifyHmac(scheme, kKey, kBody, "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843"));
}

TEST(Hmac, RefusesWhatIsNotTheSignature) {
  const HmacScheme scheme;
  const std::string signature = HmacSignature(scheme, kKey, kBody);
  EXPECT_FALSE(VerifyHmac(scheme, "jefe", kBody, signature));
  EXPECT_FALSE(VerifyHmac(scheme, kKey, std::string(kBody) + " ", signature));
  EXPECT_FALSE(VerifyHmac(scheme, kKey, kBody, ""));
  EXPECT_FALSE(VerifyHmac(scheme, kKey, kBody, signature.substr(1)));
  EXPECT_FALSE(VerifyHmac(scheme, kKey, kBody, signature + "0"));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string wrong = signature;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    EXPECT_FALSE(VerifyHmac(scheme, kKey, kBody, wrong)) << i;
  }
}

TEST(Hmac, WithoutASecretNothingIsProved) {
  const HmacScheme scheme;
  EXPECT_FALSE(VerifyHmac(scheme, "", kBody, HmacSignature(scheme, "", kBody)));
}

TEST(Hmac, ReadsItsNames) {
  EXPECT_EQ(*ParseHmacAlgorithm("sha512"), HmacAlgorithm::kSha512);
  EXPECT_EQ(*ParseSignatureEncoding("base64"), SignatureEncoding::kBase64);
  EXPECT_THAT(ParseHmacAlgorithm("md5").status().message(), testing::HasSubstr("'md5'"));
  EXPECT_THAT(ParseSignatureEncoding("").status().message(), testing::HasSubstr("hex and base64"));
}

}  // namespace
}  // namespace millrace
