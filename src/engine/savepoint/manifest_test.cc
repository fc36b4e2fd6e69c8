#include "engine/savepoint/manifest.h"

#include <string>
#include <string_view>
#include <utility>

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
  window.steps.push_back({.name = "sink-1-events",
                          .kind = "sink",
                          .layout = "deduplicate",
                          .place = {KeyPlace::By::kRecord, {"k"}, ""},
                          .rows = {"state-4-sink-1-events.parquet", 3, 9, "01"}});
  return manifest;
}

/// With the checksum of what it says.
std::string Resealed(const std::string& text) {
  const std::size_t end = text.rfind(",\n\"manifest_sha256\"");
  return text.substr(0, end) + ",\n\"manifest_sha256\":\"" + Sha256Of(text.substr(0, end)) + "\"}\n";
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
  const auto read = ParseManifest(Resealed(text));
  EXPECT_EQ(read.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(read.status().message(), HasSubstr("its format is 9"));
}

struct Wrong {
  const char* what;
  void (*change)(SavepointManifest* manifest);
  const char* message;
};

TEST(SavepointManifest, WhatNoSavepointHasIsRefusedThoughTheChecksumFits) {
  using M = SavepointManifest;
  const Wrong cases[] = {
      {"a folder above", [](M* m) { m->stages[1].steps[0].rows.name = "../state.parquet"; }, "'../state.par"},
      {"a path", [](M* m) { m->stages[1].steps[0].rows.name = "/etc/passwd"; }, "stage 'window-1'"},
      {"a path of rows", [](M* m) { m->stages[1].inputs[0].in_flight.name = "a/b"; }, "'a/b' is not one in"},
      {"the folder", [](M* m) { m->stages[1].steps[0].rows.name = "."; }, "'.' is not one in"},
      {"above", [](M* m) { m->stages[1].steps[0].rows.name = ".."; }, "'..' is not one in"},
      {"no name", [](M* m) { m->stages[1].steps[0].rows.name = ""; }, "the file name ''"},
      {"one file twice", [](M* m) { m->stages[1].steps[1].rows.name = "state-2-window-1.parquet"; }, "twice"},
      {"no stages", [](M* m) { m->stages.clear(); }, "it has no stages"},
      {"no inputs", [](M* m) { m->stages[0].inputs.clear(); }, "'source-in': it reads no topic"},
      {"no partitions", [](M* m) { m->stages[0].partitions = 0; }, "it has 0 partitions"},
      {"negative partitions", [](M* m) { m->stages[0].partitions = -1; }, "it has -1 partitions"},
      {"more partitions", [](M* m) { m->stages[0].partitions = 3; },
       "topic 'in': it lists 2 partitions of 3"},
      {"fewer partitions", [](M* m) { m->stages[0].partitions = 1; }, "lists 2 partitions of 1"},
      {"an offset", [](M* m) { m->stages[0].inputs[0].partitions[0].offset = Offset(-7); }, "offset -7"},
      {"rows", [](M* m) { m->stages[1].steps[0].rows.rows = -1; }, "has -1 rows"},
      {"bytes", [](M* m) { m->stages[1].steps[0].rows.bytes = -1; }, "-1 bytes"},
      {"rows on their way", [](M* m) { m->stages[1].inputs[0].in_flight_data = 5; }, "5 of its 4 records"},
      {"windows", [](M* m) { m->stages[1].steps[0].windows.every_ms = -1; }, "close every -1 ms"},
  };
  for (const Wrong& test : cases) {
    SavepointManifest manifest = Full();
    test.change(&manifest);
    const auto read = ParseManifest(FormatManifest(manifest));
    EXPECT_EQ(read.status().code(), StatusCode::kCorrupt) << test.what;
    EXPECT_THAT(read.status().message(), HasSubstr(test.message)) << test.what;
  }
}

TEST(SavepointManifest, TextThatFormatsNoManifestIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"partition\":1,", "{\"partition\":0,"},     // out of order
      {"\"by\":\"message_key\"", "\"by\":\"luck\""},  // unknown
      {"\"stages\":[", "\"other\":["},
      {"\"rows\":4", "\"rows\":\"four\""},
  };
  for (const auto& [from, to] : cases) {
    std::string text = FormatManifest(Full());
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), std::string_view(from).size(), to);
    EXPECT_EQ(ParseManifest(Resealed(text)).status().code(), StatusCode::kCorrupt) << to;
  }
}

TEST(SavepointManifest, FilesAreNamedAfterStepsWithoutTheirOddCharacters) {
  EXPECT_EQ(SavepointFileName("state", 3, "per/user ü"), "state-3-per_user___.parquet");
}

TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(Sha256Of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace millrace
