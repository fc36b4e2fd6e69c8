#include "connectors/snapchat/conversion_mapping.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/conversion_fields.h"
#include "expr/builder.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Mapped(const arrow::FieldVector& columns, const ConversionMap& map = {}) {
  EXPECT_TRUE(InitializeExpressions().ok());
  const auto fields = MapConversionFields(map, arrow::schema(columns));
  if (!fields.ok()) return {fields.status().message()};
  std::vector<std::string> out;
  for (const MappedField& field : *fields) out.push_back(field.path + " = " + field.value.ToString());
  return out;
}

ConversionMap MapOf(std::string field, Expr value) {
  ConversionMap map;
  map.values.emplace_back(std::move(field), std::move(value));
  return map;
}

TEST(ConversionMapping, ColumnsThatAreCalledLikeFieldsAreThem) {
  EXPECT_THAT(Mapped({arrow::field("ph", arrow::int64()), arrow::field("event_name", arrow::utf8()),
                      arrow::field("other", arrow::utf8()), arrow::field("country", arrow::utf8()),
                      arrow::field("value", arrow::float64())}),
              ElementsAre("event_name = event_name", "user_data.ph = snap_hash_phone(cast(ph as string))",
                          "user_data.country = snap_hash_country(country)", "custom_data.value = value"));
}

TEST(ConversionMapping, AFieldWithTwoNamesGoesByBoth) {
  const auto text = [](const char* name) { return arrow::field(name, arrow::utf8()); };
  const auto is = [](const std::string& column) {
    return ElementsAre("user_data.madid = lower(" + column + ")");
  };
  EXPECT_THAT(Mapped({text("mobile_ad_id")}), is("mobile_ad_id"));
  EXPECT_THAT(Mapped({text("mobile_ad_id"), text("madid")}), is("madid"));
  EXPECT_THAT(Mapped({text("user_data.mobile_ad_id")}), is("\"user_data.mobile_ad_id\""));
  EXPECT_THAT(Mapped({arrow::field("user_data", arrow::struct_({text("mobile_ad_id")}))}),
              is("user_data.mobile_ad_id"));
  EXPECT_THAT(Mapped({text("x"), text("madid")}, MapOf("mobile_ad_id", Col("x"))), is("x"));
  EXPECT_THAT(Mapped({text("x")}, MapOf("user_data.mobile_ad_id", Col("x"))), is("x"));
  ConversionMap none;
  none.left_out = {"mobile_ad_id"};
  EXPECT_THAT(Mapped({text("madid"), text("mobile_ad_id")}, none), ElementsAre());
  ConversionMap twice = MapOf("madid", Col("x"));
  twice.values.emplace_back("mobile_ad_id", Col("x"));
  EXPECT_THAT(Mapped({text("x")}, twice).front(), HasSubstr("the field user_data.madid is spoken of twice"));
}

TEST(ConversionMapping, StructsThatAreCalledLikeSectionsComeBeforeColumns) {
  const auto user = arrow::struct_({arrow::field("em", arrow::list(arrow::utf8()))});
  EXPECT_THAT(Mapped({arrow::field("em", arrow::utf8()), arrow::field("user_data", user),
                      arrow::field("custom_data.country", arrow::utf8())}),
              ElementsAre("user_data.em = snap_hash_email(user_data.em)",
                          "custom_data.country = \"custom_data.country\""));
}

TEST(ConversionMapping, WhatTheMapSaysComesFirst) {
  const arrow::FieldVector columns = {arrow::field("em", arrow::utf8()), arrow::field("mail", arrow::utf8()),
                                      arrow::field("status", arrow::utf8())};
  EXPECT_THAT(Mapped(columns, {{{"em", Col("mail")}, {"event_id", Lit("x")}}, {"custom_data.status"}}),
              ElementsAre("event_id = 'x'", "user_data.em = snap_hash_email(mail)"));
}

TEST(ConversionMapping, AFieldOrValueThatCannotBeIsNamed) {
  const arrow::FieldVector columns = {arrow::field("x", arrow::list(arrow::int64())),
                                      arrow::field("t", arrow::utf8())};
  const auto error = [&](const char* field, Expr value) {
    return Mapped(columns, MapOf(field, std::move(value))).front();
  };
  EXPECT_THAT(error("user_data.emm", Col("t")),
              HasSubstr("an event has no field 'user_data.emm' (did you mean 'user_data.em'?)"));
  EXPECT_THAT(error("emm", Col("t")), HasSubstr("did you mean 'em'?"));
  EXPECT_THAT(error("em", Col("tt")), HasSubstr("map: user_data.em"));
  EXPECT_THAT(error("em", Col("tt")), HasSubstr("did you mean 't'?"));
  EXPECT_THAT(error("em", Col("x")),
              HasSubstr("the field user_data.em cannot be made of 'x', which is list<int64>"));
  EXPECT_THAT(error("contents", Col("t")),
              HasSubstr("custom_data.contents cannot be made of 't', which is string"));
  ConversionMap both = MapOf("em", Col("t"));
  both.left_out = {"user_data.em"};
  EXPECT_THAT(Mapped(columns, both).front(),
              HasSubstr("leave_out: the field user_data.em is spoken of twice"));
}

TEST(ConversionMapping, EveryFieldTakesAnyTypeOrSaysWhatToDo) {
  const std::shared_ptr<arrow::DataType> types[] = {
      arrow::utf8(),
      arrow::int32(),
      arrow::uint64(),
      arrow::float64(),
      arrow::boolean(),
      arrow::decimal128(10, 2),
      arrow::timestamp(arrow::TimeUnit::MICRO),
      arrow::date32(),
      arrow::list(arrow::utf8()),
      arrow::list(arrow::int64()),
      arrow::list(arrow::struct_({arrow::field("id", arrow::utf8())})),
      arrow::struct_({arrow::field("a", arrow::utf8())}),
      arrow::map(arrow::utf8(), arrow::utf8()),
      arrow::binary(),
      arrow::null()};
  for (const ConversionField& field : ConversionFields()) {
    int taken = 0;
    for (const auto& type : types) {
      const auto schema = arrow::schema({arrow::field("x", type)});
      const ConversionMap map = MapOf(field.path(), Col("x"));
      const auto fields = MapConversionFields(map, schema);
      if (!fields.ok()) {
        EXPECT_THAT(fields.status().message(), HasSubstr("map it to another expression")) << field.path();
        continue;
      }
      ++taken;
      const auto bound = BoundExpr::Bind(fields->front().value, schema);
      EXPECT_TRUE(bound.ok()) << field.path() << " of " << type->ToString() << ": "
                              << bound.status().message();
    }
    EXPECT_GT(taken, 0) << field.path();
  }
}

}  // namespace
}  // namespace millrace
