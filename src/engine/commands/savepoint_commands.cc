#include "engine/commands/savepoint_commands.h"

#include <memory>

#include <arrow/scalar.h>
#include <arrow/type.h>

#include "base/counted.h"
#include "engine/commands/open_pipeline.h"
#include "engine/savepoint/create_savepoint.h"
#include "engine/savepoint/restore_savepoint.h"
#include "engine/savepoint/savepoint_folder.h"
#include "engine/yaml/json_value.h"
#include "runtime/input_clock.h"
#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

// All of a restore is one transaction; the most that brokers allow unless told otherwise.
constexpr std::string_view kRestoreTimeoutMs = "900000";

std::string TimeText(std::int64_t ms) {
  return arrow::TimestampScalar(ms, arrow::timestamp(arrow::TimeUnit::MILLI)).ToString();
}

/// The clock that was committed with an offset. Errors: kCorrupt.
Result<InputClock> ClockOf(const SavepointInput::At& at) {
  MR_ASSIGN_OR_RETURN(const OffsetMetadata metadata, ParseOffsetMetadata(at.metadata));
  if (metadata.time.empty()) return InputClock{};
  return ParseInputClock(metadata.time);
}

Status WriteInputText(const SavepointInput& input, std::ostream& out) {
  for (std::size_t p = 0; p < input.partitions.size(); ++p) {
    const SavepointInput::At& at = input.partitions[p];
    out << "  reads " << input.topic << "[" << p << "]  ";
    if (at.offset == kNoOffset) {
      out << "nothing committed\n";
      continue;
    }
    MR_ASSIGN_OR_RETURN(const InputClock clock, ClockOf(at));
    out << "offset " << at.offset << "  watermark "
        << (clock.task == kNoWatermark ? "none" : TimeText(clock.task.value())) << "\n";
  }
  if (!input.step.empty()) {
    out << "  on the way to " << input.step << "  " << Counted(input.in_flight_data, "group") << " of rows  "
        << input.in_flight.name << "  " << Counted(input.in_flight.bytes, "byte") << "\n";
  }
  return Status::Ok();
}

Status WriteText(const SavepointManifest& manifest, std::ostream& out) {
  out << "savepoint of pipeline '" << manifest.pipeline << "', " << TimeText(manifest.created.value())
      << " UTC, millrace " << manifest.millrace << "\n";
  for (const SavepointStage& stage : manifest.stages) {
    out << stage.name << ": " << Counted(stage.partitions, "partition") << "\n";
    for (const SavepointInput& input : stage.inputs) MR_RETURN_IF_ERROR(WriteInputText(input, out));
    for (const SavepointStep& step : stage.steps) {
      out << "  state of " << step.name << "  " << Counted(step.rows.rows, "row") << "  " << step.rows.name
          << "  " << Counted(step.rows.bytes, "byte") << "\n      " << step.layout << "\n";
    }
  }
  return Status::Ok();
}

Status Inspect(const SavepointInspectOptions& options, CommandIo& io) {
  MR_ASSIGN_OR_RETURN(const SavepointManifest manifest, OpenSavepoint(options.folder));
  MR_RETURN_IF_ERROR(VerifySavepoint(options.folder, manifest));
  if (options.json) {
    io.out << FormatManifest(manifest);
    return Status::Ok();
  }
  MR_RETURN_IF_ERROR(WriteText(manifest, io.out));
  io.out << "whole: " << Counted(FilesOf(manifest).size(), "file") << "\n";
  return Status::Ok();
}

Status Create(OpenPipeline& open, const SavepointCreateOptions& options, CommandIo& io) {
  MR_ASSIGN_OR_RETURN(const SavepointManifest manifest,
                      CreateSavepoint(open.plan, *open.cluster, open.clock, options.folder));
  MR_RETURN_IF_ERROR(WriteText(manifest, io.out));
  io.out << "saved in " << options.folder << "\n";
  return Status::Ok();
}

Result<RestoreChoice> ChoiceOf(const SavepointRestoreOptions& options) {
  RestoreChoice choice;
  choice.allow_drop = options.allow_drop;
  for (const std::string& map : options.maps) {
    const std::size_t equals = map.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == map.size())
      return Status::InvalidArgument("write --map " + map + " as --map OLD=NEW");
    const std::string old_name = map.substr(0, equals);
    if (!choice.names.emplace(old_name, map.substr(equals + 1)).second)
      return Status::InvalidArgument("--map names '" + old_name + "' twice");
  }
  return choice;
}

Status Restore(OpenPipeline& open, const SavepointRestoreOptions& options, const RestoreChoice& choice,
               CommandIo& io) {
  MR_ASSIGN_OR_RETURN(const RestoreReport report,
                      RestoreSavepoint(open.plan, *open.cluster, open.clock, options.folder, choice));
  for (const std::string& warning : report.warnings) io.err << "millrace: " << warning << "\n";
  for (const RestoreReport::Step& step : report.steps) {
    io.out << "state of " << step.name << "  " << Counted(step.rows, "row")
           << (step.moved ? ", placed anew by key" : "") << "\n";
  }
  if (report.records_in_flight > 0)
    io.out << Counted(report.records_in_flight, "group") << " of rows on their way\n";
  for (const std::string& dropped : report.dropped) io.out << "left out: " << dropped << "\n";
  io.out << "restored " << options.folder << " as pipeline '" << open.plan.name << "' with "
         << Counted(report.offsets, "offset") << "\n";
  return Status::Ok();
}

}  // namespace

Exit SavepointCreateCommand(const SavepointCreateOptions& options, CommandIo& io) {
  return WithPipeline(options.file, options.startup_timeout, io,
                      [&](OpenPipeline& open) { return Create(open, options, io); });
}

Exit SavepointInspectCommand(const SavepointInspectOptions& options, CommandIo& io) {
  const Status status = Inspect(options, io);
  return status.ok() ? Exit::kOk : Report(io, status, Exit::kFailed);
}

Exit SavepointRestoreCommand(const SavepointRestoreOptions& options, CommandIo& io) {
  const Result<RestoreChoice> choice = ChoiceOf(options);
  if (!choice.ok()) return Report(io, choice.status());
  return WithPipeline(options.file, options.startup_timeout, io,
                      [&](OpenPipeline& open) { return Restore(open, options, *choice, io); },
                      {{"transaction.timeout.ms", std::string(kRestoreTimeoutMs)}});
}

}  // namespace millrace
