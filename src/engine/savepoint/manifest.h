#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "runtime/topology.h"

namespace millrace {

/// The name of the manifest in the folder of a savepoint.
inline constexpr std::string_view kManifestName = "manifest.json";

/// One Parquet file of a savepoint.
struct SavepointFile {
  std::string name;  ///< in the savepoint's folder
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::string sha256;  ///< lower-case hex

  friend bool operator==(const SavepointFile&, const SavepointFile&) = default;
};

/// A topic that a stage read, and how far.
struct SavepointInput {
  struct At {
    Offset offset = kNoOffset;  ///< the next record to read; kNoOffset: nothing was committed
    std::string metadata;       ///< committed beside it (OffsetMetadata)

    friend bool operator==(const At&, const At&) = default;
  };
  std::string topic;
  std::string topic_id;             ///< "" when the broker had none
  std::string step{};               ///< of a repartition topic: the step that needs it; "": a source topic
  std::vector<At> partitions{};     ///< by number
  SavepointFile in_flight{};        ///< of a repartition topic: its records from the offsets on
  std::int64_t in_flight_data = 0;  ///< how many of them have rows; the others are watermarks

  friend bool operator==(const SavepointInput&, const SavepointInput&) = default;
};

/// When windows that share state close: at these watermarks, and every so often. A window that closed leaves
/// no trace in such state, since others need the same rows, but the watermark that it closed at.
struct SharedWindows {
  std::int64_t every_ms = 0;  ///< 0: windows share nothing
  std::int64_t at_ms = 0;

  friend bool operator==(const SharedWindows&, const SharedWindows&) = default;
};

/// The state of one step.
struct SavepointStep {
  std::string name;
  std::string kind;    ///< "window"
  std::string layout;  ///< of its rows, as the step describes them (K4)
  KeyPlace place;
  SharedWindows windows{};
  SavepointFile rows{};

  friend bool operator==(const SavepointStep&, const SavepointStep&) = default;
};

/// One sub-topology of the pipeline.
struct SavepointStage {
  std::string name;
  std::int32_t partitions = 0;
  std::vector<SavepointInput> inputs;
  std::vector<SavepointStep> steps;

  friend bool operator==(const SavepointStage&, const SavepointStage&) = default;
};

/// What a savepoint says of itself.
struct SavepointManifest {
  std::string pipeline;
  std::string millrace;  ///< version that wrote it
  EventTime created{0};  ///< wall clock
  std::vector<SavepointStage> stages;

  friend bool operator==(const SavepointManifest&, const SavepointManifest&) = default;
};

/// The files of a savepoint, in the order of the manifest.
std::vector<SavepointFile> FilesOf(const SavepointManifest& manifest);
/// The name of the file for one step: readable, and no other step has it.
std::string SavepointFileName(std::string_view what, std::size_t number, std::string_view step);

/// JSON with a checksum of itself at the end.
std::string FormatManifest(const SavepointManifest& manifest);
/// Errors: kCorrupt when the text is not whole, was changed, or has what no savepoint has: a file outside its
/// folder, no partitions, other than `partitions` entries for a topic, a negative count; user error for a
/// format of another version.
Result<SavepointManifest> ParseManifest(std::string_view text);

}  // namespace millrace
