#include "connectors/snapchat/empty_values.h"

#include <string>
#include <vector>

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

std::string TextOf(const arrow::Array& values, std::int64_t at);

/// Of the elements [begin, end).
std::string TextOf(const arrow::Array& values, std::int64_t begin, std::int64_t end, const char* between) {
  std::string out;
  for (std::int64_t at = begin; at < end; ++at) out += (at > begin ? between : "") + TextOf(values, at);
  return out;
}

/// Of a list "[a,b]", of a struct its first field.
std::string TextOf(const arrow::Array& values, std::int64_t at) {
  if (values.IsNull(at)) return "null";
  if (values.type_id() == arrow::Type::LIST) {
    const auto& lists = static_cast<const arrow::ListArray&>(values);
    return "[" + TextOf(*lists.values(), lists.value_offset(at), lists.value_offset(at + 1), ",") + "]";
  }
  if (values.type_id() == arrow::Type::STRUCT)
    return TextOf(*static_cast<const arrow::StructArray&>(values).field(0), at);
  return values.GetScalar(at).ValueOrDie()->ToString();
}

/// The column, its values with a blank between them.
std::string TextOf(const Batch& batch) {
  const arrow::Array& column = *batch.data->column(0);
  EXPECT_TRUE(column.ValidateFull().ok());
  return TextOf(column, 0, column.length(), " ");
}

TEST(EmptyValues, OfTextsBecomeNull) {
  const Batch batch = BatchOfColumn("string", {R"("a")", R"("")", "null", R"(" ")", R"("")"});
  EXPECT_EQ(TextOf(*WithoutEmptyValues(batch)), "a null null   null");
  EXPECT_EQ(TextOf(*WithoutEmptyValues(SliceBatch(batch, 1, 3))), "null null  ");
  EXPECT_EQ(TextOf(*WithoutEmptyValues(SliceBatch(batch, 4, 1))), "null");
  EXPECT_EQ(TextOf(batch), "a  null   ") << "the batch itself is as it was";
}

TEST(EmptyValues, OfListsAreLeftOutAndAnEmptyListIsNull) {
  const struct {
    std::string type;
    std::vector<std::string> values;
    std::string present;
  } cases[] = {
      {"list<string>", {R"(["a",null,""])", "[]", "null", R"(["","b"])"}, "[a] null null [b]"},
      {"list<string>", {"[null]", R"([""])", R"(["a"])"}, "null null [a]"},
      {"list<int64>", {"[1,null,2]", "[null]", "[0]"}, "[1,2] null [0]"},
      {"list<struct<id: string>>", {R"([{"id":"a"},null])", "[null]", R"([{"id":null}])"}, "[a] null [null]"},
  };
  for (const auto& test : cases) {
    const Batch batch = BatchOfColumn(test.type, test.values);
    EXPECT_EQ(TextOf(*WithoutEmptyValues(batch)), test.present);
    const std::size_t space = test.present.find(' ');
    EXPECT_EQ(TextOf(*WithoutEmptyValues(SliceBatch(batch, 1, batch.num_rows() - 1))),
              test.present.substr(space + 1));
  }
}

TEST(EmptyValues, OfExtinfoKeepTheirPlaces) {
  const Batch batch = BatchOfColumn("list<string>", {R"(["i2",null,""])"}, "app_data.extinfo");
  EXPECT_EQ(WithoutEmptyValues(batch)->data, batch.data);
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
