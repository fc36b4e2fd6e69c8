#include "engine/commands/demo_command.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "base/counted.h"
#include "base/log.h"
#include "connectors/kafka/kafka_cluster.h"
#include "engine/commands/bid_generator.h"
#include "engine/commands/demo_results.h"
#include "engine/commands/demo_view.h"
#include "engine/endpoints.h"
#include "engine/runner.h"
#include "engine/yaml/pipeline_file.h"
#include "env/environment.h"
#include "env/file.h"
#include "env/random.h"
#include "env/resource_usage.h"
#include "env/signals.h"
#include "env/thread.h"
#include "kafka/embedded_broker.h"

namespace millrace {
namespace {

constexpr Duration kGrace{1'000};
constexpr Duration kTick{20};
constexpr Duration kRefresh{200};
constexpr Duration kDrainTimeout{15'000};
constexpr Duration kStartTimeout{60'000};
constexpr std::int64_t kPriceLimitCents = 5'000;
/// The embedded broker keeps 5 MiB of a partition; this much of it is never exceeded.
constexpr std::int64_t kMaxLagPerPartition = 20'000;
constexpr const char* kResultTopic = "bids_per_window";

/// What the generator has done; read by other threads.
struct Generated {
  std::atomic<bool> begun{false};  ///< the pipeline has all partitions, and the first bid is due
  std::atomic<std::int64_t> sent{0};
  std::atomic<std::int64_t> broken{0};
  std::atomic<std::int64_t> above_limit{0};  ///< good bids that pass the filter
  std::atomic<std::int64_t> last_time_ms{0};
};

/// Everything that runs during a demo. Members are destroyed in reverse: threads end first.
struct Demo {
  explicit Demo(const DemoOptions& o) : options(o) {}

  ~Demo() {
    stop_generator.RequestStop();
    generator.Join();
    if (runner != nullptr) runner->Stop();
    pipeline.Join();
    if (!state_dir.empty()) (void)RemoveAll(state_dir).ok();
  }

  std::int64_t Lag() const { return generated.sent.load() - runner->status().records_in; }

  const DemoOptions options;
  const SystemClock clock;
  MetricRegistry metrics;
  std::unique_ptr<kafka::EmbeddedBroker> broker;
  std::unique_ptr<KafkaCluster> cluster;
  std::string state_dir;
  std::unique_ptr<PipelineRunner> runner;
  std::unique_ptr<DemoResults> results;
  std::unique_ptr<HttpServer> server;
  Generated generated;
  StopToken stop_generator;
  std::atomic<bool> pipeline_ended{false};
  std::atomic<bool> generator_ended{false};
  Status pipeline_status;   // of the pipeline thread, until it is joined
  Status generator_status;  // of the generator thread, until it is joined
  Thread pipeline;
  Thread generator;
};

/// Sends bids at the rate asked for, but never so many that the broker would drop unread ones.
Status Generate(Demo& demo) {
  MR_ASSIGN_OR_RETURN(const std::unique_ptr<Producer> producer, demo.cluster->MakeProducer(""));
  MR_RETURN_IF_ERROR(producer->Init());
  // While workers are still joining, partitions go from one to the other, and what is not committed is
  // repeated.
  while (!demo.runner->status().ready) {
    if (demo.stop_generator.WaitFor(kTick)) return Status::Ok();
  }
  const DemoOptions& options = demo.options;
  BidGenerator bids(
      {options.seed, options.keys, options.late_fraction, options.lateness, options.broken_fraction});
  const std::int64_t max_lag = kMaxLagPerPartition * options.partitions;
  const std::int64_t per_tick_limit = std::max<std::int64_t>(1, options.rate * kTick.count() / 1000);
  double due = 0;
  auto last = demo.clock.Steady();
  demo.generated.begun = true;
  while (!demo.stop_generator.WaitFor(kTick)) {
    const auto now = demo.clock.Steady();
    due += std::chrono::duration<double>(now - last).count() * static_cast<double>(options.rate);
    last = now;
    const auto room = static_cast<double>(max_lag - demo.Lag());
    due = std::min({due, static_cast<double>(per_tick_limit * 10), std::max(0.0, room)});
    for (; due >= 1; due -= 1) {
      const EventTime time = demo.clock.Now();
      const Bid& bid = bids.Next(time);
      OutgoingRecord record;
      record.topic = "bids";
      record.key = BytesView::Of(bid.key);
      record.value = BytesView::Of(bid.value);
      record.timestamp_ms = time.value();
      MR_RETURN_IF_ERROR(producer->Send(record));
      ++demo.generated.sent;
      if (bid.broken) {
        ++demo.generated.broken;
      } else if (bid.price_cents > kPriceLimitCents) {
        ++demo.generated.above_limit;
        demo.generated.last_time_ms = std::max(demo.generated.last_time_ms.load(), bid.time.value());
      }
    }
  }
  return producer->Flush();
}

Status Start(Demo& demo) {
  const DemoOptions& options = demo.options;
  MR_ASSIGN_OR_RETURN(demo.broker, kafka::EmbeddedBroker::Start(demo.clock));
  for (const char* topic : {"bids", kResultTopic, "bids_dead_letters"}) {
    MR_RETURN_IF_ERROR(demo.broker->CreateTopic(topic, options.partitions));
  }
  KafkaClusterOptions cluster;
  cluster.clock = &demo.clock;
  cluster.metrics = &demo.metrics;
  cluster.embedded = demo.broker.get();
  MR_ASSIGN_OR_RETURN(demo.cluster, KafkaCluster::Make(std::move(cluster)));
  demo.state_dir = GetEnv("TMPDIR").value_or("/tmp") + "/millrace-demo-" + RandomId(4);
  const std::string yaml = DemoPipeline(options, demo.broker->bootstrap(), demo.state_dir);
  MR_ASSIGN_OR_RETURN(PipelineFile file, ReadPipelineText("demo.yaml", yaml, {}));
  RunnerOptions runner;
  runner.cluster = demo.cluster.get();
  runner.clock = &demo.clock;
  runner.metrics = &demo.metrics;
  runner.state_dir = demo.state_dir;
  MR_ASSIGN_OR_RETURN(demo.runner, PipelineRunner::Make(file.plan, runner));
  MR_ASSIGN_OR_RETURN(demo.results, DemoResults::Make(*demo.cluster, kResultTopic, options.partitions));
  demo.pipeline = Thread("pipeline", [&demo] {
    demo.pipeline_status = demo.runner->Run();
    demo.pipeline_ended = true;
  });
  demo.generator = Thread("bids", [&demo] {
    demo.generator_status = Generate(demo);
    demo.generator_ended = true;
  });
  return Status::Ok();
}

Status Serve(Demo& demo) {
  if (demo.options.http.empty()) return Status::Ok();
  MR_ASSIGN_OR_RETURN(demo.server,
                      ServeEndpoints(demo.options.http, demo.metrics, [&demo] { return demo.runner.get(); }));
  return Status::Ok();
}

/// Waits for the first bid: the time that workers take to join is not time of `--duration`.
Status AwaitBegin(Demo& demo, const StopToken& stop) {
  const auto deadline = demo.clock.Steady() + kStartTimeout;
  const auto over = [&] { return stop.stop_requested() || demo.pipeline_ended || demo.generator_ended; };
  while (!demo.generated.begun && !over()) {
    if (demo.clock.Steady() > deadline) {
      return Status::Timeout("the pipeline did not get all partitions within " +
                             FormatDuration(kStartTimeout) + "; `--log-level info` shows what it waits for");
    }
    stop.WaitFor(kTick);
  }
  return Status::Ok();
}

/// Shows what happens until `until` says so, the user stops, or the pipeline ends.
template <typename Until>
Status Watch(Demo& demo, DemoView& view, const StopToken& stop, Until until) {
  std::int64_t records_before = demo.runner->status().records_in;
  auto before = demo.clock.Steady();
  while (!until() && !stop.stop_requested() && !demo.pipeline_ended) {
    MR_RETURN_IF_ERROR(demo.results->Poll(Duration(10)));
    if (stop.WaitFor(kRefresh)) break;
    const auto now = demo.clock.Steady();
    const RunnerStatus status = demo.runner->status();
    const double seconds = std::chrono::duration<double>(now - before).count();
    view.Show({static_cast<double>(status.records_in - records_before) / seconds, demo.Lag(), status},
              *demo.results);
    records_before = status.records_in;
    before = now;
  }
  return Status::Ok();
}

/// True when everything generated is processed and the last window closed.
bool Drained(Demo& demo) {
  if (demo.Lag() > 0) return false;
  const RunnerStatus status = demo.runner->status();
  const std::int64_t window = demo.options.window.count();
  const std::int64_t last_end = (demo.generated.last_time_ms.load() / window + 1) * window;
  if (!status.watermark || status.watermark->value() < last_end + kGrace.count()) return false;
  return demo.results->bids() + status.rows_late >= demo.generated.above_limit.load();
}

void SumUp(Demo& demo, double seconds, std::ostream& out) {
  const RunnerStatus status = demo.runner->status();
  const Generated& generated = demo.generated;
  const ResourceUsage usage = GetResourceUsage();
  const auto windows = static_cast<std::int64_t>(demo.results->windows().size());
  const auto count = [](std::int64_t number, std::string_view one) {
    return WithThousands(number) + " " + Noun(number, one);
  };
  out << "\n"
      << count(generated.sent, "bid") << " generated and " << WithThousands(status.records_in)
      << " processed in " << static_cast<std::int64_t>(seconds) << " s, with "
      << WithThousands(static_cast<std::int64_t>(usage.cpu_s() * 1000))
      << " ms of CPU for broker, generator and pipeline and " << FormatByteSize(usage.resident_peak)
      << " of memory\n"
      << count(windows, "window") << " closed with " << count(demo.results->rows(), "result row") << "; "
      << count(status.rows_late, "late row") << ", " << count(status.dead_letters, "dead letter") << ", "
      << count(status.commits, "commit") << "\n";
}

/// Every good bid above the limit must be in a window or late.
bool Check(Demo& demo, std::ostream& out) {
  const RunnerStatus status = demo.runner->status();
  const std::int64_t want = demo.generated.above_limit;
  const std::int64_t got = demo.results->bids() + status.rows_late;
  const bool dead = status.dead_letters == demo.generated.broken;
  out << "checked: " << WithThousands(want) << " " << Noun(want, "bid")
      << " above 50 = " << WithThousands(demo.results->bids()) << " in closed windows + "
      << WithThousands(status.rows_late) << " late; " << WithThousands(demo.generated.broken) << " "
      << Noun(demo.generated.broken.load(), "broken record") << " = " << WithThousands(status.dead_letters)
      << " " << Noun(status.dead_letters, "dead letter") << "\n";
  if (want == got && dead) return true;
  out << "these numbers should be equal: please report this\n";
  return false;
}

void Introduce(const Demo& demo, std::ostream& out) {
  out << "Embedded broker at " << demo.broker->bootstrap() << " (real Kafka protocol: kcat -b "
      << demo.broker->bootstrap() << " -t " << kResultTopic << ")\n"
      << "Guarantee: at_least_once, because the embedded broker has no real transactions; on Apache "
         "Kafka\n"
      << "the default is exactly_once. The pipeline file: millrace demo --print\n\n";
}

Exit RunDemo(Demo& demo, CommandIo& io, const StopToken& stop) {
  if (const Status status = Start(demo); !status.ok()) return Report(io, status, Exit::kFailed);
  if (const Status status = Serve(demo); !status.ok()) return Report(io, status, Exit::kUsage);
  Introduce(demo, io.out);
  DemoView view(io, kGrace);
  Status status = AwaitBegin(demo, stop);
  const auto begin = demo.clock.Steady();
  const auto passed = [&] { return demo.clock.Steady() - begin; };
  const Duration duration = demo.options.duration;
  if (status.ok())
    status = Watch(demo, view, stop,
                   [&] { return demo.generator_ended || (duration.count() > 0 && passed() > duration); });
  const double seconds = std::chrono::duration<double>(passed()).count();
  demo.stop_generator.RequestStop();
  demo.generator.Join();
  if (status.ok()) status = demo.generator_status;
  const auto deadline = demo.clock.Steady() + kDrainTimeout + demo.options.window;
  const auto drained = [&] { return Drained(demo); };
  if (status.ok())
    status = Watch(demo, view, stop, [&] { return drained() || demo.clock.Steady() > deadline; });
  view.Finish();
  if (status.ok() && demo.pipeline_ended) {
    demo.pipeline.Join();
    status = demo.pipeline_status;
  }
  if (!status.ok()) return Report(io, status, Exit::kFailed);
  SumUp(demo, seconds, io.out);
  const bool complete = stop.stop_requested() || Check(demo, io.out);
  if (demo.options.keep && !stop.stop_requested()) {
    io.out << "broker and pipeline go on until Ctrl-C: " << demo.broker->bootstrap() << std::endl;
    stop.Wait();
  }
  return complete ? Exit::kOk : Exit::kFailed;
}

}  // namespace

std::string DemoPipeline(const DemoOptions& options, const std::string& broker,
                         const std::string& state_dir) {
  return "name: demo-bids\n"
         "kafka:\n"
         "  bootstrap.servers: " +
         broker +
         "\n"
         "guarantee: at_least_once            # the embedded broker has no real transactions\n"
         "commit_interval: 500ms\n"
         "workers: " +
         std::to_string(options.workers) +
         "\n"
         "state_dir: " +
         state_dir +
         "\n"
         "idle_after: 1s\n"
         "dead_letter: {topic: bids_dead_letters}\n"
         "source:\n"
         "  topic: bids\n"
         "  format: json\n"
         "  key: auction                      # the message key is this column: no repartition needed\n"
         "  timestamp: ts                     # event time\n"
         "  schema: {ts: timestamp[ms], auction: int64, bidder: int64, price: double}\n"
         "steps:\n"
         "  - filter: price > 50\n"
         "  - with: {revenue: price * 1.2}\n"
         "  - window:\n"
         "      by: [auction]\n"
         "      tumbling: " +
         FormatDuration(options.window) +
         "\n"
         "      grace: " +
         FormatDuration(kGrace) +
         "\n"
         "      aggregate: {bids: count(), total: sum(revenue), best: max(price)}\n"
         "sinks:\n"
         "  - topic: " +
         std::string(kResultTopic) +
         "\n"
         "    format: json\n"
         "    key: auction\n";
}

Exit DemoCommand(const DemoOptions& options, CommandIo& io) {
  if (options.window.count() <= 0) {
    return Report(io, Status::InvalidArgument("--window must be longer than 0"), Exit::kUsage);
  }
  if (options.print) {
    io.out << DemoPipeline(options, "localhost:9092", "./state");
    return Exit::kOk;
  }
  // The table is the log, and lateness is on purpose.
  if (!io.log_is_chosen) ConfigureLog(LogFormat::kText, LogLevel::kError);
  const ShutdownSignal shutdown;
  Demo demo(options);
  return RunDemo(demo, io, shutdown.token());
}

}  // namespace millrace
