#include "engine/commands/checkpoint_command.h"

#include <memory>
#include <utility>

#include "base/counted.h"
#include "base/hex.h"
#include "engine/commands/checkpoint_verification.h"
#include "engine/commands/open_pipeline.h"
#include "engine/commands/state_directories.h"
#include "engine/yaml/json_value.h"

namespace millrace {
namespace {

constexpr std::size_t kShownBytes = 40;  // of a key

void WriteText(const TableAt& at, const VerifiedTable& found, std::ostream& out) {
  out << at.table.name << "[" << at.partition() << "]  ";
  if (!found.problem.empty()) {
    out << "WRONG  " << found.problem << "\n";
    return;
  }
  out << (found.ok() ? "ok" : "WRONG") << "  " << Counted(found.rows, "row") << ", changelog offset "
      << found.offset << " of " << found.end;
  if (!found.ok()) {
    out << ": rows missing " << found.missing << ", too many " << found.extra << ", different "
        << found.different << "; the first has the key "
        << Hex(std::string_view(found.first_key).substr(0, kShownBytes));
  }
  out << "\n";
}

void WriteJson(const TableAt& at, const VerifiedTable& found, std::ostream& out) {
  out << R"({"step":)" << JsonString(at.table.name) << R"(,"partition":)" << at.partition() << R"(,"ok":)"
      << (found.ok() ? "true" : "false") << R"(,"rows":)" << found.rows << R"(,"changelog_offset":)"
      << found.offset << R"(,"changelog_end":)" << found.end << R"(,"missing":)" << found.missing
      << R"(,"extra":)" << found.extra << R"(,"different":)" << found.different << R"(,"problem":)"
      << JsonString(found.problem) << "}\n";
}

/// True when everything is as it should be.
Result<bool> Verify(OpenPipeline& open, const CheckpointVerifyOptions& options, CommandIo& io) {
  const Plan& plan = open.plan;
  MR_ASSIGN_OR_RETURN(const auto reader, open.cluster->MakeChangelogReader());
  const std::string folder =
      (options.state_dir.empty() ? plan.state_dir : options.state_dir) + "/" + plan.name;
  bool all_ok = true;
  MR_RETURN_IF_ERROR(ForEachTable(folder, [&](const TableAt& at) -> Status {
    const TopicPartition changelog{plan.name + "-" + at.table.name + "-changelog",
                                   Partition(static_cast<std::int32_t>(at.partition()))};
    MR_ASSIGN_OR_RETURN(const auto topic, open.cluster->admin().Describe(changelog.topic));
    if (!topic.has_value()) return Status::NotFound("there is no topic '" + changelog.topic + "'");
    MR_ASSIGN_OR_RETURN(const VerifiedTable found,
                        VerifyTable(at.state, at.table, changelog, topic->topic_id, *reader));
    options.json ? WriteJson(at, found, io.out) : WriteText(at, found, io.out);
    all_ok = all_ok && found.ok();
    return Status::Ok();
  }));
  return all_ok;
}

}  // namespace

Exit CheckpointVerifyCommand(const CheckpointVerifyOptions& options, CommandIo& io) {
  bool all_ok = false;
  const Exit exit = WithPipeline(options.file, options.startup_timeout, io, [&](OpenPipeline& open) {
    const Result<bool> verified = Verify(open, options, io);
    io.out.flush();
    all_ok = verified.ok() && *verified;
    return verified.status();
  });
  if (exit != Exit::kOk || all_ok) return exit;
  io.err << "millrace: state differs from its changelog; delete the directories named WRONG, the next start "
            "rebuilds them"
         << std::endl;
  return Exit::kFailed;
}

}  // namespace millrace
