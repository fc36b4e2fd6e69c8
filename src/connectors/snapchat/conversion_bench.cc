// Events per CPU second from columns to the JSON that is sent: mapping by expressions, normalising and
// hashing three fields, checking, encoding. "items_per_second" is the figure of docs/performance.md.
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "columnar/record_block.h"
#include "connectors/snapchat/conversion_events.h"
#include "connectors/snapchat/conversion_mapping.h"
#include "expr/expr.h"

namespace millrace {
namespace {

constexpr std::int64_t kRows = 16'384;
constexpr std::int64_t kNowMs = 1'767'268'800'000;

std::shared_ptr<arrow::Array> Texts(const auto& text_of) {
  arrow::StringBuilder builder;
  for (std::int64_t row = 0; row < kRows; ++row) MR_CHECK(builder.Append(text_of(row)).ok());
  return *builder.Finish();
}

Batch Orders() {
  arrow::Int64Builder times;
  arrow::DoubleBuilder prices;
  RecordBlockBuilder block({"orders", Partition(0)});
  for (std::int64_t row = 0; row < kRows; ++row) {
    MR_CHECK(times.Append(kNowMs - row).ok());
    MR_CHECK(prices.Append(static_cast<double>(row % 1'000) / 4).ok());
    block.Append(Offset(row), kNowMs - row, {}, {});
  }
  const auto number = [](std::int64_t row) { return std::to_string(row); };
  const std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> columns = {
      {"kind", Texts([](std::int64_t row) { return row % 4 == 0 ? "purchase" : "page_view"; })},
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
  batch.event_time = std::static_pointer_cast<arrow::Int64Array>(*times.Finish());
  batch.block = block.Finish();
  batch.origin = {{"orders", Partition(0)}, Offset(0), Offset(kRows - 1)};
  return batch;
}

void Events(benchmark::State& state) {
  MR_CHECK(InitializeExpressions().ok());
  const Batch orders = Orders();
  ConversionMap map;
  for (const auto& [field, text] : {std::pair("event_name", "upper(kind)"), std::pair("em", "mail"),
                                    std::pair("ph", "phone"), std::pair("external_id", "customer")}) {
    map.values.emplace_back(field, *ParseExpr(text));
  }
  std::vector<BoundExpr> bound;
  arrow::FieldVector names;
  const std::vector<MappedField> mapped = *MapConversionFields(map, orders.data->schema());
  for (const MappedField& field : mapped) {
    bound.push_back(*BoundExpr::Bind(field.value, orders.data->schema()));
    names.push_back(arrow::field(field.path, bound.back().type()));
  }
  const auto schema = arrow::schema(std::move(names));
  const auto events = *ConversionEvents::Make(schema, {.action_source = "WEB"});
  ConversionBatch made;
  for (auto _ : state) {
    arrow::ArrayVector columns;
    for (const BoundExpr& value : bound) columns.push_back(value.Evaluate(*orders.data)->values);
    const Batch fields = orders.WithData(arrow::RecordBatch::Make(schema, kRows, std::move(columns)));
    MR_CHECK(events->Build(fields, EventTime(kNowMs), &made).ok());
    MR_CHECK(static_cast<std::int64_t>(made.rows.size()) == kRows);
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  state.counters["bytes_per_event"] = static_cast<double>(made.json.bytes.size()) / kRows;
}
BENCHMARK(Events)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

}  // namespace
}  // namespace millrace

BENCHMARK_MAIN();
