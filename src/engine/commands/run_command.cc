#include "engine/commands/run_command.h"

#include <memory>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "engine/commands/cluster_connection.h"
#include "engine/commands/pipeline_loading.h"
#include "engine/endpoints.h"
#include "engine/runner.h"
#include "engine/version.h"
#include "env/signals.h"

namespace millrace {
namespace {

/// The runner as other threads see it: it may not be there yet. Thread-safe.
class RunnerPlace {
 public:
  /// False when a stop was asked for before.
  bool Put(std::unique_ptr<PipelineRunner> runner) {
    MutexLock lock(mutex_);
    runner_ = std::move(runner);
    return !stopped_;
  }
  void Stop() {
    MutexLock lock(mutex_);
    stopped_ = true;
    if (runner_ != nullptr) runner_->Stop();
  }
  std::optional<RunnerStatus> status() {
    MutexLock lock(mutex_);
    if (runner_ == nullptr) return std::nullopt;
    return runner_->status();
  }
  /// The runner lives as long as this. Null before Put.
  PipelineRunner* runner() {
    MutexLock lock(mutex_);
    return runner_.get();
  }

 private:
  Mutex mutex_;
  std::unique_ptr<PipelineRunner> runner_;  // guarded by mutex_, set once
  bool stopped_ = false;                    // guarded by mutex_
};

Result<Plan> LoadPlan(const RunOptions& options) {
  MR_ASSIGN_OR_RETURN(PipelineFile file, LoadPipeline(options.file));
  Plan plan = std::move(file.plan);
  if (options.state_dir) plan.state_dir = *options.state_dir;
  if (options.workers) plan.workers = *options.workers;
  // What can be known to be wrong is said before waiting for a broker.
  if (HasAllSchemas(plan)) MR_RETURN_IF_ERROR(AnalyzePlan(plan).status());
  return plan;
}

}  // namespace

Exit RunCommand(const RunOptions& options, CommandIo& io) {
  const SystemClock clock;
  MetricRegistry metrics;
  std::unique_ptr<Cluster> cluster;
  RunnerPlace place;
  const ShutdownSignal shutdown([&place] {
    Log(LogLevel::kInfo, "stopping: finishing the batch and committing; a second signal ends at once");
    place.Stop();
  });
  Result<Plan> plan = LoadPlan(options);
  if (!plan.ok()) return Report(io, plan.status(), Exit::kUsage);

  std::unique_ptr<HttpServer> server;
  if (!options.http.empty()) {
    Result<std::unique_ptr<HttpServer>> served =
        ServeEndpoints(options.http, metrics, [&place] { return place.status(); });
    if (!served.ok()) return Report(io, served.status(), Exit::kUsage);
    server = *std::move(served);
    Log(LogLevel::kInfo, "serving /metrics, /healthz and /readyz", {{"address", server->address()}});
  }
  Result<std::unique_ptr<Cluster>> connected =
      ConnectCluster(plan->kafka, options.startup_timeout, clock, metrics);
  if (shutdown.token().stop_requested()) return Exit::kOk;
  if (!connected.ok()) return Report(io, connected.status());
  cluster = *std::move(connected);

  RunnerOptions runner_options;
  runner_options.cluster = cluster.get();
  runner_options.clock = &clock;
  runner_options.metrics = &metrics;
  runner_options.state_dir = plan->state_dir;
  const std::string name = plan->name;
  Result<std::unique_ptr<PipelineRunner>> made = PipelineRunner::Make(*std::move(plan), runner_options);
  if (!made.ok()) return Report(io, made.status());
  if (!place.Put(*std::move(made))) return Exit::kOk;
  Log(LogLevel::kInfo, "pipeline started", {{"pipeline", name}, {"version", Version()}});
  const Status status = place.runner()->Run();
  const RunnerStatus numbers = place.runner()->status();
  server.reset();
  Log(status.ok() ? LogLevel::kInfo : LogLevel::kError, status.ok() ? "pipeline stopped" : "pipeline failed",
      {{"pipeline", name},
       {"records_in", numbers.records_in},
       {"rows_out", numbers.rows_out},
       {"rows_late", numbers.rows_late},
       {"dead_letters", numbers.dead_letters},
       {"commits", numbers.commits}});
  if (status.ok()) return Exit::kOk;
  return Report(io, status, Exit::kFailed);
}

}  // namespace millrace
