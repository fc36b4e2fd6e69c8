// Events per CPU second from columns to the JSON that is sent: mapping by expressions, normalising and
// hashing three fields, checking, encoding; then with the state that tells repeats, by event_id and by
// order_id (of a quarter of the events), with a checkpoint every 16 batches of 16,384 rows and with
// everything that is forgotten: what an event costs with everything but Kafka and HTTP. Arguments: by how
// much event time goes on from batch to batch, so how many are remembered (hours), and that every n-th event
// repeats one of the batch before (repeats; 0: none does). "items_per_second" is the figure of
// docs/performance.md.
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "columnar/record_block.h"
#include "compile/snapchat_sinks.h"
#include "connectors/snapchat/conversion_events.h"
#include "env/file.h"
#include "expr/expr.h"
#include "plan/state_names.h"

namespace millrace {
namespace {

constexpr std::int64_t kRows = 16'384;
constexpr std::int64_t kStartMs = 1'767'268'800'000;
constexpr std::int64_t kBatchesPerCheckpoint = 16;
constexpr std::int64_t kHoursRemembered = 24LL * (37 + 30);  // orders, until their slice is forgotten
constexpr const char* kDirectory = "/tmp/millrace-conversion-bench";

std::shared_ptr<arrow::Array> Texts(const auto& text_of) {
  arrow::StringBuilder builder;
  for (std::int64_t row = 0; row < kRows; ++row) MR_CHECK(builder.Append(text_of(row)).ok());
  return *builder.Finish();
}

Batch Orders() {
  arrow::DoubleBuilder prices;
  RecordBlockBuilder block({"orders", Partition(0)});
  for (std::int64_t row = 0; row < kRows; ++row) {
    MR_CHECK(prices.Append(static_cast<double>(row % 1'000) / 4).ok());
    block.Append(Offset(row), kStartMs - row, {}, {});
  }
  const auto number = [](std::int64_t row) { return std::to_string(row); };
  const std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> columns = {
      {"kind", Texts([](std::int64_t row) { return row % 4 == 0 ? "purchase" : "page_view"; })},
      {"event_id", Texts(number)},
      {"order_id", Texts(number)},
      {"mail", Texts([&](std::int64_t row) { return "Person." + number(row) + "@Example.com"; })},
      {"phone", Texts([&](std::int64_t row) { return "+1 (415) 555-" + number(1'000 + row % 9'000); })},
      {"customer", Texts([&](std::int64_t row) { return "customer-" + number(row); })},
      {"event_source_url",
       Texts([&](std::int64_t row) { return "https://shop.example.com/item/" + number(row); })},
      {"currency", Texts([](std::int64_t) { return "EUR"; })},
      {"client_user_agent",
       Texts([](std::int64_t) { return "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"; })},
      {"value", *prices.Finish()}};
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : columns) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
  Batch batch;
  batch.data = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), kRows, std::move(arrays));
  batch.block = block.Finish();
  batch.origin = {{"orders", Partition(0)}, Offset(0), Offset(kRows - 1)};
  return batch;
}

SnapchatConversionsSink Sink() {
  SnapchatConversionsSink sink;
  sink.pixel_id = "pixel";
  for (const auto& [field, text] : {std::pair("event_name", "upper(kind)"), std::pair("em", "mail"),
                                    std::pair("ph", "phone"), std::pair("external_id", "customer")}) {
    sink.map.emplace_back(field, PlanExpr{.expr = *ParseExpr(text), .location = {}});
  }
  return sink;
}

/// Keeps what comes out of a step.
class Passed final : public Output {
 public:
  Status Emit(Batch out) override {
    batch = std::move(out);
    return Status::Ok();
  }
  Status Late(Batch, std::vector<std::int64_t>) override { return Status::Bug("no row is late"); }
  Status DeadLetter(const Batch&, std::vector<RowError>) override { return Status::Bug("no row fails"); }
  void CountFiltered(std::int64_t) override {}
  void CountAbsorbed(std::int64_t) override {}
  Batch batch;
};

/// The steps in front of a sink, with their state, and what the sink sends.
class Events {
 public:
  Events(SnapchatDeduplicate deduplicate, std::int64_t hours) : between_(hours * 3'600'000) {
    MR_CHECK(InitializeExpressions().ok());
    MR_CHECK(RemoveAll(kDirectory).ok());
    store_ = *StateStore::Open({.directory = kDirectory, .layout = {}, .identity = {}}, *runtime_);
    SnapchatConversionsSink sink = Sink();
    sink.deduplicate = deduplicate;
    fields_ = *MakeSinkFields(sink, orders_.data->schema());
    repeats_ = *MakeSinkRepeats(sink, "s", fields_->output_schema(), store_.get(), clock_);
    const auto& last = repeats_ == nullptr ? fields_ : repeats_;
    events_ = *ConversionEvents::Make(last->output_schema(), {.action_source = "WEB"});
  }

  /// The next batch: other ids, but for those of each `repeats`-th row.
  void Next(std::int64_t repeats) {
    const std::int64_t first = kRows * ++batches_;
    const auto id = Texts([&](std::int64_t row) {
      const bool is_repeat = repeats > 0 && row % repeats == 0;
      return std::to_string(first + row - (is_repeat ? kRows - 4 : 0));
    });
    arrow::ArrayVector columns = orders_.data->columns();
    for (const char* name : {"event_id", "order_id"})
      columns[static_cast<std::size_t>(orders_.data->schema()->GetFieldIndex(name))] = id;
    orders_.data = arrow::RecordBatch::Make(orders_.data->schema(), kRows, std::move(columns));
    orders_.watermark = Watermark(clock_.Now().value());
    clock_.Advance(between_);
    arrow::Int64Builder times;
    for (std::int64_t row = 0; row < kRows; ++row) MR_CHECK(times.Append(clock_.Now().value() - row).ok());
    orders_.event_time = std::static_pointer_cast<arrow::Int64Array>(*times.Finish());
  }

  void Process() {
    Passed out;
    MR_CHECK(fields_->Process(orders_, out).ok());
    if (repeats_ != nullptr) MR_CHECK(repeats_->Process(std::move(out.batch), out).ok());
    MR_CHECK(events_->Build(out.batch, clock_.Now(), &made).ok());
    if (repeats_ == nullptr) return;
    MR_CHECK(repeats_->AdvanceTime(Watermark(clock_.Now().value()), out).ok());
    if (batches_ % kBatchesPerCheckpoint != 0) return;
    MR_CHECK(store_->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    MR_CHECK(store_->CommitDirty({{EventsTable("s"), Offset(batches_)}, {OrdersTable("s"), Offset(batches_)}})
                 .ok());
  }

  ConversionBatch made;

 private:
  const Duration between_;
  const std::unique_ptr<StateRuntime> runtime_ = *StateRuntime::Make(ByteCount(256 << 20));
  ManualClock clock_{EventTime(kStartMs)};
  Batch orders_ = Orders();
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<Operator> fields_;
  std::unique_ptr<Operator> repeats_;
  std::unique_ptr<ConversionEvents> events_;
  std::int64_t batches_ = 0;
};

void Measure(benchmark::State& state, Events* events, std::int64_t repeats) {
  std::int64_t sent = 0;
  for (auto _ : state) {
    state.PauseTiming();
    events->Next(repeats);
    state.ResumeTiming();
    events->Process();
    sent += static_cast<std::int64_t>(events->made.rows.size());
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  state.counters["sent"] = static_cast<double>(sent) / static_cast<double>(state.iterations() * kRows);
  state.counters["bytes_per_event"] =
      static_cast<double>(events->made.json.bytes.size()) / static_cast<double>(events->made.json.num_rows());
}

void AllEvents(benchmark::State& state) {
  Events events({.event_id = std::nullopt, .order_id = std::nullopt}, 6);
  Measure(state, &events, 0);
}
BENCHMARK(AllEvents)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->Iterations(128);

void EventsOnce(benchmark::State& state) {
  Events events({}, state.range(0));
  for (std::int64_t hours = 0; hours < kHoursRemembered; hours += state.range(0)) {
    events.Next(state.range(1));
    events.Process();
  }
  Measure(state, &events, state.range(1));
}
BENCHMARK(EventsOnce)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->Iterations(128)
    ->Args({48, 0})
    ->Args({6, 0})
    ->Args({6, 10})
    ->ArgNames({"hours", "repeats"});

}  // namespace
}  // namespace millrace

BENCHMARK_MAIN();
