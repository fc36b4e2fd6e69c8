#include "engine/yaml/json_value.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(JsonValue, YamlRowsBecomeJsonInTheirOrder) {
  const Result<YamlDocument> document = YamlDocument::Parse(
      "t.yaml",
      "{b: 1, a: -2.5, s: text, q: '1', t: true, n: null, l: [1, x], m: {z: 0x10}, e: \"a\\n\\\"\"}", {});
  ASSERT_TRUE(document.ok());
  Diagnostics errors;
  EXPECT_EQ(JsonOf(*document, document->root(), errors),
            "{\"b\":1,\"a\":-2.5,\"s\":\"text\",\"q\":\"1\",\"t\":true,\"n\":null,\"l\":[1,\"x\"],"
            "\"m\":{\"z\":\"0x10\"},\"e\":\"a\\n\\\"\"}");
  EXPECT_TRUE(errors.empty());
}

TEST(JsonValue, CanonicalFormMakesEqualValuesEqualTexts) {
  const struct {
    const char* a;
    const char* b;
  } cases[] = {
      {"{\"a\": 1, \"b\": [true, null]}", "{\"b\":[true,null],\"a\":1}"},
      {"{\"x\":72.0}", "{\"x\":72}"},
      {"{\"x\":1e2}", "{\"x\":100}"},
      {"{\"x\":0.1}", "{\"x\":1e-1}"},
      {"\"\\u0041\"", "\"A\""},
  };
  for (const auto& c : cases) {
    const Result<std::string> a = CanonicalJson(c.a);
    const Result<std::string> b = CanonicalJson(c.b);
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_EQ(*a, *b);
  }
  EXPECT_NE(*CanonicalJson("{\"x\":\"1\"}"), *CanonicalJson("{\"x\":1}"));
  EXPECT_FALSE(CanonicalJson("{").ok());
}

}  // namespace
}  // namespace millrace
