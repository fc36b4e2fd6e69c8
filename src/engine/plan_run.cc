#include "engine/plan_run.h"

#include <optional>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "connectors/kafka/kafka_cluster.h"
#include "engine/broker_wait.h"
#include "engine/endpoints.h"
#include "engine/memory_budget.h"
#include "engine/runner.h"
#include "engine/version.h"

namespace millrace {
namespace {

class KafkaPlanRun final : public PlanRun {
 public:
  KafkaPlanRun(Plan plan, PlanRunOptions options) : plan_(std::move(plan)), options_(std::move(options)) {}

  Status Run() override {
    std::unique_ptr<HttpServer> server;
    if (!options_.http.empty()) {
      MR_ASSIGN_OR_RETURN(server, ServeEndpoints(options_.http, metrics_, [this] { return status(); }));
      Log(LogLevel::kInfo, "serving /metrics, /healthz and /readyz", {{"address", server->address()}});
    }
    const Status connected = Connect();
    if (stopped()) return Status::Ok();
    MR_RETURN_IF_ERROR(connected);
    RunnerOptions options;
    options.cluster = cluster_.get();
    options.clock = &clock_;
    options.metrics = &metrics_;
    options.state_dir = plan_.state_dir;
    options.console = options_.console;
    MR_ASSIGN_OR_RETURN(auto runner, PipelineRunner::Make(plan_, options));
    if (!Put(std::move(runner))) return Status::Ok();
    Log(LogLevel::kInfo, "pipeline started", {{"pipeline", plan_.name}, {"version", Version()}});
    Status result = runner_->Run();
    const RunnerStatus numbers = runner_->status();
    Log(result.ok() ? LogLevel::kInfo : LogLevel::kError,
        result.ok() ? "pipeline stopped" : "pipeline failed",
        {{"pipeline", plan_.name},
         {"records_in", numbers.records_in},
         {"rows_out", numbers.rows_out},
         {"rows_late", numbers.rows_late},
         {"dead_letters", numbers.dead_letters},
         {"commits", numbers.commits}});
    return result;
  }

  void Stop() override {
    MutexLock lock(mutex_);
    stopped_ = true;
    if (runner_ != nullptr) runner_->Stop();
  }

 private:
  Status Connect() {
    KafkaClusterOptions options;
    options.properties = plan_.kafka;
    BoundQueues(SplitMemory(plan_.memory, plan_.workers), &options.properties);
    options.clock = &clock_;
    options.metrics = &metrics_;
    MR_ASSIGN_OR_RETURN(cluster_, KafkaCluster::Make(std::move(options)));
    return AwaitBroker(*cluster_, options_.startup_timeout, clock_, [this] { return stopped(); });
  }

  bool stopped() const {
    MutexLock lock(mutex_);
    return stopped_;
  }

  /// False when a stop was asked for before.
  bool Put(std::unique_ptr<PipelineRunner> runner) {
    MutexLock lock(mutex_);
    runner_ = std::move(runner);
    return !stopped_;
  }

  std::optional<RunnerStatus> status() const {
    MutexLock lock(mutex_);
    if (runner_ == nullptr) return std::nullopt;
    return runner_->status();
  }

  // Constant after construction.
  const Plan plan_;
  const PlanRunOptions options_;

  // Own synchronisation, or used by Run only. Destroyed after the runner, which uses them.
  const SystemClock clock_;
  MetricRegistry metrics_;
  std::unique_ptr<KafkaCluster> cluster_;

  mutable Mutex mutex_;
  std::unique_ptr<PipelineRunner> runner_;  // guarded by mutex_, set once
  bool stopped_ = false;                    // guarded by mutex_
};

}  // namespace

std::unique_ptr<PlanRun> PlanRun::Make(Plan plan, PlanRunOptions options) {
  return std::make_unique<KafkaPlanRun>(std::move(plan), std::move(options));
}

}  // namespace millrace
