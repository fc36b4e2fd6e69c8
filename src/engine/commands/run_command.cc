#include "engine/commands/run_command.h"

#include <memory>
#include <utility>

#include "engine/commands/pipeline_loading.h"
#include "engine/plan_run.h"
#include "env/signals.h"

namespace millrace {
namespace {

constexpr Duration kLongestStop{30'000};  // finish the batch, commit, leave the group

Result<Plan> LoadPlan(const RunOptions& options) {
  MR_ASSIGN_OR_RETURN(PipelineFile file, LoadPipeline(options.file));
  // What can be known to be wrong is said before waiting for a broker.
  MR_RETURN_IF_ERROR(CheckPipeline(file));
  Plan plan = std::move(file.plan);
  if (options.state_dir) plan.state_dir = *options.state_dir;
  if (options.workers) plan.workers = *options.workers;
  return plan;
}

}  // namespace

Exit RunCommand(const RunOptions& options, CommandIo& io) {
  Result<Plan> plan = LoadPlan(options);
  if (!plan.ok()) return Report(io, plan.status(), Exit::kUsage);
  PlanRunOptions run_options;
  run_options.http = options.http;
  run_options.startup_timeout = options.startup_timeout;
  run_options.console = &io.out;
  const std::unique_ptr<PlanRun> run = PlanRun::Make(*std::move(plan), run_options);
  const ShutdownSignal shutdown([&run] { run->Stop(); }, kLongestStop);
  const Status status = run->Run();
  return status.ok() ? Exit::kOk : Report(io, status);
}

}  // namespace millrace
