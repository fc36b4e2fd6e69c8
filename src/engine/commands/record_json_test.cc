#include "engine/commands/record_json.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::HasSubstr;

std::string Written(const RecordBlock& block) {
  std::ostringstream out;
  WriteRecordJson(block, 0, out);
  return out.str();
}

TEST(RecordJson, BytesOfAnyKindAndHeadersOfOneNameComeBackAsTheyWere) {
  using namespace std::string_view_literals;  // NOLINT(google-build-using-namespace)
  for (const std::string_view bytes :
       {"plain"sv, ""sv, "{\"x\":\"\\\\\"}"sv, "\x00\x01\n\t\x7f"sv, "\xff\xfe"sv,
        "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"sv, "\xc3"sv, "{\"base64\":\"AA==\"}"sv}) {
    RecordBlockBuilder builder({"t", Partition(3)});
    builder.Append(Offset(7), 1'700'000'000'000, BytesView::Of(bytes), BytesView::Of(bytes));
    builder.AppendHeader("h", BytesView::Of(bytes));
    builder.AppendHeader("h", {});
    builder.AppendHeader(bytes, BytesView::Of("x"));
    const std::string line = Written(*builder.Finish());
    Result<RecordJsonReader> reader = RecordJsonReader::Make();
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    const Result<JsonRecord> record = reader->Read(line);
    ASSERT_TRUE(record.ok()) << line << record.status().message();
    EXPECT_EQ(record->partition, 3);
    EXPECT_EQ(record->timestamp_ms, 1'700'000'000'000);
    EXPECT_EQ(record->key, bytes) << line;
    EXPECT_EQ(record->value, bytes) << line;
    ASSERT_EQ(record->headers.size(), 3);
    EXPECT_EQ(record->headers[0].name, "h");
    EXPECT_EQ(record->headers[0].value, bytes);
    EXPECT_EQ(record->headers[1].name, "h");
    EXPECT_EQ(record->headers[1].value, std::nullopt);
    EXPECT_EQ(record->headers[2].name, bytes);
  }
}

TEST(RecordJson, LooksLikeThis) {
  RecordBlockBuilder builder({"t", Partition(0)});
  builder.Append(Offset(5), 12, BytesView::Of("\xff"), {});
  builder.AppendHeader("a", BytesView::Of("1"));
  EXPECT_EQ(Written(*builder.Finish()),
            "{\"partition\":0,\"offset\":5,\"timestamp\":12,\"key\":{\"base64\":\"/w==\"},\"value\":null,"
            "\"headers\":[{\"name\":\"a\",\"value\":\"1\"}]}\n");
}

TEST(RecordJson, EverythingMayBeMissingAndNothingElseMayBeThere) {
  Result<RecordJsonReader> reader = RecordJsonReader::Make();
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  const Result<JsonRecord> empty = reader->Read("{}");
  ASSERT_TRUE(empty.ok()) << empty.status().message();
  EXPECT_FALSE(empty->key || empty->value || empty->partition || empty->timestamp_ms);
  EXPECT_TRUE(empty->headers.empty());
  const std::pair<const char*, const char*> wrong[] = {
      {"no json", ""},
      {R"({"payload":"x"})", "unknown fields {\"payload\":\"x\"}"},
      {R"({"key":7})", "strings, null, or {\"base64\": \"...\"}: found 7"},
      {R"({"value":{"x":1}})", "strings, null, or {\"base64\": \"...\"}"},
      {R"({"value":{"base64":"?"}})", "strings, null, or {\"base64\": \"...\"}"},
      {R"({"headers":{"a":"1"}})", ""},
      {R"({"headers":[{"value":"1"}]})", "a header has no name"}};
  for (const auto& [line, message] : wrong) {
    const Status status = reader->Read(line).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(status.message(), HasSubstr(message)) << line;
  }
}

}  // namespace
}  // namespace millrace
