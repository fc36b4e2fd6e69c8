#include "engine/yaml/substitution.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

SubstitutionSources Sources() {
  SubstitutionSources sources;
  sources.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOST") return "kafka";
    if (name == "EMPTY") return "";
    return std::nullopt;
  };
  sources.read_file = [](const std::string& path) -> Result<std::string> {
    if (path == "/run/secret") return std::string("s3cret\n");
    return Status::NotFound("no file " + path);
  };
  return sources;
}

TEST(Substitution, ReplacesVariablesDefaultsAndFiles) {
  const struct {
    std::string text;
    std::string result;
  } cases[] = {
      {"plain", "plain"},
      {"", ""},
      {"${HOST}:9092", "kafka:9092"},
      {"${NONE:-localhost}:1", "localhost:1"},
      {"${EMPTY:-x}", "x"},
      {"${EMPTY}", ""},
      {"${NONE:-}", ""},
      {"${HOST}${HOST}", "kafkakafka"},
      {"${file:/run/secret}", "s3cret"},
      {"$${HOST} $5 $", "${HOST} $5 $"},
      {"${NONE:-a:-b}", "a:-b"},
  };
  for (const auto& c : cases) {
    const Result<SubstitutedText> result = Substitute(c.text, Sources());
    ASSERT_TRUE(result.ok()) << c.text << ": " << result.status().message();
    EXPECT_EQ(result->text, c.result) << c.text;
  }
}

TEST(Substitution, SaysWhatIsMissing) {
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {"${NONE}", "environment variable NONE is not set"},
      {"${file:/nope}", "/nope"},
      {"${file:}", "needs a path"},
      {"${HOST", "without its '}'"},
      {"${NONE:-${HOST:-x}}", "'${NONE:-${HOST:-x}': a default is plain text, with no ${} inside"},
      {"${a b}", "is no reference"},
  };
  for (const auto& c : cases) {
    const Result<SubstitutedText> result = Substitute(c.text, Sources());
    ASSERT_FALSE(result.ok()) << c.text;
    EXPECT_THAT(result.status().message(), testing::HasSubstr(c.message));
  }
}

TEST(Substitution, TellsATextThatIsAFileAlone) {
  const std::pair<const char*, const char*> cases[] = {
      {"${file:/run/secret}", "/run/secret"}, {"", ""},           {"plain", ""},
      {"x${file:/run/secret}", ""},           {"${HOST}", ""},    {"${file:/run/secret}x", ""},
      {"${file:/a}${file:/b}", ""},           {"$${file:/a}", ""}};
  for (const auto& [text, path] : cases) EXPECT_EQ(OnlyFile(text), path) << text;
}

TEST(Substitution, FindsTheWayBackToTheOriginal) {
  const Result<SubstitutedText> result = Substitute("ab${HOST}cd", Sources());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->text, "abkafkacd");
  EXPECT_EQ(result->OriginalPosition(1), 1U);
  EXPECT_EQ(result->OriginalPosition(4), 2U);  // inside the value: the reference
  EXPECT_EQ(result->OriginalPosition(7), 9U);
}

}  // namespace
}  // namespace millrace
