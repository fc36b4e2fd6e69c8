#include "connect/hive_partition.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using Days = std::vector<std::pair<std::optional<std::string>, std::int64_t>>;

/// Columns n: int64 and day: string; `day` names the directory.
std::shared_ptr<arrow::RecordBatch> Rows(const Days& rows) {
  arrow::StringBuilder days;
  arrow::Int64Builder numbers;
  for (const auto& [day, n] : rows) {
    EXPECT_TRUE((day ? days.Append(*day) : days.AppendNull()).ok());
    EXPECT_TRUE(numbers.Append(n).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("day", arrow::utf8())}),
      static_cast<std::int64_t>(rows.size()), {*numbers.Finish(), *days.Finish()});
}

/// "directory: 1 2" per directory.
std::vector<std::string> Split(const std::shared_ptr<arrow::RecordBatch>& batch, std::size_t columns) {
  DirectoryNumbers directories(columns);
  const auto numbers = directories.Number(*batch);
  EXPECT_TRUE(numbers.ok()) << numbers.status().ToString();
  const auto count = static_cast<std::uint32_t>(directories.directories().size());
  const auto parts = TakeDirectories(batch, columns, *numbers, {0, count});
  EXPECT_TRUE(parts.ok()) << parts.status().ToString();
  std::vector<std::string> texts;
  for (const auto& [number, rows] : *parts) {
    std::string text = directories.directories()[number] + ":";
    const auto& values = static_cast<const arrow::Int64Array&>(*rows->column(0));
    for (std::int64_t i = 0; i < rows->num_rows(); ++i) text += " " + std::to_string(values.Value(i));
    texts.push_back(text);
    EXPECT_EQ(rows->num_columns(), columns == 0 ? 2 : 1);
  }
  return texts;
}

using Strings = std::vector<std::string>;

class HivePartition : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }
};

TEST_F(HivePartition, WithoutPartitionColumnsThereIsOneDirectory) {
  EXPECT_EQ(Split(Rows({{"a", 1}, {"b", 2}}), 0), Strings{": 1 2"});
}

TEST_F(HivePartition, RowsKeepTheirOrderInEachDirectory) {
  EXPECT_EQ(Split(Rows({{"b", 1}, {"a", 2}, {"b", 3}, {"b", 4}, {"a", 5}}), 1),
            (Strings{"day=b: 1 3 4", "day=a: 2 5"}));
  EXPECT_EQ(Split(Rows({{"a", 1}, {"a", 2}}), 1), Strings{"day=a: 1 2"});
}

TEST_F(HivePartition, NullsAndOddTextMakeSafeNames) {
  EXPECT_EQ(Split(Rows({{std::nullopt, 1}, {"../x=%", 2}, {"", 3}}), 1),
            (Strings{"day=__HIVE_DEFAULT_PARTITION__: 1", "day=..%2Fx%3D%25: 2", "day=: 3"}));
}

TEST_F(HivePartition, DatesAndSeveralColumnsNest) {
  arrow::Date32Builder dates;
  ASSERT_TRUE(dates.Append(20'000).ok());
  arrow::Int32Builder hours;
  ASSERT_TRUE(hours.Append(7).ok());
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int32()), arrow::field("date", arrow::date32()),
                     arrow::field("hour", arrow::int32())}),
      1, {*arrow::MakeArrayFromScalar(arrow::Int32Scalar(1), 1), *dates.Finish(), *hours.Finish()});
  DirectoryNumbers directories(2);
  ASSERT_TRUE(directories.Number(*batch).ok());
  EXPECT_EQ(directories.directories(), Strings{"date=2024-10-04/hour=7"});
}

TEST_F(HivePartition, ARangeOfDirectoriesIsTakenAlone) {
  const auto batch = Rows({{"a", 1}, {"b", 2}, {"c", 3}, {"b", 4}});
  DirectoryNumbers directories(1);
  const auto numbers = directories.Number(*batch);
  const auto parts = TakeDirectories(batch, 1, *numbers, {1, 2});
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->at(1)->num_rows(), 2);
}

TEST_F(HivePartition, NamesTheRowsWhoseDirectoryCannotBeMade) {
  const std::string fits(251, 'x');  // with "day=" just what a name may have
  const struct {
    std::string day;
    std::size_t max_directory_bytes;
    bool too_long;
  } cases[] = {{fits, 4'000, false},
               {fits + "x", 4'000, true},
               {std::string(84, '/'), 4'000, true},  // three bytes each
               {fits, 254, true},
               {"", 4'000, false}};
  for (const auto& test : cases) {
    const auto errors = RowsWithoutDirectory(*Rows({{"a", 1}, {test.day, 2}, {std::nullopt, 3}}), 1,
                                             test.max_directory_bytes);
    ASSERT_TRUE(errors.ok());
    ASSERT_EQ(errors->size(), test.too_long ? 1U : 0U) << test.day << " " << test.max_directory_bytes;
    if (!test.too_long) continue;
    EXPECT_EQ((*errors)[0].row, 1);
    EXPECT_EQ((*errors)[0].error_class, "too_long");
  }
}

TEST_F(HivePartition, EscapedTextReadsBack) {
  for (const std::string text : {"", "/a b/ü%20", "%", "a%2", "\x01|;="}) {
    EXPECT_EQ(UnescapePathPart(EscapePathPart(text, "/.")), text);
  }
}

TEST_F(HivePartition, RefusesColumnsThatCannotNameADirectory) {
  const auto list =
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("l", arrow::list(arrow::int64()))});
  EXPECT_EQ(WithoutPartitionColumns(*list, 1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(WithoutPartitionColumns(*list, 2).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ((*WithoutPartitionColumns(*Rows({})->schema(), 1))->num_fields(), 1);
}

}  // namespace
}  // namespace millrace
