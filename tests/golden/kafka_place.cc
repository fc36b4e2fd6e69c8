#include "kafka_place.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/metrics.h"
#include "engine/pipeline_setup.h"
#include "env/environment.h"
#include "env/file.h"
#include "env/random.h"
#include "probed_cluster.h"
#include "runtime/worker.h"

namespace millrace {
namespace {

constexpr Duration kPollWait{20};
constexpr int kQuietRounds = 2;
constexpr std::chrono::seconds kLongestRun{60};  // until input is consumed, or output is read
constexpr Duration kFreshFetch{1'000};           // T3
constexpr std::int64_t kStateMemory = 64LL << 20;
constexpr const char* kNoTimestampLimit = "9223372036854775807";

/// What drivers share: see KafkaPlace.
struct Shared {
  Cluster& cluster;
  Producer& producer;
  ChangelogReader& reader;
  const Clock& clock;  // the real one
};

void PutBeforeNames(const std::string& prefix, Plan* plan) {
  plan->name = prefix + plan->name;
  if (!plan->dead_letter_topic.empty()) plan->dead_letter_topic = prefix + plan->dead_letter_topic;
  for (PlanNode& node : plan->nodes) {
    if (auto* source = std::get_if<KafkaSource>(&node.op)) source->topic = prefix + source->topic;
    std::visit(
        [&](auto& op) {
          if constexpr (requires { op.late_topic; }) {
            if (!op.late_topic.empty()) op.late_topic = prefix + op.late_topic;
          }
        },
        node.op);
    if (auto* sink = std::get_if<SinkNode>(&node.op)) {
      if (auto* kafka = std::get_if<KafkaSink>(&sink->sink)) kafka->topic = prefix + kafka->topic;
    }
  }
}

std::string Without(const std::string& prefix, std::string text) {
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at))
    text.erase(at, prefix.size());
  return text;
}

class Driver final : public TestDriver {
 public:
  Driver(Shared shared, std::string prefix, TestDriverOptions options)
      : shared_(shared),
        prefix_(std::move(prefix)),
        options_(std::move(options)),
        state_dir_(GetEnv("TMPDIR").value_or("/tmp") + "/millrace-golden-" + RandomId()),
        clock_(options_.start),
        cluster_(MakeProbedCluster(&shared_.cluster, &probe_)) {}

  ~Driver() override {
    if (worker_ != nullptr) static_cast<void>(worker_->Stop());
    worker_.reset();
    state_.reset();
    static_cast<void>(RemoveAll(state_dir_));
  }

  Status SetUp(Plan plan) {
    PutBeforeNames(prefix_, &plan);
    DeclareTextSchemas(&plan);
    for (const PlanNode& node : plan.nodes) {
      const auto* source = std::get_if<KafkaSource>(&node.op);
      if (source == nullptr) continue;
      NewTopic topic;
      topic.name = source->topic;
      topic.partitions = options_.source_partitions;
      topic.config = {{"message.timestamp.after.max.ms", kNoTimestampLimit}};
      MR_RETURN_IF_ERROR(shared_.cluster.admin().Create(topic));
    }
    for (const TestInputRecord& record : options_.waiting) MR_RETURN_IF_ERROR(Write(record));
    MR_RETURN_IF_ERROR(shared_.producer.Flush());
    MR_ASSIGN_OR_RETURN(ReadyPipeline ready, SetUpPipeline(plan, *cluster_, {.clock = &clock_}));
    ready_ = std::make_unique<ReadyPipeline>(std::move(ready));
    MR_ASSIGN_OR_RETURN(state_, StateRuntime::Make(ByteCount(kStateMemory)));
    context_.topology = &ready_->topology;
    context_.clock = &clock_;
    context_.metrics = &metrics_;
    context_.state_runtime = state_.get();
    context_.state_dir = state_dir_;
    context_.first_run_is_now = options_.first_run;
    return StartWorker();
  }

  Status Write(const TestInputRecord& record) override {
    std::vector<HeaderView> headers;
    for (const auto& [name, value] : record.headers) headers.push_back({name, BytesView::Of(value)});
    const std::string topic = prefix_ + record.topic;
    OutgoingRecord out;
    out.topic = topic;
    out.partition = record.partition;
    if (record.key.has_value()) out.key = BytesView::Of(*record.key);
    if (record.value.has_value()) out.value = BytesView::Of(*record.value);
    out.timestamp_ms = record.timestamp.value_or(clock_.Now()).value();
    out.headers = headers;
    more_input_ = true;
    return shared_.producer.Send(out);
  }

  void AdvanceClock(Duration by) override { clock_.Advance(by); }

  Status RunUntilIdle() override {
    MR_RETURN_IF_ERROR(shared_.producer.Flush());
    if (options_.restart == TestRestart::kStop && more_input_ && has_run_) MR_RETURN_IF_ERROR(Restart());
    more_input_ = false;
    has_run_ = true;
    const auto end = shared_.clock.Steady() + kLongestRun;
    for (int quiet_rounds = 0; quiet_rounds < kQuietRounds;) {
      if (shared_.clock.Steady() > end)
        return Status::Timeout("the pipeline does not come to rest within " +
                               std::to_string(kLongestRun.count()) + " s");
      const double before = metrics_.Sum("millrace_records_in_total");
      probe_.seen.clear();
      MR_RETURN_IF_ERROR(worker_->RunOnce(kPollWait));
      const bool read = metrics_.Sum("millrace_records_in_total") > before;
      if (!read) MR_RETURN_IF_ERROR(worker_->Checkpoint());
      MR_ASSIGN_OR_RETURN(const bool at_end, read || !worker_->quiet() ? false : AtEnd());
      quiet_rounds = at_end ? quiet_rounds + 1 : 0;
    }
    return Status::Ok();
  }

  Result<std::vector<TestOutputRecord>> Read(const std::string& topic) override {
    const std::string name = prefix_ + topic;
    MR_ASSIGN_OR_RETURN(const auto description, shared_.cluster.admin().Describe(name));
    if (!description.has_value()) return Status::NotFound("there is no topic '" + topic + "'");
    std::vector<TestOutputRecord> out;
    for (std::int32_t p = 0; p < description->partitions; ++p)
      MR_RETURN_IF_ERROR(ReadPartition({name, Partition(p)}, &out));
    return out;
  }

  Result<std::vector<std::string>> ReadSinkRows(const std::string& sink_name) override {
    return Status::InvalidArgument("sink '" + sink_name + "': on Kafka only topics can be read");
  }

  TestCounters counters() const override { return CountersFrom(metrics_); }

  EventTime now() const override { return clock_.Now(); }

 private:
  Status StartWorker() {
    WorkerOptions options;
    options.id = ready_->topology.app + "-0";
    options.exactly_once = ready_->analyzed.plan.guarantee == Guarantee::kExactlyOnce;
    options.commit_interval = std::chrono::hours(24 * 365);  // RunUntilIdle commits
    options.poll.max_records =
        options_.batch_rows > 0 ? options_.batch_rows : ready_->analyzed.plan.batch.rows;
    worker_ = std::make_unique<Worker>(context_, *cluster_, std::move(options));
    return worker_->Start();
  }

  Status Restart() {
    MR_RETURN_IF_ERROR(worker_->Stop());
    worker_.reset();
    MR_RETURN_IF_ERROR(RemoveAll(state_dir_));
    return StartWorker();
  }

  /// True when every task runs, all input is consumed, and the worker knew that in its last round.
  Result<bool> AtEnd() {
    std::int64_t tasks = 0;
    for (const SubTopology& sub : ready_->topology.sub_topologies) tasks += sub.partitions;
    if (worker_->status().tasks_running.load() != tasks) return false;
    for (const SubTopology& sub : ready_->topology.sub_topologies) {
      for (const std::string& topic : sub.input_topics) {
        for (std::int32_t p = 0; p < sub.partitions; ++p) {
          const TopicPartition partition{topic, Partition(p)};
          const PartitionProgress& progress = probe_.seen[partition];
          if (progress.position == kNoOffset || progress.position != progress.last_stable ||
              progress.position != progress.high || progress.since_last_fetch >= kFreshFetch)
            return false;
          // The worker's own view of the end may be older than what it has written itself.
          MR_ASSIGN_OR_RETURN(const auto bounds, shared_.reader.Bounds(partition));
          if (progress.position < bounds.second) return false;
        }
      }
    }
    return true;
  }

  Status ReadPartition(const TopicPartition& partition, std::vector<TestOutputRecord>* out) {
    ChangelogReader& reader = shared_.reader;
    MR_ASSIGN_OR_RETURN(const auto bounds, reader.Bounds(partition));
    if (bounds.first >= bounds.second) return Status::Ok();
    MR_RETURN_IF_ERROR(reader.Add(partition, bounds.first));
    const auto end = shared_.clock.Steady() + kLongestRun;
    while (reader.Position(partition) < bounds.second) {
      if (shared_.clock.Steady() > end)
        return Status::Timeout(partition.ToString() + " cannot be read to its end");
      MR_ASSIGN_OR_RETURN(const auto blocks, reader.Poll(kPollWait));
      for (const auto& block : blocks) Append(*block, out);
    }
    return reader.Remove(partition);
  }

  void Append(const RecordBlock& block, std::vector<TestOutputRecord>* out) const {
    for (std::size_t i = 0; i < block.keys().size(); ++i) {
      TestOutputRecord read;
      read.partition = block.partition().partition;
      read.offset = Offset(block.offsets()[i]);
      if (!block.keys()[i].is_null()) read.key = block.keys()[i].view();
      if (!block.values()[i].is_null()) read.value = block.values()[i].view();
      read.timestamp = EventTime(block.timestamps_ms()[i]);
      for (const HeaderView& header : block.headers(static_cast<std::int64_t>(i))) {
        read.headers.emplace_back(header.name, Without(prefix_, std::string(header.value.view())));
      }
      out->push_back(std::move(read));
    }
  }

  const Shared shared_;
  const std::string prefix_;
  const TestDriverOptions options_;
  const std::string state_dir_;
  ManualClock clock_;
  InputProbe probe_;
  const std::unique_ptr<Cluster> cluster_;
  MetricRegistry metrics_;
  std::unique_ptr<ReadyPipeline> ready_;
  std::unique_ptr<StateRuntime> state_;
  TaskContext context_;
  std::unique_ptr<Worker> worker_;
  bool more_input_ = false;
  bool has_run_ = false;
};

}  // namespace

Result<std::unique_ptr<KafkaPlace>> KafkaPlace::Make(const std::string& bootstrap, std::string prefix) {
  auto place = std::unique_ptr<KafkaPlace>(new KafkaPlace(std::move(prefix)));
  KafkaClusterOptions options;
  options.clock = &place->clock_;
  options.client_id = "golden";
  options.properties = {{"bootstrap.servers", bootstrap}};
  MR_ASSIGN_OR_RETURN(place->cluster_, KafkaCluster::Make(std::move(options)));
  MR_RETURN_IF_ERROR(place->cluster_->WaitForBroker(Duration(30'000), nullptr));
  MR_ASSIGN_OR_RETURN(place->producer_, place->cluster_->MakeProducer(""));
  MR_RETURN_IF_ERROR(place->producer_->Init());
  MR_ASSIGN_OR_RETURN(place->reader_, place->cluster_->MakeChangelogReader());
  return place;
}

Result<std::unique_ptr<TestDriver>> KafkaPlace::MakeDriver(Plan plan, TestDriverOptions options) {
  const Shared shared{*cluster_, *producer_, *reader_, clock_};
  auto driver =
      std::make_unique<Driver>(shared, prefix_ + std::to_string(++drivers_) + "-", std::move(options));
  MR_RETURN_IF_ERROR(driver->SetUp(std::move(plan)));
  return std::unique_ptr<TestDriver>(std::move(driver));
}

}  // namespace millrace
