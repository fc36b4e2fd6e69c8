// Cost of a window per row: int64 keys, count, sum, min and max of an int64 column. Argument of the tumbling
// ones, which have one window open: number of keys. The streams have 10 k keys, and event time goes on by a
// second per batch of 16 k rows; they show that overlapping windows cost no more per row when the step gets
// shorter. Then the steps that remember without windows, in the same stream, by number of keys and with a
// checkpoint every 16 batches: what a row costs with everything but Kafka.

#include <random>

#include <arrow/api.h>
#include <benchmark/benchmark.h>

#include "env/file.h"
#include "expr/builder.h"
#include "expr/expr.h"
#include "millrace/user_aggregate.h"
#include "ops/changes.h"
#include "ops/deduplicate.h"
#include "ops/expire.h"
#include "ops/latest.h"
#include "ops/running.h"
#include "ops/window_aggregate.h"

namespace millrace {
namespace {

constexpr std::size_t kBatchRows = 16'384;
constexpr int kBatches = 64;
constexpr std::string_view kDirectory = "/tmp/millrace-ops-bench";

class Dropped final : public Output {
 public:
  Status Emit(Batch batch) override {
    rows += batch.num_rows();
    return Status::Ok();
  }
  Status Late(Batch, std::vector<std::int64_t>) override { return Status::Bug("no row is late"); }
  Status DeadLetter(const Batch&, std::vector<RowError>) override { return Status::Bug("no row fails"); }
  void CountFiltered(std::int64_t) override {}
  void CountAbsorbed(std::int64_t) override {}
  std::int64_t rows = 0;
};

std::shared_ptr<arrow::Int64Array> Int64s(std::vector<std::int64_t> values) {
  const auto rows = static_cast<std::int64_t>(values.size());
  return std::make_shared<arrow::Int64Array>(rows, arrow::Buffer::FromVector(std::move(values)));
}

std::shared_ptr<arrow::Schema> InputSchema() {
  return arrow::schema({arrow::field("k", arrow::int64()), arrow::field("v", arrow::int64())});
}

std::vector<Batch> RandomBatches(std::int64_t keys) {
  std::mt19937_64 random(1);
  std::vector<Batch> batches;
  for (int i = 0; i < kBatches; ++i) {
    std::vector<std::int64_t> key, value;
    for (std::size_t row = 0; row < kBatchRows; ++row) {
      key.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(keys)));
      value.push_back(static_cast<std::int64_t>(random() % 10'000));
    }
    Batch batch;
    batch.data = arrow::RecordBatch::Make(InputSchema(), static_cast<std::int64_t>(kBatchRows),
                                          {Int64s(std::move(key)), Int64s(std::move(value))});
    batch.event_time = Int64s(std::vector<std::int64_t>(kBatchRows, 1));
    batch.watermark_before = Int64s(std::vector<std::int64_t>(kBatchRows, 0));
    batch.watermark = Watermark(1);
    batches.push_back(std::move(batch));
  }
  return batches;
}

WindowAggregateOptions MinuteWindow() {
  WindowAggregateOptions options;
  options.name = "w";
  options.by = {"k"};
  options.size = Duration(60'000);
  for (const char* function : {"count", "sum", "min", "max"}) {
    const bool of_rows = std::string_view(function) == "count";
    options.aggregates.push_back({function, function, function});
    if (!of_rows) options.aggregates.back().argument = *BoundExpr::Bind(Col("v"), InputSchema());
  }
  return options;
}

/// An empty store that has room for all rows in memory.
struct EmptyStore {
  EmptyStore() {
    MR_CHECK(RemoveAll(std::string(kDirectory)).ok());
    runtime = *StateRuntime::Make(ByteCount(256 << 20));
    StateStoreOptions options;
    options.directory = kDirectory;
    options.max_rows_in_memory = 10'000'000;
    store = *StateStore::Open(options, *runtime);
  }
  StateStore& operator*() const { return *store; }
  StateStore* operator->() const { return store.get(); }

  std::unique_ptr<StateRuntime> runtime;
  std::unique_ptr<StateStore> store;
};

struct OpenWindow {
  explicit OpenWindow(std::int64_t keys, WindowAggregateOptions shape = MinuteWindow())
      : batches(RandomBatches(keys)) {
    window = *MakeWindowAggregate(std::move(shape), InputSchema(), *store);
    for (int i = 0; i < kBatches; ++i) Process();
  }
  void Process() { MR_CHECK(window->Process(batches[next++ % kBatches], output).ok()); }

  std::vector<Batch> batches;
  std::size_t next = 0;
  Dropped output;
  EmptyStore store;
  std::unique_ptr<Operator> window;
};

void TumblingCountSumMinMax(benchmark::State& state) {
  OpenWindow open(state.range(0));
  for (auto _ : state) open.Process();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}
BENCHMARK(TumblingCountSumMinMax)->Arg(10'000)->Arg(1'000'000);

/// sum() as a user writes it.
struct Total {
  static constexpr const char* kName = "total";
  using Argument = std::int64_t;
  struct State {
    std::int64_t sum = 0;
  };
  static void Update(State& state, std::span<const std::int64_t> values) {
    for (const std::int64_t value : values) state.sum += value;
  }
  static void Merge(State& into, const State& from) { into.sum += from.sum; }
  static std::int64_t Result(const State& state) { return state.sum; }
};

/// One aggregate; second argument: 0 built-in, 1 the user's.
void TumblingSum(benchmark::State& state) {
  WindowAggregateOptions shape = MinuteWindow();
  shape.aggregates = {shape.aggregates[1]};
  if (state.range(1) == 1)
    shape.aggregates[0].user = std::make_shared<const api_internal::CustomAggregate<Total>>(Total());
  OpenWindow open(state.range(0), std::move(shape));
  for (auto _ : state) open.Process();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}
BENCHMARK(TumblingSum)->ArgsProduct({{1, 100, 10'000, 1'000'000}, {0, 1}})->ArgNames({"keys", "user"});

void TumblingClosingByKey(benchmark::State& state) {
  WindowAggregateOptions shape = MinuteWindow();
  shape.closing = ClosingMode::kKey;
  OpenWindow open(state.range(0), std::move(shape));
  for (auto _ : state) open.Process();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}
BENCHMARK(TumblingClosingByKey)->Arg(10'000)->Arg(1'000'000);

/// Second argument: the trigger fires at so many rows of a key.
void TumblingTrigger(benchmark::State& state) {
  MR_CHECK(InitializeExpressions().ok());
  WindowAggregateOptions shape = MinuteWindow();
  shape.trigger = WindowTrigger{*ParseExpr("count >= " + std::to_string(state.range(1)))};
  OpenWindow open(state.range(0), std::move(shape));
  for (auto _ : state) open.Process();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}
BENCHMARK(TumblingTrigger)
    ->Args({10'000, 1'000'000'000})
    ->Args({10'000, 100})
    ->Args({10'000, 2})
    ->Args({100, 100})
    ->Args({100, 2})
    ->Args({1, 100})
    ->Args({1, 2});

/// Arguments: keys, and the windows of a row. The trigger does not fire.
void HoppingTrigger(benchmark::State& state) {
  MR_CHECK(InitializeExpressions().ok());
  WindowAggregateOptions shape = MinuteWindow();
  shape.kind = WindowKind::kHopping;
  shape.step = Duration(shape.size.count() / state.range(1));
  shape.trigger = WindowTrigger{*ParseExpr("count >= 1000000000")};
  OpenWindow open(state.range(0), std::move(shape));
  for (auto _ : state) open.Process();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}
BENCHMARK(HoppingTrigger)->Args({1'000, 10})->Args({1'000, 60});

/// Per row of a checkpoint: every key changed since the last one.
void Checkpoint(benchmark::State& state) {
  OpenWindow open(state.range(0));
  std::int64_t rows = 0;
  std::int64_t offset = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < kBatches; ++i) open.Process();
    rows += open.store->dirty_rows();
    state.ResumeTiming();
    MR_CHECK(open.store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    MR_CHECK(open.store->CommitDirty({{"w", Offset(++offset)}}).ok());
  }
  state.SetItemsProcessed(rows);
}
BENCHMARK(Checkpoint)->Arg(10'000)->Arg(1'000'000);

/// Per result row: a window of 10 k keys that closes.
void CloseWindow(benchmark::State& state) {
  OpenWindow open(state.range(0));
  std::int64_t watermark = 0;
  for (auto _ : state) {
    MR_CHECK(open.window->AdvanceTime(Watermark(watermark += 120'000), open.output).ok());
    state.PauseTiming();
    for (Batch& batch : open.batches) {
      batch.event_time = Int64s(std::vector<std::int64_t>(kBatchRows, watermark + 1));
      open.Process();
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(open.output.rows);
}
BENCHMARK(CloseWindow)->Arg(10'000);

/// All rows of the batch come at `now`, one second after those before.
void SetTime(std::int64_t now, Batch* batch) {
  batch->event_time = Int64s(std::vector<std::int64_t>(kBatchRows, now));
  batch->watermark_before = Int64s(std::vector<std::int64_t>(kBatchRows, now - 1'000));
  batch->watermark = Watermark(now);
}

/// A window over a stream in which time goes on, with everything that closes on the way.
void Stream(benchmark::State& state, WindowAggregateOptions shape) {
  const EmptyStore store;
  const WindowAggregateOptions minute = MinuteWindow();
  shape.name = minute.name;
  shape.by = minute.by;
  shape.aggregates = minute.aggregates;
  const auto window = *MakeWindowAggregate(shape, InputSchema(), *store);
  std::vector<Batch> batches = RandomBatches(10'000);
  Dropped output;
  std::int64_t now = 0;
  std::size_t next = 0;
  const auto process = [&] {
    Batch& batch = batches[next++ % batches.size()];
    now += 1'000;
    SetTime(now, &batch);
    MR_CHECK(window->Process(batch, output).ok());
    MR_CHECK(window->AdvanceTime(Watermark(now), output).ok());
  };
  while (now < 2 * shape.size.count()) process();  // until as much closes as begins
  output.rows = 0;
  for (auto _ : state) process();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
  state.counters["results"] =
      benchmark::Counter(static_cast<double>(output.rows), benchmark::Counter::kAvgIterations);
}

void StreamTumbling(benchmark::State& state) {
  WindowAggregateOptions shape;
  shape.size = Duration(state.range(0) * 1'000);
  Stream(state, std::move(shape));
}
BENCHMARK(StreamTumbling)->Arg(300)->ArgName("seconds");

/// Arguments: size in seconds, steps in it. With the same step, the same number of results comes out whatever
/// the size; a shorter step makes more of them, each of which costs.
void StreamHopping(benchmark::State& state) {
  WindowAggregateOptions shape;
  shape.kind = WindowKind::kHopping;
  shape.size = Duration(state.range(0) * 1'000);
  shape.step = shape.size / state.range(1);
  Stream(state, std::move(shape));
}
BENCHMARK(StreamHopping)
    ->Args({300, 1})
    ->Args({300, 2})
    ->Args({300, 10})
    ->Args({300, 100})
    ->Args({3, 1})
    ->Args({30, 10})
    ->Args({900, 300})
    ->ArgNames({"seconds", "steps"});

void StreamSession(benchmark::State& state) {
  WindowAggregateOptions shape;
  shape.kind = WindowKind::kSession;
  shape.size = Duration(state.range(0) * 1'000);
  Stream(state, std::move(shape));
}
BENCHMARK(StreamSession)->Arg(2)->ArgName("gap");

using MakeStep = Result<std::unique_ptr<Operator>> (*)(StateStore& store);

/// A step over a stream in which time goes on, checkpoints included.
void StreamStep(benchmark::State& state, MakeStep make, void (*set_time)(std::int64_t, Batch*) = SetTime) {
  constexpr std::size_t kBatchesPerCheckpoint = 16;
  const EmptyStore store;
  const auto step = *make(*store);
  std::vector<Batch> batches = RandomBatches(state.range(0));
  Dropped output;
  std::int64_t now = 0;
  std::size_t next = 0;
  const auto process = [&] {
    Batch& batch = batches[next++ % batches.size()];
    now += 1'000;
    set_time(now, &batch);
    MR_CHECK(step->Process(batch, output).ok());
    MR_CHECK(step->AdvanceTime(Watermark(now), output).ok());
    if (next % kBatchesPerCheckpoint != 0) return;
    MR_CHECK(store->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    MR_CHECK(store->CommitDirty({{"step", Offset(static_cast<std::int64_t>(next))}}).ok());
  };
  while (next < 2 * batches.size()) process();  // until as much expires as comes
  const std::int64_t before = output.rows;
  for (auto _ : state) process();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatchRows));
  state.counters["passed"] = static_cast<double>(output.rows - before) /
                             static_cast<double>(state.iterations() * static_cast<std::int64_t>(kBatchRows));
}

void StreamDeduplicate(benchmark::State& state) {
  StreamStep(state, [](StateStore& store) {
    return MakeDeduplicate({.name = "step", .by = {"k"}, .within = Duration(60'000)}, InputSchema(), &store);
  });
}
BENCHMARK(StreamDeduplicate)->Arg(10'000)->Arg(1'000'000)->ArgName("keys");

void StreamChanges(benchmark::State& state) {
  StreamStep(state, [](StateStore& store) {
    return MakeChanges({.name = "step", .by = {"k"}, .columns = {"v"}}, InputSchema(), &store);
  });
}
BENCHMARK(StreamChanges)->Arg(10'000)->Arg(1'000'000)->ArgName("keys");

void StreamRunning(benchmark::State& state) {
  StreamStep(state, [](StateStore& store) {
    const auto aggregates = MinuteWindow().aggregates;
    return MakeRunning({.name = "step", .by = {"k"}, .aggregates = aggregates}, InputSchema(), &store);
  });
}
BENCHMARK(StreamRunning)->Arg(10'000)->Arg(1'000'000)->ArgName("keys");

void StreamLatest(benchmark::State& state) {
  StreamStep(state, [](StateStore& store) {
    return MakeLatest({.name = "step", .by = {"k"}, .ttl = Duration(60'000)}, InputSchema(), &store);
  });
}
BENCHMARK(StreamLatest)->Arg(10'000)->Arg(1'000'000)->ArgName("keys");

std::shared_ptr<arrow::Schema> SchemaWithEnds() {
  return arrow::schema(
      {arrow::field("k", arrow::int64()), arrow::field("ends", arrow::timestamp(arrow::TimeUnit::MILLI))});
}

/// SetTime, and each row lives for a minute and up to a quarter of a second.
void SetTimeAndEnds(std::int64_t now, Batch* batch) {
  SetTime(now, batch);
  std::vector<std::int64_t> ends(kBatchRows);
  for (std::size_t i = 0; i < kBatchRows; ++i) ends[i] = now + 60'000 + static_cast<std::int64_t>(i % 256);
  const auto schema = SchemaWithEnds();
  const auto column =
      std::make_shared<arrow::TimestampArray>(schema->field(1)->type(), static_cast<std::int64_t>(kBatchRows),
                                              arrow::Buffer::FromVector(std::move(ends)));
  batch->data = arrow::RecordBatch::Make(schema, batch->num_rows(), {batch->data->column(0), column});
}

void StreamExpire(benchmark::State& state) {
  const auto make = [](StateStore& store) {
    return MakeExpire({.name = "step", .by = {"k"}}, *BoundExpr::Bind(Col("ends"), SchemaWithEnds()),
                      SchemaWithEnds(), &store);
  };
  StreamStep(state, make, SetTimeAndEnds);
}
BENCHMARK(StreamExpire)->Arg(10'000)->Arg(1'000'000)->ArgName("keys");

}  // namespace
}  // namespace millrace

BENCHMARK_MAIN();
