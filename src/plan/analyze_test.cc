#include <algorithm>
#include <functional>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"
#include "plan/aggregate_type.h"
#include "plan/plan.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::shared_ptr<arrow::Schema> InputSchema() {
  arrow::FieldVector fields;
  for (const auto& [name, type] :
       std::initializer_list<std::pair<const char*, const char*>>{{"ts", "timestamp[ms, rfc3339]"},
                                                                  {"k", "string not null"},
                                                                  {"i", "int32"},
                                                                  {"x", "float64"},
                                                                  {"tags", "list<string>"},
                                                                  {"o", "struct<a: int64>"}}) {
    fields.push_back(*ParseField(name, type));
  }
  return arrow::schema(fields);
}

PlanExpr E(std::string_view text) { return {*ParseExpr(text), {"f.yaml", 9, 3}}; }

/// source -> `op` -> console, at known lines.
Plan PlanWith(decltype(PlanNode::op) op) {
  Plan plan;
  plan.name = "p";
  plan.nodes.resize(3);
  KafkaSource source;
  source.topic = "in";
  source.schema = InputSchema();
  plan.nodes[0].op = source;
  plan.nodes[1].op = std::move(op);
  plan.nodes[1].inputs = {0};
  plan.nodes[1].location = {"f.yaml", 7, 5};
  plan.nodes[2].op = SinkNode{std::nullopt, ConsoleSink{}};
  plan.nodes[2].inputs = {1};
  return plan;
}

std::string SchemaAfter(decltype(PlanNode::op) op) {
  const auto analyzed = AnalyzePlan(PlanWith(std::move(op)));
  return analyzed.ok() ? SchemaText(*analyzed->schemas[1]) : analyzed.status().message();
}

std::string ErrorOf(Plan plan) {
  const auto analyzed = AnalyzePlan(std::move(plan));
  return analyzed.ok() ? "no error" : analyzed.status().message();
}

WindowStep Window(const std::vector<std::pair<std::string, std::string>>& aggregates) {
  WindowStep window;
  window.by = {"k"};
  window.size = Duration(1000);
  for (const auto& [name, call] : aggregates)
    window.aggregates.push_back({name, *ParseAggregateCall(call), {}});
  return window;
}

TEST(AnalyzePlan, EveryStepGivesTheSchemaItEmits) {
  constexpr const char* kAll =
      "{ts: timestamp[ms, rfc3339], k: string not null, i: int32, x: float64, tags: list<string>, o: "
      "struct<a: int64>}";
  EXPECT_EQ(SchemaAfter(FilterStep{E("x > 1")}), kAll);
  EXPECT_EQ(SchemaAfter(GroupByStep{{"k", "i"}, NullKey::kError}), kAll);
  EXPECT_EQ(SchemaAfter(WithStep{{{"x", E("x * 2 > 3")}, {"y", E("i + 1")}, {"k2", E("k")}}}),
            "{ts: timestamp[ms, rfc3339], k: string not null, i: int32, x: bool, tags: list<string>, "
            "o: struct<a: int64>, y: int64, k2: string not null}");
  EXPECT_EQ(SchemaAfter(SelectStep{{{"when", E("ts")}, {"a", E("o.a")}}}),
            "{when: timestamp[ms, rfc3339], a: int64}");
  EXPECT_EQ(SchemaAfter(DropStep{{"ts", "tags", "o"}}), "{k: string not null, i: int32, x: float64}");
  EXPECT_EQ(SchemaAfter(RenameStep{{{"i", "x"}, {"x", "i"}}}),
            "{ts: timestamp[ms, rfc3339], k: string not null, x: int32, i: float64, tags: list<string>, "
            "o: struct<a: int64>}");
  EXPECT_EQ(SchemaAfter(CastStep{{{"i", arrow::utf8()}}}),
            "{ts: timestamp[ms, rfc3339], k: string not null, i: string, x: float64, tags: list<string>, "
            "o: struct<a: int64>}");
  EXPECT_THAT(SchemaAfter(ExplodeStep{"tags"}), HasSubstr("tags: string, o:"));
}

// W7
TEST(AnalyzePlan, AWindowGivesKeysBoundsAndAggregates) {
  EXPECT_EQ(
      SchemaAfter(Window({{"n", "count()"}, {"s", "sum(i)"}, {"m", "mean(i)"}, {"f", "first(k)"}})),
      "{k: string not null, window_start: timestamp[ms], window_end: timestamp[ms], n: int64, s: int64, "
      "m: float64, f: string}");
  WindowStep current = Window({{"n", "count(x)"}});
  current.emit = WindowEmit::kCurrent;
  EXPECT_EQ(
      SchemaAfter(current),
      "{k: string not null, window_start: timestamp[ms], window_end: timestamp[ms], n: int64, final: bool}");
}

// W6
TEST(AnalyzePlan, AggregatesHaveTheTypesOfTheirResults) {
  EXPECT_EQ(
      SchemaAfter(Window({{"d", "stddev(i)"},
                          {"q", "quantile(x, 0.5)"},
                          {"u", "count_distinct(k) where x > 1"},
                          {"t", "top_k(i, 3)"},
                          {"c", "collect(k)"},
                          {"a", "argmax(k, x)"},
                          {"n", "count() where x > 1"}})),
      "{k: string not null, window_start: timestamp[ms], window_end: timestamp[ms], d: float64, q: float64, "
      "u: int64, t: list<int32>, c: list<string>, a: string, n: int64}");
  EXPECT_THAT(ErrorOf(PlanWith(Window({{"d", "stddev(k)"}}))),
              HasSubstr("stddev() takes an integer or double, not string"));
  EXPECT_THAT(ErrorOf(PlanWith(Window({{"c", "collect(tags)"}}))),
              HasSubstr("collect() takes a number, string"));
  EXPECT_THAT(ErrorOf(PlanWith(Window({{"a", "argmin(k, tags)"}}))),
              HasSubstr("argmin() takes a number, string"));
}

// W6
TEST(AnalyzePlan, WhatIsWrongWithTheConditionOfAnAggregateIsSaidOnce) {
  const auto no_condition = [](const std::string& where, const std::string& type) {
    return "f.yaml:7:5: window 'window-1': 'where' of an aggregate must be true or false, but '" + where +
           "' is " + type;
  };
  const std::pair<const char*, std::string> cases[] = {
      {"sum(x) where i", no_condition("i", "int32")},
      {"count() where i", no_condition("i", "int32")},
      {"first(k) where k", no_condition("k", "string")},
      {"sum(x) where y > 1",
       "f.yaml:7:5: window 'window-1': unknown column 'y' (did you mean 'k'?) at character 14"},
      {"sum(k) where i", no_condition("i", "int32") + "\nf.yaml:7:5: window 'window-1': 'n': sum() takes an "
                                                      "integer, double or decimal, not string"},
  };
  for (const auto& [call, error] : cases) EXPECT_EQ(ErrorOf(PlanWith(Window({{"n", call}}))), error) << call;
}

// W4
TEST(AnalyzePlan, WindowsWithoutAMeaningAreRefused) {
  WindowStep hopping = Window({{"n", "count()"}});
  hopping.shape = WindowShape::kHopping;
  hopping.step = Duration(2000);
  EXPECT_THAT(ErrorOf(PlanWith(hopping)),
              HasSubstr("'step' of 'hopping' must be longer than 0 and at most its size"));
  WindowStep session = Window({{"n", "count()"}});
  session.shape = WindowShape::kSession;
  session.offset = Duration(1);
  EXPECT_THAT(ErrorOf(PlanWith(session)), HasSubstr("'offset' has no meaning for session windows"));
  session.offset = Duration(0);
  session.closing = WindowClosing::kKey;  // W5
  EXPECT_TRUE(AnalyzePlan(PlanWith(session)).ok());
  session.shape = WindowShape::kSliding;
  EXPECT_THAT(ErrorOf(PlanWith(session)),
              HasSubstr("'closing: key' is for tumbling, hopping and session windows"));
  WindowStep count = Window({{"n", "count()"}});
  count.shape = WindowShape::kCount;
  EXPECT_THAT(ErrorOf(PlanWith(count)), HasSubstr("'size' of 'count' must be at least 1"));
}

// W3
TEST(AnalyzePlan, RunningResultsAreOfAtMostAThousandWindowsPerRow) {
  const auto current = [](WindowShape shape, std::int64_t size, std::int64_t step) {
    WindowStep window = Window({{"n", "count()"}});
    window.emit = WindowEmit::kCurrent;
    window.shape = shape;
    window.size = Duration(size);
    window.step = Duration(step);
    window.count = size;
    window.count_step = step;
    return window;
  };
  const std::int64_t month = 30LL * 86'400'000;
  const std::string begin =
      "'emit: current' gives a result of each window that a row is in, and here these are ";
  const struct {
    WindowStep window;
    std::string error;
  } cases[] = {
      {current(WindowShape::kHopping, 1000, 1), "no error"},
      {current(WindowShape::kHopping, 1001, 1), begin + "1001; choose a step of at least 2ms"},
      {current(WindowShape::kHopping, month, 1), begin + "2592000000; choose a step of at least 43m12s"},
      {current(WindowShape::kCount, 1000, 1), "no error"},
      {current(WindowShape::kCount, 3000, 1), begin + "3000; choose a step of at least 3,"},
      {current(WindowShape::kSliding, month, 0), "no error"},
      {current(WindowShape::kTumbling, month, 0), "no error"},
  };
  for (const auto& c : cases) EXPECT_THAT(ErrorOf(PlanWith(c.window)), HasSubstr(c.error));
  WindowStep by_key = current(WindowShape::kHopping, month, 1);
  by_key.closing = WindowClosing::kKey;
  EXPECT_THAT(ErrorOf(PlanWith(by_key)), HasSubstr(begin));
  by_key.emit = WindowEmit::kFinal;
  EXPECT_TRUE(AnalyzePlan(PlanWith(by_key)).ok());
}

WindowStep Triggered(const std::string& when) {
  WindowStep window = Window({{"n", "count()"}, {"total", "sum(x)"}});
  window.trigger = WindowTriggerSpec{E(when), false, {"f.yaml", 3, 7}};
  return window;
}

// W10
TEST(AnalyzePlan, ATriggerSeesTheColumnsOfTheResult) {
  for (const std::string when : {"total > 5 and n >= 2", "k = 'a'", "window_end > window_start", "null"}) {
    EXPECT_TRUE(AnalyzePlan(PlanWith(Triggered(when))).ok()) << when;
  }
  EXPECT_THAT(ErrorOf(PlanWith(Triggered("totl > 5"))),
              HasSubstr("unknown column 'totl' (did you mean 'total'?)"));
  EXPECT_THAT(ErrorOf(PlanWith(Triggered("x > 5"))), HasSubstr("unknown column 'x'"));
  EXPECT_THAT(ErrorOf(PlanWith(Triggered("n + 1"))),
              HasSubstr("'when' of a trigger must be true or false, but 'n + 1' is int64"));
  WindowStep current = Triggered("final");
  current.emit = WindowEmit::kCurrent;
  EXPECT_THAT(ErrorOf(PlanWith(current)), HasSubstr("unknown column 'final'"));
}

// W10
TEST(AnalyzePlan, WindowsThatCanHaveNoTriggerSayWhatToUse) {
  const std::pair<WindowShape, const char*> cases[] = {
      {WindowShape::kHopping,
       "here these are 1001; choose a step of at least 2ms, so that they are at most 1000"},
      {WindowShape::kSliding,
       "each event time has one of its own with the rows before it already in it, so none begins anew; use "
       "'emit: current' and a filter behind the window, or hopping"},
      {WindowShape::kCount,
       "here these are 3000; choose a step of at least 3, so that they are at most 1000"},
  };
  for (const auto& [shape, expected] : cases) {
    WindowStep window = Triggered("n > 1");
    window.shape = shape;
    window.size = Duration(1001);
    window.step = Duration(1);
    window.count = 3000;
    window.count_step = 1;
    EXPECT_THAT(ErrorOf(PlanWith(window)), HasSubstr(std::string("f.yaml:3:7: ") + "window 'window-1': "))
        << expected;
    EXPECT_THAT(ErrorOf(PlanWith(window)), HasSubstr(expected));
  }
}

// W10
TEST(AnalyzePlan, TheOthersCanHaveATrigger) {
  for (const WindowShape shape :
       {WindowShape::kTumbling, WindowShape::kHopping, WindowShape::kSession, WindowShape::kCount}) {
    WindowStep window = Triggered("n > 1");
    window.shape = shape;
    window.size = Duration(1000);
    window.step = Duration(1);
    window.count = 1000;
    window.count_step = 1;
    EXPECT_TRUE(AnalyzePlan(PlanWith(window)).ok()) << static_cast<int>(shape);
    if (shape != WindowShape::kCount) window.closing = WindowClosing::kKey;
    EXPECT_TRUE(AnalyzePlan(PlanWith(window)).ok()) << static_cast<int>(shape);
  }
}

TEST(AnalyzePlan, KeepingUnknownFieldsAddsAColumn) {
  Plan plan = PlanWith(FilterStep{E("_extra is not null")});
  std::get<KafkaSource>(plan.nodes[0].op).extra = "keep";
  const auto analyzed = AnalyzePlan(plan);
  ASSERT_TRUE(analyzed.ok()) << analyzed.status().message();
  EXPECT_THAT(SchemaText(*analyzed->schemas[0]), HasSubstr("_extra: json}"));
}

TEST(AnalyzePlan, MistakesOfStepsNamePlaceStepAndRemedy) {
  const std::pair<decltype(PlanNode::op), const char*> cases[] = {
      {FilterStep{E("price > 1")}, "f.yaml:9:3: filter 'filter-1': unknown column 'price'"},
      {FilterStep{E("x + 1")}, "the predicate must be true or false, but 'x + 1' is float64"},
      {WithStep{{{"a", E("x")}, {"a", E("i")}}}, "f.yaml:7:5: with 'with-1': column 'a' is given twice"},
      {SelectStep{{{"a", E("x")}, {"a", E("i")}}}, "two columns would be called 'a'"},
      {DropStep{{"tagz"}}, "unknown column 'tagz' (did you mean 'tags'?)"},
      {DropStep{{"ts", "k", "i", "x", "tags", "o"}}, "no column is left"},
      {RenameStep{{{"i", "k"}}}, "two columns would be called 'k'"},
      {CastStep{{{"tags", arrow::int64()}}}, "cast 'cast-1'"},
      {ExplodeStep{"x"}, "column 'x' is float64, not a list"},
      {GroupByStep{{"tags"}, NullKey::kError}, "column 'tags' of type list<string> cannot be a key"},
      {GroupByStep{}, "'by' is empty"},
      {Window({}), "'aggregate' is empty"},
      {Window({{"n", "sum(k)"}}), "'n': sum() takes an integer, double or decimal, not string"},
      {Window({{"n", "max(tags)"}}),
       "max() takes a number, string, date, timestamp or bool, not list<string>"},
      {Window({{"window_end", "count()"}}), "two columns would be called 'window_end'"},
      {Window({{"n", "sum(prise)"}}), "unknown column 'prise'"},
      {SinkNode{E("x"), ConsoleSink{}}, "'where' must be true or false"},
  };
  for (const auto& [op, expected] : cases) EXPECT_THAT(ErrorOf(PlanWith(op)), HasSubstr(expected));
}

TEST(AnalyzePlan, MistakesOfSinksAreFound) {
  KafkaSink key;
  key.topic = "out";
  key.key = {"x"};
  KafkaSink text;
  text.topic = "out";
  text.format = "string";
  KafkaSink format;
  format.topic = "out";
  format.format = "jsn";
  ParquetSink parquet;
  parquet.path = "out";
  parquet.partition_by = {E("tags")};
  const std::pair<decltype(SinkNode::sink), const char*> cases[] = {
      {key, "column 'x' of type float64 cannot be a message key"},
      {KafkaSink{}, "'topic' is missing"},
      {text, "format 'string' writes one string or binary column"},
      {format, "there is no 'jsn' (did you mean 'json'?)"},
      {parquet, "'tags' of type list<string> cannot name a directory"},
      {IpcSink{}, "'path' is missing"}};
  for (const auto& [sink, expected] : cases) {
    EXPECT_THAT(ErrorOf(PlanWith(SinkNode{std::nullopt, sink})), HasSubstr(expected));
  }
}

// K1
TEST(AnalyzePlan, KeyThatASinkCannotWriteIsFoundWhereverItComesFrom) {
  KafkaSink sink;
  sink.topic = "out";
  WindowStep by_double = Window({{"n", "count()"}});
  by_double.by = {"x"};
  WindowStep by_two = Window({{"n", "count()"}});
  by_two.by = {"k", "i"};
  KafkaSink bytes = sink;
  bytes.key_format = "bytes";
  KafkaSink other = sink;
  other.key = {"n"};
  struct Case {
    std::vector<decltype(PlanNode::op)> steps;
    KafkaSink sink;
    const char* expected;
  };
  const WindowStep window = Window({{"n", "count()"}});
  const std::vector<Case> cases = {
      {{window, WithStep{{{"k", E("n * 0.5")}}}},
       sink,
       "f.yaml:12:7: sink 'sink-1': the rows' key, column 'k' of type float64 cannot be a message key; name "
       "other "
       "columns in 'key' of the sink"},
      {{window, CastStep{{{"n", arrow::float64()}}}}, sink, "no error"},
      {{window, RenameStep{{{"k", "key"}}}, WithStep{{{"key", E("1.5")}}}},
       sink,
       "column 'key' of type float64"},
      {{window, WithStep{{{"k", E("n * 0.5")}}}}, other, "no error"},
      {{window, WithStep{{{"k", E("upper(k)")}}}}, sink, "no error"},
      {{window, DropStep{{"k"}}}, sink, "no error"},
      {{by_double}, sink, "the rows' key, column 'x' of type float64"},
      {{GroupByStep{{"x"}, NullKey::kError}}, sink, "the rows' key, column 'x' of type float64"},
      {{by_two}, sink, "no error"},
      {{by_two},
       bytes,
       "key_format bytes takes one string or binary column; 'k' needs key_format string or json"},
      {{window}, bytes, "no error"}};
  for (const Case& c : cases) {
    Plan plan = PlanWith(c.steps[0]);
    for (std::size_t i = 1; i < c.steps.size(); ++i) {
      plan.nodes.insert(plan.nodes.end() - 1, PlanNode{{}, c.steps[i], {i}, OnError::kDefault, {}});
    }
    plan.nodes.back().inputs = {plan.nodes.size() - 2};
    plan.nodes.back().op = SinkNode{std::nullopt, c.sink};
    plan.nodes.back().location = {"f.yaml", 12, 7};
    EXPECT_THAT(ErrorOf(plan), HasSubstr(c.expected));
  }
}

TEST(AnalyzePlan, MistakesOfSourcesAreFound) {
  const std::pair<std::function<void(KafkaSource&)>, const char*> cases[] = {
      {[](KafkaSource& s) { s.timestamp = E("i"); },
       "the event time column 'i' is int32; declare it as timestamp[s], [ms], [us], [ns] or [ms, rfc3339], "
       "or "
       "compute it: to_timestamp(i) makes one of milliseconds"},
      {[](KafkaSource& s) { s.timestamp = E("i + 1"); },
       "the event time 'i + 1' is int64, not a timestamp; to_timestamp(i + 1) makes one of milliseconds"},
      {[](KafkaSource& s) { s.timestamp = E("null"); }, "the event time 'null' is null, not a timestamp"},
      {[](KafkaSource& s) { s.timestamp = E("t"); }, "unknown column 't' (did you mean 'ts'?)"},
      {[](KafkaSource& s) { s.timestamp = E("to_timestamp(i)"); }, "no error"},
      {[](KafkaSource& s) { s.timestamp = E("if(_tombstone, ts, ts)"); }, "unknown column '_tombstone'"},
      {[](KafkaSource& s) { s.key = "o"; },
       "the message key cannot become column 'o' of type struct<a: int64>"},
      {[](KafkaSource& s) { s.key = "x"; }, "use string, binary or an integer type"},
      {[](KafkaSource& s) { s.format = "bytes"; }, "format 'bytes' has one column for the value"},
      {[](KafkaSource& s) { s.offset_reset = "newest"; }, "there is no 'newest'"},
      {[](KafkaSource& s) { s.schema = nullptr; }, "the schema is not known yet"},
  };
  for (const auto& [change, expected] : cases) {
    Plan plan = PlanWith(FilterStep{E("true")});
    change(std::get<KafkaSource>(plan.nodes[0].op));
    EXPECT_THAT(ErrorOf(plan), HasSubstr(expected));
  }
}

TEST(AnalyzePlan, MistakesOfTheWholePlanAreFound) {
  const std::pair<std::function<void(Plan&)>, const char*> cases[] = {
      {[](Plan& p) { p.name = "a b"; }, "the pipeline's name 'a b' must be letters"},
      {[](Plan& p) { p.workers = 0; }, "'workers' must be at least 1"},
      {[](Plan& p) { p.nodes.pop_back(); }, "the pipeline has no sink"},
      {[](Plan& p) { p.nodes[1].on_error = OnError::kDeadLetter; }, "needs a dead-letter topic"},
      {[](Plan& p) { p.dead_letter_topic = "in"; },
       "dead letters go to topic 'in', which this pipeline reads; choose another topic"},
      {[](Plan& p) { p.nodes[1].inputs = {}; }, "it has no input"},
      {[](Plan& p) { p.nodes[1].inputs = {2}; }, "its input comes after it"},
  };
  for (const auto& [change, expected] : cases) {
    Plan plan = PlanWith(FilterStep{E("true")});
    change(plan);
    EXPECT_THAT(ErrorOf(plan), HasSubstr(expected));
  }
  KafkaSink loop;
  loop.topic = "in";
  EXPECT_THAT(ErrorOf(PlanWith(SinkNode{std::nullopt, loop})),
              HasSubstr("it writes to topic 'in', which this pipeline reads"));
}

TEST(AnalyzePlan, IndependentMistakesAreReportedTogetherAndFollowingOnesNot) {
  Plan plan = PlanWith(WithStep{{{"a", E("nope + 1")}, {"b", E("nix + 1")}}});
  plan.nodes.push_back(plan.nodes[2]);
  plan.nodes[3].inputs = {0};
  plan.nodes[3].op = SinkNode{E("nada"), ConsoleSink{}};
  plan.nodes[2].op = SinkNode{E("a"), ConsoleSink{}};
  const std::string errors = ErrorOf(plan);
  EXPECT_THAT(errors, HasSubstr("'nope'"));
  EXPECT_THAT(errors, HasSubstr("'nix'"));
  EXPECT_THAT(errors, HasSubstr("'nada'"));
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 2) << errors;
}

TEST(AnalyzePlan, StreamsThatMeetMustHaveEqualColumns) {
  Plan plan = PlanWith(FilterStep{E("true")});
  plan.nodes[2].inputs = {0, 1};
  EXPECT_EQ(ErrorOf(plan), "no error");
  plan.nodes[1].op = DropStep{{"x"}};
  EXPECT_THAT(ErrorOf(plan), HasSubstr("the streams it is united with have different columns"));
}

// W6, W8
TEST(AggregateResultType, FollowsTheInput) {
  const auto type_of = [](const char* function, const char* input) {
    const auto type = AggregateResultType(function, *ParseType(input));
    return type.ok() ? TypeText(**type) : "error";
  };
  EXPECT_EQ(type_of("count", "list<int64>"), "int64");
  EXPECT_EQ(type_of("sum", "int8"), "int64");
  EXPECT_EQ(type_of("sum", "uint64"), "int64");
  EXPECT_EQ(type_of("sum", "float32"), "float64");
  EXPECT_EQ(type_of("sum", "decimal(10, 2)"), "decimal(38, 2)");
  EXPECT_EQ(type_of("mean", "decimal(10, 2)"), "float64");
  EXPECT_EQ(type_of("stddev", "decimal(10, 2)"), "error");
  EXPECT_EQ(type_of("sum", "bool"), "error");
  EXPECT_EQ(type_of("mean", "int64"), "float64");
  EXPECT_EQ(type_of("mean", "date"), "error");
  EXPECT_EQ(type_of("min", "timestamp[us, UTC]"), "timestamp[us, UTC]");
  EXPECT_EQ(type_of("max", "decimal(10, 2)"), "decimal(10, 2)");
  EXPECT_EQ(type_of("last", "string"), "string");
  EXPECT_EQ(type_of("first", "struct<a: int64>"), "error");
  EXPECT_THAT(AggregateResultType("maximum", arrow::int64()).status().message(), HasSubstr("there is"));
  EXPECT_THAT(AggregateResultType("sum", nullptr).status().message(), HasSubstr("sum() needs an expression"));
}

}  // namespace
}  // namespace millrace
