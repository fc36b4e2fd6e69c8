#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/yaml/substitution.h"
#include "engine/yaml/test_input_record.h"
#include "plan/plan.h"

namespace millrace {

/// A movement of the manual clock.
struct TestAdvance {
  Duration by{0};
};

/// A row that must come out, as a JSON object with the keys in written order.
struct ExpectedRow {
  std::string json;
  SourceLocation location;
};

/// All rows that one sink must have got, in order.
struct ExpectedSink {
  std::string sink;  ///< name or topic of the sink
  std::vector<ExpectedRow> rows;
  SourceLocation location;
};

/// One entry of `tests:`.
struct PipelineTest {
  std::string name;
  SourceLocation location;
  EventTime start{0};
  bool first_run = false;  ///< TestDriverOptions::first_run
  std::int32_t partitions = 1;
  std::vector<std::variant<TestInputRecord, TestAdvance>> input;
  std::vector<ExpectedSink> output;
  std::optional<std::int64_t> late;
  std::optional<std::int64_t> dead_letters;
};

/// What a pipeline file says.
struct PipelineFile {
  Plan plan;  ///< nodes are named (K4); without mistakes, as far as schemas are declared
  std::vector<PipelineTest> tests;
  SourceLocation kafka;  ///< the section `kafka:`, or the top of the file
};

/// True when every source has a declared schema, so that AnalyzePlan needs no broker.
bool HasAllSchemas(const Plan& plan);

/// Reads pipeline text; `file` is its name in messages.
/// Errors: one user error with a line "file:line:column: message" for every mistake in the text, in the plan
/// (plan/mistakes.h) and in the `kafka:` properties.
Result<PipelineFile> ReadPipelineText(const std::string& file, std::string_view text,
                                      SubstitutionSources sources);

/// ReadPipelineText of a file, got through `sources.read_file`.
Result<PipelineFile> ReadPipelineFile(const std::string& path, SubstitutionSources sources);

}  // namespace millrace
