#include "http/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Redactor, TakesOutWhatItsNameSaysToBeSecret) {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"POST https://h/v3/p/events?access_token=abc: HTTP 500",
       "POST https://h/v3/p/events?access_token=<redacted> HTTP 500"},
      {"https://h/?a=1&access_token=abc,d%20e&b=2#c", "https://h/?a=1&access_token=<redacted>&b=2#c"},
      {"ACCESS_TOKEN=abc", "ACCESS_TOKEN=<redacted>"},
      {"grant_type=refresh_token&refresh_token=abc&client_id=me&client_secret=def",
       "grant_type=refresh_token&refresh_token=<redacted>&client_id=me&client_secret=<redacted>"},
      {"code=abc&state=x", "code=<redacted>&state=x"},
      {"test_event_code=abc", "test_event_code=abc"},
      {"error_code: E1008", "error_code: E1008"},
      {R"({"access_token":"a\"b c","token_type":"bearer","expires_in":1800})",
       R"({"access_token":"<redacted>","token_type":"bearer","expires_in":1800})"},
      {R"({"refresh_token" : "abc"})", R"({"refresh_token" : "<redacted>"})"},
      {R"({"hmacSecret":"abc)", R"({"hmacSecret":"<redacted>)"},
      {"Authorization: Bearer abc.def-ghi", "Authorization: <redacted>"},
      {"authorization: Token a b c\r\nHost: h", "authorization: <redacted>\r\nHost: h"},
      {"sent Bearer abcdefghi in vain", "sent Bearer <redacted> in vain"},
      {"Proxy-Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: <redacted>"},
      {"https://user:pass@host/a@b", "https://<redacted>@host/a@b"},
      {"https://host/a@b", "https://host/a@b"},
      {"X-Api-Key: abc", "X-Api-Key: <redacted>"},
      {"access_token=", "access_token="},
      {"the token was refused", "the token was refused"},
      {"token_url=https://h/login", "token_url=https://h/login"},
      {"", ""},
  };
  const Redactor redact;
  for (const auto& c : cases) EXPECT_EQ(redact(c.text), c.expected);
}

TEST(Redactor, TakesOutConfiguredSecretsWhereverTheyStand) {
  const Redactor redact({"canary+/=x", "canary", "abc", ""});
  for (const char* text : {"canary", "xcanaryx", "https://h/canary/p?q=canary", "{\"odd\":\"canary\"}",
                           "a canary+/=x b", "q=canary%2B%2F%3Dx&r=1"}) {
    EXPECT_THAT(redact(text), Not(HasSubstr("canary"))) << text;
    EXPECT_THAT(redact(text), Not(HasSubstr("%2F%3D"))) << text;
  }
  EXPECT_EQ(redact("abc is too short to be looked for"), "abc is too short to be looked for");
}

TEST(Redactor, DoesNotChangeWhatItHasRedacted) {
  const Redactor redact({"canary"});
  const std::string once = redact("GET https://u:p@h/?token=canary Authorization: Bearer canarycanary");
  EXPECT_EQ(redact(once), once);
}

TEST(PercentEncoded, LeavesUnreservedCharactersOnly) {
  EXPECT_EQ(PercentEncoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncoded("a b+c/ä&="), "a%20b%2Bc%2F%C3%A4%26%3D");
}

TEST(Redactor, AnExcerptHoldsNoPartOfASecretAndEndsBetweenCharacters) {
  const Redactor redactor({"canary-token"});
  for (std::size_t before = 0; before < 40; ++before) {
    const std::string text = std::string(before, 'x') + " canary-token and some more text behind it";
    EXPECT_EQ(redactor.Excerpt(text, 30).find("canary"), std::string::npos) << before;
  }
  EXPECT_EQ(Redactor().Excerpt("a\u00e4\u20ac", 3), "a\u00e4...");
  EXPECT_EQ(Redactor().Excerpt("a\u00e4\u20ac", 5), "a\u00e4...");
  EXPECT_EQ(Redactor().Excerpt("a\u00e4\u20ac", 6), "a\u00e4\u20ac");
}

}  // namespace
}  // namespace millrace
