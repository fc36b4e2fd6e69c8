#include "engine/runner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "engine/memory_budget.h"
#include "engine/pipeline_setup.h"
#include "env/environment.h"
#include "env/thread.h"
#include "runtime/feed_writer.h"
#include "runtime/feeder.h"
#include "runtime/slot.h"
#include "runtime/worker.h"
#include "state/layout.h"

namespace millrace {
namespace {

constexpr Duration kPollWait{50};
constexpr std::int64_t kLeastRowsPerTask = 10'000;
// So that a small budget does not commit all the time.
constexpr std::int64_t kLeastDirtyBytes = 4LL << 20;

/// Puts the answers of several workers together. Thread-safe.
class GatheredAnswer {
 public:
  GatheredAnswer(std::size_t expected, StateQuestions::Done done) : done_(std::move(done)), left_(expected) {}

  void Add(Result<StateAnswer> part) {
    {
      const MutexLock lock(mutex_);
      if (part.ok() && whole_.ok()) {
        Append(*std::move(part));
      } else if (whole_.ok()) {
        whole_ = part.status();
      }
      if (--left_ > 0) return;
    }
    done_(std::move(whole_));
  }

 private:
  void Append(StateAnswer part) {
    whole_->partitions.insert(whole_->partitions.end(), part.partitions.begin(), part.partitions.end());
    std::move(part.rows.begin(), part.rows.end(), std::back_inserter(whole_->rows));
    whole_->more = whole_->more || part.more;
  }

  const StateQuestions::Done done_;
  Mutex mutex_;
  std::size_t left_;                           // guarded by mutex_
  Result<StateAnswer> whole_ = StateAnswer();  // guarded by mutex_ until left_ is 0
};

class Runner final : public PipelineRunner {
 public:
  Runner(RunnerOptions options, ReadyPipeline ready, std::unique_ptr<StateRuntime> state)
      : options_(std::move(options)),
        ready_(std::move(ready)),
        state_(std::move(state)),
        owners_(options_.cluster, ready_.topology.app) {}

  Status AddWorkers() {
    const Plan& plan = ready_.analyzed.plan;
    const std::string app_dir = options_.state_dir + "/" + plan.name;
    for (const SubTopology& sub : ready_.topology.sub_topologies) {
      for (const auto& [table, layout] : ParseLayout(sub.state_layout))
        state_steps_[table] = {layout, sub.partitions, sub.input_topics.front()};
    }
    context_.topology = &ready_.topology;
    context_.clock = options_.clock;
    context_.metrics = options_.metrics;
    context_.state_runtime = state_.get();
    context_.state_dir = app_dir;
    context_.first_run_is_now = true;
    context_.http_address = options_.http_address;
    const MemoryBudget budget = SplitMemory(plan.memory, plan.workers);
    context_.max_bytes_in_memory = StateBytesPerTask(budget);
    context_.max_rows_in_memory = context_.max_bytes_in_memory / StateStoreOptions::kBytesPerRow;
    for (int i = 0; i < plan.workers; ++i) {
      const std::optional<int> slot_number = options_.slot ? std::optional(*options_.slot + i) : std::nullopt;
      MR_ASSIGN_OR_RETURN(auto slot, Slot::Acquire(app_dir, plan.name, slot_number));
      slots_.push_back(std::move(slot));
    }
    MakeStandbys();
    MR_RETURN_IF_ERROR(MakeFeeders());
    for (const auto& slot : slots_) {
      WorkerOptions worker;
      worker.id = slot->transactional_id();
      worker.exactly_once = plan.guarantee == Guarantee::kExactlyOnce;
      worker.commit_interval = plan.EffectiveCommitInterval();
      worker.commit_bytes = plan.commit_bytes.value();
      worker.most_dirty_bytes = std::max(kLeastDirtyBytes, budget.state.value() / plan.workers / 2);
      worker.poll = {.wait = kPollWait,
                     .max_records = std::min(plan.batch.rows, budget.batch_records),
                     .max_bytes = std::min(plan.batch.bytes, budget.batch_bytes).value(),
                     .linger = plan.batch.delay};
      worker.standbys = standbys_.get();
      workers_.push_back(std::make_unique<Worker>(context_, *options_.cluster, std::move(worker)));
    }
    return Status::Ok();
  }

  Status Run() override {
    std::vector<Status> results(workers_.size());
    std::vector<Status> fed(feeders_.size());
    {
      std::vector<Thread> threads;
      for (std::size_t i = 0; i < workers_.size(); ++i) {
        threads.emplace_back("worker-" + std::to_string(i), [this, i, &results] {
          results[i] = RunWorker(*workers_[i]);
          if (!results[i].ok()) options_.stop.RequestStop();
        });
      }
      for (std::size_t i = 0; i < feeders_.size(); ++i) {
        threads.emplace_back("feeder-" + std::to_string(i), [this, i, &fed] {
          fed[i] = RunFeeder(*feeders_[i]);
          if (!fed[i].ok()) options_.stop.RequestStop();
        });
      }
      for (Receiver& receiver : receivers_)
        threads.emplace_back("receiver", [this, &receiver] { RunReceiver(receiver); });
      if (standbys_ != nullptr) threads.emplace_back("standbys", [this] { KeepStandbys(); });
    }
    results.insert(results.end(), fed.begin(), fed.end());
    for (Status& result : results) {
      if (!result.ok()) return std::move(result);
    }
    return Status::Ok();
  }

  void Stop() override { options_.stop.RequestStop(); }

  const std::map<std::string, StateStep>& state_steps() const override { return state_steps_; }

  void Ask(const StateQuery& query, StateQuestions::Done done) override {
    const auto gathered = std::make_shared<GatheredAnswer>(workers_.size(), std::move(done));
    for (const auto& worker : workers_) {
      worker->Ask(query, [gathered](Result<StateAnswer> answer) { gathered->Add(std::move(answer)); });
    }
  }

  void FindOwners(const std::string& step, const std::vector<Partition>& partitions,
                  StateOwners::Done done) override {
    std::vector<TopicPartition> inputs;
    inputs.reserve(partitions.size());
    for (const Partition partition : partitions) inputs.push_back({state_steps_.at(step).input, partition});
    owners_.Find(std::move(inputs), std::move(done));
  }

  RunnerStatus status() const override {
    RunnerStatus out;
    Watermark lowest = kEndOfTime;
    const auto now = options_.clock->Steady();
    out.ready = true;
    for (const auto& worker : workers_) {
      const WorkerStatus& status = worker->status();
      out.ready = out.ready && status.settled.load();
      if (const std::chrono::nanoseconds round(status.last_round_ns.load()); round.count() > 0)
        out.since_last_round = std::max(out.since_last_round, now - round);
      out.tasks_running += status.tasks_running.load();
      out.tasks_restoring += status.tasks_restoring.load();
      out.lag += status.lag.load();
      out.last_commit_ms = std::max(out.last_commit_ms, status.last_commit_ms.load());
      if (const Watermark watermark(status.watermark.load()); watermark != kNoWatermark)
        lowest = std::min(lowest, watermark);
    }
    for (const auto& feeder : feeders_) {
      out.ready = out.ready && feeder->status().settled.load();
      if (const std::chrono::nanoseconds round(feeder->status().last_round_ns.load()); round.count() > 0)
        out.since_last_round = std::max(out.since_last_round, now - round);
    }
    if (lowest != kEndOfTime) out.watermark = lowest;
    const MetricRegistry& metrics = *options_.metrics;
    out.records_in = static_cast<std::int64_t>(metrics.Sum("millrace_records_in_total"));
    out.rows_late = static_cast<std::int64_t>(metrics.Sum("millrace_step_rows_late_total"));
    out.dead_letters = static_cast<std::int64_t>(metrics.Sum("millrace_step_rows_dead_lettered_total"));
    out.commits = static_cast<std::int64_t>(metrics.Sum("millrace_commits_total"));
    out.rows_out = static_cast<std::int64_t>(metrics.Sum("millrace_sink_rows_total"));
    return out;
  }

 private:
  /// A source that is told what there is, and what writes it.
  struct Receiver {
    std::unique_ptr<FeedWriter> writer;
    std::unique_ptr<FeedReceiver> source;  // destroyed first
  };

  std::int64_t StateBytesPerTask(const MemoryBudget& budget) const {
    std::int64_t tasks = 0;
    for (const SubTopology& sub : ready_.topology.sub_topologies)
      tasks += sub.tables.empty() ? 0 : sub.partitions;
    return std::max(kLeastRowsPerTask * StateStoreOptions::kBytesPerRow,
                    budget.state.value() / std::max<std::int64_t>(1, tasks));
  }

  void MakeStandbys() {
    const Plan& plan = ready_.analyzed.plan;
    if (plan.standbys == 0 || state_steps_.empty()) return;
    if (options_.cluster->groups() == nullptr) {
      Log(LogLevel::kWarning, "no standbys: this broker does not tell who is in a group",
          {{"standbys", plan.standbys}});
      return;
    }
    StandbyOptions options;
    options.node = Slot::NodeOf(plan.name, slots_.front()->transactional_id());
    options.copies = plan.standbys;
    standbys_ = std::make_unique<StandbyKeeper>(context_, *options_.cluster, std::move(options));
  }

  Status MakeFeeders() {
    for (const Feed& feed : ready_.topology.feeds) {
      if (feed.make_receiver) {
        auto writer =
            std::make_unique<FeedWriter>(feed.source, feed.topic, *options_.cluster, *options_.metrics);
        MR_ASSIGN_OR_RETURN(auto receiver, feed.make_receiver(*writer, *options_.clock, *options_.metrics));
        receivers_.push_back({std::move(writer), std::move(receiver)});
        continue;
      }
      MR_ASSIGN_OR_RETURN(auto source, feed.make_source(*options_.clock, *options_.metrics));
      FeederOptions feeder;
      feeder.client_id = slots_.front()->transactional_id();
      feeder.exactly_once = ready_.analyzed.plan.guarantee == Guarantee::kExactlyOnce;
      feeders_.push_back(std::make_unique<Feeder>(feed, std::move(source), *options_.cluster, *options_.clock,
                                                  *options_.metrics, std::move(feeder)));
    }
    return Status::Ok();
  }

  void KeepStandbys() {
    while (!options_.stop.stop_requested()) {
      if (!standbys_->RunOnce(kPollWait)) options_.stop.WaitFor(kPollWait);
    }
  }

  void RunReceiver(Receiver& receiver) {
    while (!options_.stop.stop_requested()) receiver.writer->RunOnce(kPollWait);
    receiver.source.reset();
    receiver.writer->Stop();
  }

  Status RunFeeder(Feeder& feeder) {
    Status status = feeder.Start();
    while (status.ok() && !options_.stop.stop_requested()) status = feeder.RunOnce(kPollWait);
    if (!status.ok()) Log(LogLevel::kError, "a feeder stopped", {{"error", status}});
    Status stopped = feeder.Stop();
    return status.ok() ? std::move(stopped) : std::move(status);
  }

  Status RunWorker(Worker& worker) {
    Status status = worker.Start();
    while (status.ok() && !options_.stop.stop_requested()) status = worker.RunOnce(kPollWait);
    if (!status.ok()) Log(LogLevel::kError, "a worker stopped", {{"error", status}});
    Status stopped = worker.Stop();
    return status.ok() ? std::move(stopped) : std::move(status);
  }

  // Constant after AddWorkers.
  const RunnerOptions options_;
  const ReadyPipeline ready_;
  const std::unique_ptr<StateRuntime> state_;
  TaskContext context_;
  std::map<std::string, StateStep> state_steps_;
  StateOwners owners_;  // thread-safe
  std::vector<std::unique_ptr<Slot>> slots_;
  std::unique_ptr<StandbyKeeper> standbys_;       // null: none are kept
  std::vector<Receiver> receivers_;               // each used by its own thread
  std::vector<std::unique_ptr<Feeder>> feeders_;  // as workers_
  std::vector<std::unique_ptr<Worker>> workers_;  // each used by its own thread, status() by any
};

}  // namespace

Result<std::unique_ptr<PipelineRunner>> PipelineRunner::Make(const Plan& plan, RunnerOptions options) {
  MR_RETURN_IF_ERROR(plan.CheckCommitInterval());
  if (plan.guarantee == Guarantee::kExactlyOnce && !options.cluster->supports_exactly_once()) {
    return Status::InvalidArgument(
        "exactly_once cannot hold here: this is Millrace's embedded broker, which acknowledges the offsets "
        "of a transaction without storing them; set guarantee: at_least_once in the pipeline file, or use "
        "Apache "
        "Kafka");
  }
  MR_ASSIGN_OR_RETURN(ReadyPipeline ready, SetUpPipeline(plan, *options.cluster,
                                                         {.clock = options.clock,
                                                          .console = options.console,
                                                          .metrics = options.metrics,
                                                          .patience = options.startup_timeout,
                                                          .stop = options.stop}));
  const MemoryBudget budget = SplitMemory(ready.analyzed.plan.memory, ready.analyzed.plan.workers);
  MR_ASSIGN_OR_RETURN(auto state, StateRuntime::Make(budget.rocksdb));
  auto runner = std::make_unique<Runner>(std::move(options), std::move(ready), std::move(state));
  MR_RETURN_IF_ERROR(runner->AddWorkers());
  return std::unique_ptr<PipelineRunner>(std::move(runner));
}

}  // namespace millrace
