#include "http/token_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<std::string> TokenFrom(const TokenFetch& fetch, const std::string& refused) {
  Result<std::string> given = Status::Bug("not answered at once");
  fetch(refused, [&](Result<std::string> token) { given = std::move(token); });
  return given;
}

TEST(FixedToken, HasNoOther) {
  const TokenFetch fetch = FixedToken("one");
  EXPECT_EQ(*TokenFrom(fetch, ""), "one");
  EXPECT_EQ(TokenFrom(fetch, "one").status().code(), StatusCode::kPermissionDenied);
}

class TokenOfFileTest : public testing::Test {
 protected:
  ~TokenOfFileTest() override { EXPECT_TRUE(RemoveAll(path_).ok()); }
  void Write(const std::string& content) { ASSERT_TRUE(WriteFileAtomically(path_, content).ok()); }
  std::string Refused(const std::string& token) {
    const auto given = TokenFrom(fetch_, token);
    EXPECT_EQ(given.status().code(), StatusCode::kPermissionDenied);
    return given.status().message();
  }

  const std::string path_ = testing::TempDir() + "/token-" + RandomId();
  const TokenFetch fetch_ = TokenOfFile(path_, "canary-1");
};

TEST_F(TokenOfFileTest, IsReadAgainWhenItIsRefusedAndNotBefore) {
  Write("canary-2\n");
  EXPECT_EQ(*TokenFrom(fetch_, ""), "canary-1");
  EXPECT_EQ(*TokenFrom(fetch_, "canary-1"), "canary-2");
  EXPECT_EQ(*TokenFrom(fetch_, ""), "canary-2");
  Write("canary-3\r\n");
  EXPECT_EQ(*TokenFrom(fetch_, "canary-1"), "canary-2") << "it was replaced meanwhile";
  EXPECT_EQ(*TokenFrom(fetch_, "canary-2"), "canary-3");
}

TEST_F(TokenOfFileTest, SaysWhyThereIsNoOtherAndNoToken) {
  EXPECT_THAT(Refused("canary-1"), HasSubstr(path_)) << "there is no file";
  for (const char* content : {"canary-1", "canary-1\n", "", "\n", "canary-2\ncanary-3\n"}) {
    Write(content);
    EXPECT_THAT(Refused("canary-1"), testing::AllOf(HasSubstr(path_), Not(HasSubstr("canary")))) << content;
    EXPECT_EQ(*TokenFrom(fetch_, ""), "canary-1");
  }
  Write("canary-2");
  EXPECT_EQ(*TokenFrom(fetch_, "canary-1"), "canary-2");
}

}  // namespace
}  // namespace millrace
