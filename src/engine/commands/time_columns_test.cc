#include "engine/commands/time_columns.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json/json_codec.h"

namespace millrace {
namespace {

/// What is suggested for the column `t` of records whose `t` have these JSON values; "" for nothing.
std::string Suggested(const std::vector<std::string>& values) {
  std::vector<std::string> records;
  for (const std::string& value : values) {
    records.push_back("{\"t\":" + value + ",\"other\":\"x\"}");
    records.back().reserve(records.back().size() + RecordBlock::kPadding);
  }
  std::vector<BytesView> views;
  for (const std::string& record : records) views.push_back(BytesView::Of(record));
  const auto schema = InferJsonSchema(views, {});
  EXPECT_TRUE(schema.ok()) << schema.status().message();
  const auto found = TimeColumns(views, *schema);
  EXPECT_TRUE(found.ok()) << found.status().message();
  EXPECT_FALSE(found->contains("other"));
  return found->contains("t") ? found->at("t") : "";
}

TEST(TimeColumns, NumbersAndTextsThatAreAllTimesAreSuggestedAsSuch) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"1700000000", "978307200"}, "timestamp[s]"},
      {{"1700000000000", "null", "4102444799999"}, "timestamp[ms]"},
      {{"1700000000000000"}, "timestamp[us]"},
      {{"1700000000000000000"}, "timestamp[ns]"},
      {{"4102444800"}, ""},                   // 2100 in seconds
      {{"978307199"}, ""},                    // 2000
      {{"1700000000000", "5"}, ""},           // not all
      {{"1700000000", "1700000000000"}, ""},  // no single unit
      {{"0", "-1"}, ""},
      {{"1700000000.5"}, ""},
      {{"null"}, ""},
      {{"\"2024-05-01T12:00:00Z\"", "null", "\"2024-05-01T12:00:00.25+02:00\""}, "timestamp[ms, rfc3339]"},
      {{"\"2024-05-01T12:00:00Z\"", "\"soon\""}, ""},
      {{"\"2024-05-01\""}, ""},
      {{"{\"a\":1}", "1"}, ""}};
  for (const auto& [values, type] : cases)
    EXPECT_EQ(Suggested(values), type) << testing::PrintToString(values);
}

}  // namespace
}  // namespace millrace
