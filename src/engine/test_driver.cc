#include "engine/test_driver.h"

#include <algorithm>

#include "base/log.h"
#include "connectors/memory/memory_cluster.h"
#include "connectors/memory/memory_log.h"
#include "engine/pipeline_setup.h"
#include "env/clock.h"
#include "env/environment.h"
#include "env/file.h"
#include "env/random.h"
#include "plan/feeds.h"
#include "runtime/worker.h"

namespace millrace {
namespace {

constexpr int kQuietRounds = 3;         // a rebalance takes two polls of every worker
constexpr int kMostRounds = 1'000'000;  // a pipeline that feeds itself
constexpr std::int64_t kStateMemory = 64LL << 20;

std::string HiddenTopic(const std::string& sink) { return "__sink." + sink; }

/// Sinks without a topic write to a hidden one instead.
void RedirectSinks(bool file_sinks, Plan* plan) {
  for (PlanNode& node : plan->nodes) {
    auto* sink = std::get_if<SinkNode>(&node.op);
    if (sink == nullptr || std::holds_alternative<KafkaSink>(sink->sink)) continue;
    if (file_sinks && !std::holds_alternative<ConsoleSink>(sink->sink)) continue;
    KafkaSink kafka;
    kafka.topic = HiddenTopic(node.name);
    sink->sink = kafka;
  }
}

class Driver final : public TestDriver {
 public:
  Driver(TestDriverOptions options, std::string state_dir)
      : options_(std::move(options)),
        state_dir_(std::move(state_dir)),
        clock_(options_.start),
        log_(&clock_),
        cluster_(&log_) {}

  ~Driver() override {
    workers_.clear();
    state_.reset();
    if (const Status removed = RemoveAll(state_dir_); !removed.ok()) {
      Log(LogLevel::kWarning, "a test's state directory could not be removed", {{"error", removed}});
    }
  }

  Status SetUp(Plan plan) {
    MR_RETURN_IF_ERROR(Adapt(&plan));
    for (const PlanNode& node : plan.nodes) {
      const auto* source = std::get_if<KafkaSource>(&node.op);
      if (source == nullptr) continue;
      if (source->schema == nullptr && !HasWaiting(source->topic)) {
        return Status::InvalidArgument(node.location.ToString() + ": source '" + source->topic +
                                       "' needs a declared schema to be tested");
      }
      NewTopic topic;
      topic.name = source->topic;
      topic.partitions = source->outside != nullptr ? kFeedPartitions : options_.source_partitions;
      MR_RETURN_IF_ERROR(log_.CreateTopic(topic));
    }
    for (const TestInputRecord& record : options_.waiting) MR_RETURN_IF_ERROR(Write(record));
    MR_ASSIGN_OR_RETURN(state_, StateRuntime::Make(ByteCount(kStateMemory)));
    context_.clock = &clock_;
    context_.metrics = &metrics_;
    context_.state_runtime = state_.get();
    context_.state_dir = state_dir_;
    context_.first_run_is_now = options_.first_run;
    if (options_.max_rows_in_memory > 0) context_.max_rows_in_memory = options_.max_rows_in_memory;
    workers_.resize(static_cast<std::size_t>(options_.workers));
    return Start(plan);
  }

  Status Edit(Plan plan) override {
    for (auto& worker : workers_) {
      MR_RETURN_IF_ERROR(worker->Stop());
      worker.reset();
    }
    MR_RETURN_IF_ERROR(Adapt(&plan));
    return Start(plan);
  }

  Status Write(const TestInputRecord& record) override {
    if (!log_.Describe(record.topic).has_value())
      return Status::InvalidArgument("there is no source topic '" + record.topic + "'");
    std::vector<HeaderView> headers;
    for (const auto& [name, value] : record.headers) headers.push_back({name, BytesView::Of(value)});
    OutgoingRecord out;
    out.topic = record.topic;
    out.partition = record.partition;
    if (record.key.has_value()) out.key = BytesView::Of(*record.key);
    if (record.value.has_value()) out.value = BytesView::Of(*record.value);
    out.timestamp_ms = record.timestamp.value_or(clock_.Now()).value();
    out.headers = headers;
    return log_.Append(out).status();
  }

  void AdvanceClock(Duration by) override { clock_.Advance(by); }

  Status RunUntilIdle() override {
    int quiet_rounds = 0;
    for (int round = 0; round < kMostRounds; ++round) {
      bool quiet = true;
      for (std::size_t i = 0; i < workers_.size(); ++i) {
        MR_ASSIGN_OR_RETURN(const bool worker_quiet, RunWorkerOnce(i));
        quiet = quiet && worker_quiet;
      }
      quiet_rounds = quiet ? quiet_rounds + 1 : 0;
      if (quiet_rounds >= kQuietRounds) return Status::Ok();
    }
    return Status::ResourceExhausted("the pipeline does not come to rest after " +
                                     std::to_string(kMostRounds) + " rounds");
  }

  Result<std::vector<TestOutputRecord>> Read(const std::string& topic) override {
    const auto description = log_.Describe(topic);
    if (!description.has_value()) return Status::NotFound("there is no topic '" + topic + "'");
    std::vector<TestOutputRecord> out;
    for (std::int32_t p = 0; p < description->partitions; ++p) {
      for (const MemoryRecord& record : log_.Read({topic, Partition(p)})) {
        TestOutputRecord read;
        read.partition = Partition(p);
        read.offset = record.offset;
        read.key = record.key;
        read.value = record.value;
        read.timestamp = EventTime(record.timestamp_ms);
        for (const auto& header : record.headers)
          read.headers.emplace_back(header.name, header.value.value_or(""));
        out.push_back(std::move(read));
      }
    }
    return out;
  }

  Result<std::vector<std::string>> ReadSinkRows(const std::string& sink_name) override {
    for (const PlanNode& node : ready_->analyzed.plan.nodes) {
      const auto* sink = std::get_if<SinkNode>(&node.op);
      if (sink == nullptr || node.name != sink_name) continue;
      MR_ASSIGN_OR_RETURN(const auto records, Read(std::get<KafkaSink>(sink->sink).topic));
      std::vector<std::string> out;
      out.reserve(records.size());
      for (const TestOutputRecord& record : records) out.push_back(record.value.value_or("null"));
      return out;
    }
    return Status::NotFound("the pipeline has no sink named '" + sink_name + "'");
  }

  TestCounters counters() const override { return CountersFrom(metrics_); }

  EventTime now() const override { return clock_.Now(); }

 private:
  /// Makes it a plan that can be run here.
  Status Adapt(Plan* plan) const {
    MR_RETURN_IF_ERROR(NameNodes(plan));
    RedirectSinks(options_.file_sinks, plan);
    DeclareTextSchemas(plan);
    for (PlanNode& node : plan->nodes) {
      // A test's records are read, whenever they were written.
      if (auto* source = std::get_if<KafkaSource>(&node.op)) source->offset_reset = "earliest";
    }
    return Status::Ok();
  }

  Status Start(const Plan& plan) {
    MR_ASSIGN_OR_RETURN(ReadyPipeline ready, SetUpPipeline(plan, cluster_, {.clock = &clock_}));
    ready_ = std::make_unique<ReadyPipeline>(std::move(ready));
    context_.topology = &ready_->topology;
    for (std::size_t i = 0; i < workers_.size(); ++i) MR_RETURN_IF_ERROR(StartWorker(i));
    return Status::Ok();
  }

  bool HasWaiting(const std::string& topic) const {
    return std::any_of(options_.waiting.begin(), options_.waiting.end(),
                       [&](const TestInputRecord& record) { return record.topic == topic; });
  }

  Status StartWorker(std::size_t i) {
    WorkerOptions worker;
    worker.id = ready_->topology.app + "-test-" + std::to_string(i);
    worker.exactly_once = ready_->analyzed.plan.guarantee == Guarantee::kExactlyOnce;
    worker.commit_interval = std::chrono::hours(24 * 365);  // RunUntilIdle commits
    worker.poll.max_records =
        options_.batch_rows > 0 ? options_.batch_rows : ready_->analyzed.plan.batch.rows;
    workers_[i] = std::make_unique<Worker>(context_, cluster_, std::move(worker));
    return workers_[i]->Start();
  }

  /// One batch, or a checkpoint when there is none. Whether the worker has nothing more to do.
  Result<bool> RunWorkerOnce(std::size_t i) {
    const double before = metrics_.Sum("millrace_records_in_total");
    MR_RETURN_IF_ERROR(workers_[i]->RunOnce(Duration(0)));
    const bool read = metrics_.Sum("millrace_records_in_total") > before;
    if (read && options_.restart != TestRestart::kNever) {
      MR_RETURN_IF_ERROR(Restart(i));
      return false;
    }
    if (!read) MR_RETURN_IF_ERROR(workers_[i]->Checkpoint());
    return !read && workers_[i]->quiet();
  }

  Status Restart(std::size_t i) {
    if (options_.restart == TestRestart::kStop) {
      MR_RETURN_IF_ERROR(workers_[i]->Stop());
      return StartWorker(i);
    }
    // Every second time without a commit, as after kill -9: the batch is read again.
    if (std::exchange(commit_before_restart_, !commit_before_restart_))
      MR_RETURN_IF_ERROR(workers_[i]->Checkpoint());
    workers_[i].reset();
    return StartWorker(i);
  }

  const TestDriverOptions options_;
  const std::string state_dir_;
  ManualClock clock_;
  MemoryLog log_;
  MemoryCluster cluster_;
  MetricRegistry metrics_;
  std::unique_ptr<ReadyPipeline> ready_;
  std::unique_ptr<StateRuntime> state_;
  TaskContext context_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool commit_before_restart_ = false;
};

}  // namespace

TestCounters CountersFrom(const MetricRegistry& metrics) {
  const auto sum = [&metrics](const char* name) { return static_cast<std::int64_t>(metrics.Sum(name)); };
  return {.records_in = sum("millrace_records_in_total"),
          .rows_out = sum("millrace_sink_rows_total"),
          .rows_filtered = sum("millrace_step_rows_filtered_total"),
          .rows_late = sum("millrace_step_rows_late_total"),
          .dead_letters = sum("millrace_step_rows_dead_lettered_total"),
          .rows_dropped = sum("millrace_step_rows_dropped_total")};
}

Result<std::unique_ptr<TestDriver>> TestDriver::Make(Plan plan, TestDriverOptions options) {
  const std::string temporary = GetEnv("TMPDIR").value_or("/tmp");
  auto driver = std::make_unique<Driver>(std::move(options), temporary + "/millrace-test-" + RandomId());
  MR_RETURN_IF_ERROR(driver->SetUp(std::move(plan)));
  return std::unique_ptr<TestDriver>(std::move(driver));
}

Status PassTime(Duration by, TestDriver& driver) {
  constexpr std::int64_t kMostSteps = 60;
  constexpr Duration kShortestStep{1'000};
  const Duration step = std::max(kShortestStep, by / kMostSteps);
  MR_RETURN_IF_ERROR(driver.RunUntilIdle());
  for (Duration left = by; left.count() > 0; left -= step) {
    driver.AdvanceClock(std::min(step, left));
    MR_RETURN_IF_ERROR(driver.RunUntilIdle());
  }
  return Status::Ok();
}

}  // namespace millrace
