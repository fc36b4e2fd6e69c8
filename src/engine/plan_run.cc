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
#include "env/environment.h"

namespace millrace {
namespace {

Result<std::optional<int>> WantedSlot() {
  const std::optional<std::string> text = GetEnv("MILLRACE_SLOT");
  if (!text.has_value() || text->empty()) return std::optional<int>();
  if (text->size() > 3 || text->find_first_not_of("0123456789") != std::string::npos) {
    return Status::InvalidArgument("MILLRACE_SLOT is '" + *text + "'; it must be a number from 0 to 999");
  }
  return std::optional<int>(std::stoi(*text));
}

class KafkaPlanRun final : public PlanRun {
 public:
  KafkaPlanRun(Plan plan, PlanRunOptions options, std::optional<int> slot)
      : plan_(std::move(plan)), options_(std::move(options)), slot_(slot) {}

  Status Serve() {
    if (options_.http.empty()) return Status::Ok();
    MR_ASSIGN_OR_RETURN(server_, ServeEndpoints(options_.http, metrics_, [this] { return running(); }));
    Log(LogLevel::kInfo, "serving /metrics, /healthz, /readyz and /state", {{"address", server_->address()}});
    return Status::Ok();
  }

  Status Run() override {
    const Status connected = Connect();
    if (options_.stop.stop_requested()) return Status::Ok();
    MR_RETURN_IF_ERROR(connected);
    RunnerOptions options;
    options.cluster = cluster_.get();
    options.clock = &clock_;
    options.metrics = &metrics_;
    options.state_dir = plan_.state_dir;
    options.slot = slot_;
    options.http_address = HttpAddress();
    options.console = options_.console;
    options.startup_timeout = options_.startup_timeout;
    options.stop = options_.stop;
    auto made = PipelineRunner::Make(plan_, options);
    if (options_.stop.stop_requested()) return Status::Ok();
    MR_RETURN_IF_ERROR(made.status());
    PipelineRunner& runner = Put(*std::move(made));
    started_ = true;
    Log(LogLevel::kInfo, "pipeline started", {{"pipeline", plan_.name}, {"version", Version()}});
    Status result = runner.Run();
    const RunnerStatus numbers = runner.status();
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

  bool started() const override { return started_; }

 private:
  Status Connect() {
    KafkaClusterOptions options;
    options.properties = plan_.kafka;
    options.properties.emplace("transaction.timeout.ms", std::to_string(plan_.TransactionTimeout().count()));
    BoundQueues(SplitMemory(plan_.memory, plan_.workers), &options.properties);
    options.clock = &clock_;
    options.metrics = &metrics_;
    MR_ASSIGN_OR_RETURN(cluster_, KafkaCluster::Make(std::move(options)));
    return AwaitBroker(*cluster_, options_.startup_timeout, clock_,
                       [this] { return options_.stop.stop_requested(); });
  }

  /// Where others reach the endpoints of this process.
  std::string HttpAddress() const {
    if (server_ == nullptr) return "";
    const std::string& address = server_->address();
    for (const std::string_view everywhere : {"0.0.0.0:", "[::]:"}) {
      if (address.starts_with(everywhere)) return HostName() + ":" + std::to_string(server_->port());
    }
    return address;
  }

  PipelineRunner& Put(std::unique_ptr<PipelineRunner> runner) {
    const MutexLock lock(mutex_);
    runner_ = std::move(runner);
    return *runner_;
  }

  PipelineRunner* running() const {
    const MutexLock lock(mutex_);
    return runner_.get();
  }

  // Constant after construction.
  const Plan plan_;
  const PlanRunOptions options_;
  const std::optional<int> slot_;

  // Own synchronisation, or used by Run only. Destroyed after the runner, which uses them.
  const SystemClock clock_;
  MetricRegistry metrics_;
  std::unique_ptr<KafkaCluster> cluster_;
  bool started_ = false;

  mutable Mutex mutex_;
  std::unique_ptr<PipelineRunner> runner_;  // guarded by mutex_, set once

  std::unique_ptr<HttpServer> server_;  // destroyed first: it asks the runner
};

}  // namespace

Result<std::unique_ptr<PlanRun>> PlanRun::Make(Plan plan, PlanRunOptions options) {
  MR_ASSIGN_OR_RETURN(const std::optional<int> slot, WantedSlot());
  auto run = std::make_unique<KafkaPlanRun>(std::move(plan), std::move(options), slot);
  MR_RETURN_IF_ERROR(run->Serve());
  return std::unique_ptr<PlanRun>(std::move(run));
}

ShutdownDeadline StopDeadline(const Plan& plan) {
  return {
      plan.stop_timeout,
      "the pipeline could not finish and commit in time and is cut off; what was not committed will be read "
      "again at the next start"};
}

}  // namespace millrace
