#include "engine/yaml/reference_pages.h"

#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/yaml/json_schema.h"
#include "engine/yaml/json_value.h"
#include "engine/yaml/pipeline_schema.h"

namespace millrace {
namespace {

/// Tests run in the folder of their CMakeLists.txt.
std::string Page(const std::string& name) {
  std::ifstream file("../../../docs/" + name, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

TEST(ReferencePages, AreNotStale) {
  EXPECT_TRUE(Page("yaml-reference.md") == YamlReferencePage())
      << "write it anew: millrace docs yaml > docs/yaml-reference.md";
  EXPECT_TRUE(Page("functions.md") == FunctionReferencePage())
      << "write it anew: millrace docs functions > docs/functions.md";
  EXPECT_TRUE(Page("pipeline.schema.json") == PipelineJsonSchema())
      << "write it anew: millrace schema yaml > docs/pipeline.schema.json";
}

TEST(ReferencePages, TheJsonSchemaIsJsonAndNamesEveryKey) {
  const std::string schema = PipelineJsonSchema();
  ASSERT_TRUE(CanonicalJson(schema).ok());
  for (const SectionSpec& section : PipelineSections()) {
    for (const KeySpec& key : section.keys) {
      EXPECT_THAT(schema,
                  testing::HasSubstr(JsonString(key.key) + ": {\"description\": " + JsonString(key.doc)));
      EXPECT_TRUE(key.doc.ends_with('.')) << key.key;
    }
  }
}

}  // namespace
}  // namespace millrace
