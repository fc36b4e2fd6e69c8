// tests/vectors/conversion_events.jsonl: what a row becomes, case by case. In what is sent, "sha256:x" stands
// for the hash of x, so that the expectation does not depend on the code under test.
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/audience_harness.h"
#include "connectors/snapchat/conversion_fields.h"
#include "connectors/snapchat/conversion_harness.h"

namespace millrace {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

std::string Text(const json::value& value) { return std::string(value.as_string()); }

/// Puts hashes where "sha256:" stands.
void Hash(json::value* value) {
  constexpr std::string_view kMark = "sha256:";
  if (value->is_string() && std::string_view(value->get_string()).starts_with(kMark)) {
    *value = Sha256Of(std::string_view(value->get_string()).substr(kMark.size()));
  } else if (value->is_array()) {
    for (json::value& item : value->get_array()) Hash(&item);
  } else if (value->is_object()) {
    for (auto& [name, item] : value->get_object()) Hash(&item);
  }
}

ConversionCase CaseOf(const json::object& given) {
  ConversionCase out;
  out.columns = Text(given.at("columns"));
  out.rows = {json::serialize(given.at("row"))};
  if (const json::value* map = given.if_contains("map")) {
    for (const auto& [field, value] : map->as_object()) out.map.emplace_back(field, Text(value));
  }
  if (const json::value* fields = given.if_contains("leave_out")) {
    for (const json::value& field : fields->as_array()) out.map.emplace_back(Text(field), "");
  }
  if (const json::value* source = given.if_contains("action_source")) out.rules.action_source = Text(*source);
  if (const json::value* ms = given.if_contains("milliseconds")) out.rules.milliseconds = ms->as_bool();
  if (const json::value* text = given.if_contains("options_as_text"))
    out.rules.options_as_text = text->as_bool();
  if (const json::value* age = given.if_contains("max_age_ms")) out.rules.max_age = Duration(age->as_int64());
  return out;
}

std::vector<json::object> Cases() {
  std::ifstream file("../../../tests/vectors/conversion_events.jsonl");
  std::vector<json::object> cases;
  for (std::string line; std::getline(file, line);) cases.push_back(json::parse(line).as_object());
  return cases;
}

TEST(ConversionCases, EachRowBecomesWhatItSays) {
  const std::vector<json::object> cases = Cases();
  EXPECT_GT(cases.size(), 200U) << "where are the vectors?";
  for (const json::object& given : cases) {
    SCOPED_TRACE(Text(given.at("case")));
    const std::vector<std::string> lines = EventsOf(CaseOf(given));
    ASSERT_EQ(lines.size(), 1U);
    if (const json::value* error = given.if_contains("error")) {
      EXPECT_THAT(lines[0], testing::StartsWith("error: "));
      EXPECT_THAT(lines[0], HasSubstr(Text(*error)));
    } else if (const json::value* late = given.if_contains("late")) {
      EXPECT_EQ(lines[0], "late by " + std::to_string(late->as_int64()));
    } else if (const json::value* refused = given.if_contains("refused")) {
      EXPECT_THAT(lines[0], HasSubstr(Text(*refused)));
    } else {
      json::value sent = given.at("sent");
      Hash(&sent);
      json::error_code bad;
      const json::value actual = json::parse(lines[0], bad);
      EXPECT_FALSE(bad) << lines[0];
      EXPECT_EQ(actual, sent) << lines[0];
    }
  }
}

/// Every field is sent in some case.
TEST(ConversionCases, MissNoField) {
  std::set<std::string> sent;
  for (const json::object& given : Cases()) {
    const json::value* const event = given.if_contains("sent");
    if (event == nullptr) continue;
    for (const auto& [name, value] : event->as_object()) {
      sent.insert(name);
      if (!value.is_object()) continue;
      for (const auto& [inner, ignored] : value.as_object())
        sent.insert(std::string(name) + "." + std::string(inner));
    }
  }
  for (const ConversionField& field : ConversionFields())
    EXPECT_TRUE(sent.contains(field.path())) << field.path();
}

}  // namespace
}  // namespace millrace
