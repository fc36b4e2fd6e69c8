#include "connectors/snapchat/empty_values.h"

#include <string>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/conversion_harness.h"

namespace millrace {
namespace {

/// A column of that type, of a JSON array of its values.
Batch BatchOfColumn(const std::string& type, const std::vector<std::string>& values,
                    const std::string& name = "x") {
  std::vector<std::string> rows;
  for (const std::string& value : values) rows.push_back("{\"" + name + "\":" + value + "}");
  return DecodedRows(name + ": " + type, rows);
}

std::string TextOf(const Batch& batch) {
  const arrow::Array& column = *batch.data->column(0);
  EXPECT_TRUE(column.ValidateFull().ok());
  std::string out;
  for (std::int64_t row = 0; row < column.length(); ++row) {
    const std::string value = column.GetScalar(row).ValueOrDie()->ToString();
    out += (row > 0 ? " " : "") + value;
  }
  return out;
}

TEST(EmptyValues, OfTextsBecomeNull) {
  const Batch batch = BatchOfColumn("string", {R"("a")", R"("")", "null", R"(" ")", R"("")"});
  EXPECT_EQ(TextOf(*WithoutEmptyValues(batch)), "a null null   null");
  EXPECT_EQ(TextOf(*WithoutEmptyValues(SliceBatch(batch, 1, 3))), "null null  ");
  EXPECT_EQ(TextOf(*WithoutEmptyValues(SliceBatch(batch, 4, 1))), "null");
  EXPECT_EQ(TextOf(batch), "a  null   ") << "the batch itself is as it was";
}

TEST(EmptyValues, ABatchWithoutThemIsTheSame) {
  for (const Batch& batch :
       {BatchOfColumn("string", {R"("a")", "null", R"(" ")"}), BatchOfColumn("string", {R"("a")", R"("b")"}),
        BatchOfColumn("int64", {"0", "null"})}) {
    EXPECT_EQ(WithoutEmptyValues(batch)->data, batch.data) << TextOf(batch);
  }
  const Batch batch = BatchOfColumn("string", {R"("")", R"("a")"});
  EXPECT_EQ(WithoutEmptyValues(SliceBatch(batch, 1, 1))->data->column(0)->null_count(), 0);
}

TEST(EmptyValues, TextsAreNotCopied) {
  const Batch batch = BatchOfColumn("string", {R"("a")", R"("")"});
  const Batch present = *WithoutEmptyValues(batch);
  EXPECT_EQ(present.data->column(0)->null_count(), 1);
  EXPECT_EQ(present.data->column(0)->data()->buffers[2], batch.data->column(0)->data()->buffers[2]);
}

}  // namespace
}  // namespace millrace
