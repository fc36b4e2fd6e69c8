#include "engine/savepoint/key_placement.h"

#include <string>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/key_encoding.h"
#include "connect/murmur2.h"
#include "state/store_key.h"

namespace millrace {
namespace {

constexpr std::int32_t kPartitions = 7;
constexpr std::int64_t kKeys = 100;

std::shared_ptr<arrow::Array> Int(std::int64_t value) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.Append(value).ok());
  return *builder.Finish();
}

std::shared_ptr<arrow::Array> String(const std::string& value) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.Append(value).ok());
  return *builder.Finish();
}

std::string Canonical(const std::vector<std::shared_ptr<arrow::Array>>& columns) {
  KeyBuffer key;
  EXPECT_TRUE(EncodeKeys(columns, &key).ok());
  return std::string(key[0]);
}

std::int32_t Hashed(const std::string& key) { return PartitionOfKey(key, kPartitions).value(); }

/// A layout, a place, and the keys of the number i in the state and where they belong.
struct Case {
  const char* name;
  const char* layout;
  KeyPlace place;
  std::string (*key)(std::int64_t i);
  std::int32_t (*partition)(std::int64_t i);
};

const Case kCases[] = {
    {"ByTheWholeKey",
     "tumbling 10s offset 0ms by k:int64 aggregate n = count()",
     {KeyPlace::By::kRepartition, {"k"}, ""},
     [](std::int64_t i) { return Canonical({Int(i)}); },
     [](std::int64_t i) { return Hashed(Canonical({Int(i)})); }},
    {"ByOneColumnOfTheKey",
     "running by a:int64 b:string aggregate n = count()",
     {KeyPlace::By::kRepartition, {"b"}, ""},
     [](std::int64_t i) {
       return Canonical({Int(-i), String("x" + std::to_string(i))});
     },
     [](std::int64_t i) { return Hashed(Canonical({String("x" + std::to_string(i))})); }},
    {"ByColumnsInTheOrderOfTheRepartition",
     "running by a:int64 b:string aggregate n = count()",
     {KeyPlace::By::kRepartition, {"b", "a"}, ""},
     [](std::int64_t i) {
       return Canonical({Int(i), String("x")});
     },
     [](std::int64_t i) {
       return Hashed(Canonical({String("x"), Int(i)}));
     }},
    {"SessionsBehindTheirBeginning",
     "session 10s by k:int64 aggregate n = count()",
     {KeyPlace::By::kRepartition, {"k"}, ""},
     [](std::int64_t i) { return std::string(8, '\x7f') + Canonical({Int(i)}); },
     [](std::int64_t i) { return Hashed(Canonical({Int(i)})); }},
    {"ByTheTextOfTheMessageKey",
     "deduplicate within 1m by k:int64",
     {KeyPlace::By::kMessageKey, {"k"}, "string"},
     [](std::int64_t i) { return Canonical({Int(i)}); },
     [](std::int64_t i) { return Hashed(std::to_string(i)); }},
    {"LiveRowsAndTheirSchedule",
     "expire by k:int64",
     {KeyPlace::By::kRepartition, {"k"}, ""},
     [](std::int64_t i) { return Canonical({Int(i)}); },
     [](std::int64_t i) { return Hashed(Canonical({Int(i)})); }},
    {"ByTheJsonOfTheMessageKey",
     "deduplicate within 1m by k:string",
     {KeyPlace::By::kMessageKey, {"k"}, "json"},
     [](std::int64_t i) { return Canonical({String("x" + std::to_string(i))}); },
     [](std::int64_t i) { return Hashed("\"x" + std::to_string(i) + "\""); }},
};

class KeyPlacementCases : public testing::TestWithParam<Case> {};

TEST_P(KeyPlacementCases, RowsGoWhereTheirKeyIsHashed) {
  const Case& param = GetParam();
  const auto placement = KeyPlacement::Make(param.layout, param.place, kPartitions);
  ASSERT_TRUE(placement.ok()) << placement.status().message();
  arrow::BinaryBuilder keys;
  std::vector<std::int32_t> expected;
  for (std::int64_t i = 0; i < kKeys; ++i) {
    std::string key;
    AppendSlice(i * 10'000, &key);
    ASSERT_TRUE(keys.Append(key + param.key(i)).ok());
    expected.push_back(param.partition(i));
  }
  const auto array = std::static_pointer_cast<arrow::BinaryArray>(*keys.Finish());
  const auto found = (*placement)->PartitionsOf(*array);
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(*found, expected);
}

INSTANTIATE_TEST_SUITE_P(All, KeyPlacementCases, testing::ValuesIn(kCases),
                         [](const auto& param) { return param.param.name; });

TEST(KeyPlacement, OnePartitionTakesEverythingWhateverTheLayout) {
  const auto placement = KeyPlacement::Make("of another version", {}, 1);
  ASSERT_TRUE(placement.ok());
  arrow::BinaryBuilder keys;
  ASSERT_TRUE(keys.Append("x").ok());
  const auto array = std::static_pointer_cast<arrow::BinaryArray>(*keys.Finish());
  EXPECT_THAT(*(*placement)->PartitionsOf(*array), testing::ElementsAre(0));
}

TEST(KeyPlacement, AKeyThatIsNotInTheLayoutIsRefused) {
  const KeyPlace place{KeyPlace::By::kRepartition, {"other"}, ""};
  EXPECT_FALSE(KeyPlacement::Make("deduplicate within 1m by k:int64", place, 2).ok());
  EXPECT_FALSE(KeyPlacement::Make("of another version", place, 2).ok());
  EXPECT_FALSE(KeyPlacement::Make("deduplicate within 1m by k:int64", {}, 2).ok());
}

TEST(KeyPlacement, AKeyThatIsCutShortIsCorrupt) {
  const KeyPlace place{KeyPlace::By::kRepartition, {"k"}, ""};
  const auto placement = KeyPlacement::Make("deduplicate within 1m by k:int64", place, 2);
  ASSERT_TRUE(placement.ok());
  arrow::BinaryBuilder keys;
  ASSERT_TRUE(keys.Append("short").ok());
  const auto array = std::static_pointer_cast<arrow::BinaryArray>(*keys.Finish());
  EXPECT_EQ((*placement)->PartitionsOf(*array).status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace millrace
