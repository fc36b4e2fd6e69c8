#include "engine/yaml/flow_scalars.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace millrace {
namespace {

std::string ValueOf(const std::string& yaml, const std::string& key) {
  const YAML::Node node = YAML::Load(HideFlowScalars(yaml));
  return ShowFlowScalars(node[key].Scalar());
}

TEST(FlowScalars, KeepSeparatorsInsideAValuesOwnBrackets) {
  const struct {
    std::string yaml;
    std::string value;
  } cases[] = {
      {"{x: timestamp[ms], y: 1}", "timestamp[ms]"},
      {"{x: timestamp[ms, rfc3339] not null}", "timestamp[ms, rfc3339] not null"},
      {"{x: sum(coalesce(a, b)), y: count()}", "sum(coalesce(a, b))"},
      {"{x: struct<a: int64, b: list<string>>, y: 2}", "struct<a: int64, b: list<string>>"},
      {"{x: s in ('a,b', 'c}')}", "s in ('a,b', 'c}')"},
      {"{x: s = 'a, b', y: 1}", "s = 'a, b'"},
      {"{x: it's, y: isn't}", "it's"},
      {"{x: a[0] + b[1]}", "a[0] + b[1]"},
      {"{x: a < b, y: c > d}", "a < b"},
      {"{x: 'timestamp[ms]'}", "timestamp[ms]"},
      {"x: a[0], b", "a[0], b"},
      {"x: | \n  {a, [b}\ny: {z: f(1, 2)}", "{a, [b}\n"},
      {"# {[\nx: 1 # [", "1"},
  };
  for (const auto& c : cases) EXPECT_EQ(ValueOf(c.yaml, "x"), c.value) << c.yaml;
}

TEST(FlowScalars, KeepEveryPosition) {
  const std::string yaml = "a: {x: timestamp[ms], y: sum(a, b)}\nb: [f(1, 2), 'x']\n";
  const std::string hidden = HideFlowScalars(yaml);
  EXPECT_EQ(hidden.size(), yaml.size());
  EXPECT_EQ(ShowFlowScalars(hidden), yaml);
}

TEST(FlowScalars, LeaveBrokenTextToTheParser) {
  for (const std::string yaml : {"{x: f(a, b}", "{x: 'abc", "[[[", "}}}", "{x: (\n)}", ""}) {
    EXPECT_EQ(ShowFlowScalars(HideFlowScalars(yaml)), yaml);
  }
}

}  // namespace
}  // namespace millrace
