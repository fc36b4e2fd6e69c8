#include "connectors/snapchat/token_complaint.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(TokenComplaint, IsASentenceThatSpeaksOfTheTokenAlone) {
  for (const char* sentence : {
           "Invalid access token",
           "Invalid access token.",
           "invalid_token",
           "Invalid OAuth access token: abc-123",
           "The access token expired",
           "Your access token has expired (2026-01-01)",
           "Access token is not valid",
           "Access token is invalid or expired",
           "Unauthorized: The access token was revoked",
           "The access-token is missing",
       })
    EXPECT_TRUE(IsAboutToken(sentence)) << sentence;
}

TEST(TokenComplaint, IsNoSentenceAboutAnEventThatSaysToken) {
  for (const char* sentence : {
           "",
           "token",
           "access token",
           "bad event",
           "Unauthorized",
           "'Invalid access token' is no search_string",
           "Invalid access token is not an event_name",
           "Invalid search_string: access token expired",
           "Invalid: access token expired",
           "event 7: invalid access token",
           "missing required field token",
           "content_name 'access token expired' has more than 20 characters",
           "Invalid token in custom_data",
           "Unexpected token",
           "517, invalid access token",
       })
    EXPECT_FALSE(IsAboutToken(sentence)) << sentence;
}

}  // namespace
}  // namespace millrace
