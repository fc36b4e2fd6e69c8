#include "engine/commands/run_command.h"

#include <memory>
#include <utility>

#include "engine/commands/pipeline_loading.h"
#include "engine/plan_run.h"
#include "env/signals.h"

namespace millrace {
namespace {

Result<Plan> LoadPlan(const RunOptions& options) {
  MR_ASSIGN_OR_RETURN(PipelineFile file, LoadPipeline(options.file));
  // What can be known to be wrong is said before waiting for a broker.
  MR_RETURN_IF_ERROR(CheckPipeline(file));
  Plan plan = std::move(file.plan);
  if (options.state_dir) plan.state_dir = *options.state_dir;
  if (options.workers) plan.workers = *options.workers;
  if (options.stop_timeout) plan.stop_timeout = *options.stop_timeout;
  return plan;
}

}  // namespace

Exit RunCommand(const RunOptions& options, CommandIo& io) {
  Result<Plan> plan = LoadPlan(options);
  if (!plan.ok()) return Report(io, plan.status(), Exit::kUsage);
  const ShutdownSignal shutdown(StopDeadline(*plan));
  PlanRunOptions run_options;
  run_options.http = options.http;
  run_options.startup_timeout = options.startup_timeout;
  run_options.console = &io.out;
  run_options.stop = shutdown.token();
  const Result<std::unique_ptr<PlanRun>> run = PlanRun::Make(*std::move(plan), run_options);
  if (!run.ok()) return Report(io, run.status(), Exit::kUsage);
  const Status status = (*run)->Run();
  return status.ok() || !(*run)->started() ? Report(io, status) : Report(io, status, Exit::kFailed);
}

}  // namespace millrace
