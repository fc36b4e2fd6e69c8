#include "engine/savepoint/manifest.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/savepoint/sha256.h"

namespace millrace {
namespace {

using testing::HasSubstr;

SavepointManifest Full() {
  SavepointManifest manifest;
  manifest.pipeline = "orders";
  manifest.millrace = "0.1.0";
  manifest.created = EventTime(1'767'225'600'123);
  SavepointStage& source = manifest.stages.emplace_back();
  source.name = "source-in";
  source.partitions = 2;
  source.inputs.push_back(
      {.topic = "in", .topic_id = "aB-3", .partitions = {{Offset(7), "12;12|files=id 20"}, {kNoOffset, ""}}});
  SavepointStage& window = manifest.stages.emplace_back();
  window.name = "window-1";
  window.partitions = 2;
  window.inputs.push_back({.topic = "orders-window-1-repartition",
                           .topic_id = "x",
                           .step = "window-1",
                           .partitions = {{Offset(0), "5;6;8;a1i0"}, {Offset(3), "5;6;8;a0n"}},
                           .in_flight = {"rows-1-window-1.parquet", 4, 100, "ab"},
                           .in_flight_data = 3});
  window.steps.push_back({.name = "window \"1\"",
                          .kind = "window",
                          .layout = "tumbling 10s offset 0ms by k:string \\ ü aggregate n = count()",
                          .place = {KeyPlace::By::kRepartition, {"k", "l"}, ""},
                          .windows = {1'000, 12'500},
                          .rows = {"state-2-window-1.parquet", 1'000'000'000'000, 5, "cd"}});
  window.steps.push_back({.name = "latest-1",
                          .kind = "latest",
                          .layout = "latest",
                          .place = {KeyPlace::By::kMessageKey, {"k"}, "json"},
                          .rows = {"state-3-latest-1.parquet", 0, 1, "ef"}});
  return manifest;
}

TEST(SavepointManifest, IsReadAsItWasWritten) {
  const SavepointManifest manifest = Full();
  const auto read = ParseManifest(FormatManifest(manifest));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, manifest);
}

TEST(SavepointManifest, WhatIsCutOffAtAnyPlaceIsRefused) {
  const std::string text = FormatManifest(Full());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto read = ParseManifest(std::string_view(text).substr(0, size));
    ASSERT_EQ(read.status().code(), StatusCode::kCorrupt) << size;
  }
}

TEST(SavepointManifest, AnyChangedCharacterIsRefused) {
  const std::string text = FormatManifest(Full());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == '7' ? '8' : '7';
    ASSERT_EQ(ParseManifest(changed).status().code(), StatusCode::kCorrupt) << at;
  }
}

TEST(SavepointManifest, AnotherFormatIsNamed) {
  std::string text = FormatManifest(Full());
  text.replace(text.find("\"format\":1"), 10, "\"format\":9");
  const std::size_t end = text.rfind(",\n\"manifest_sha256\"");
  const std::string sum = Sha256Of(text.substr(0, end));
  text = text.substr(0, end) + ",\n\"manifest_sha256\":\"" + sum + "\"}\n";
  const auto read = ParseManifest(text);
  EXPECT_EQ(read.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(read.status().message(), HasSubstr("its format is 9"));
}

TEST(SavepointManifest, FilesAreNamedAfterStepsWithoutTheirOddCharacters) {
  EXPECT_EQ(SavepointFileName("state", 3, "per/user ü"), "state-3-per_user___.parquet");
}

TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(Sha256Of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace millrace
