#include "engine/yaml/pipeline_file.h"

#include <sstream>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/schema_text.h"

namespace millrace {
namespace {

using testing::HasSubstr;

Result<PipelineFile> Read(const std::string& text) {
  SubstitutionSources sources;
  sources.variable = [](const std::string& name) -> std::optional<std::string> {
    return name == "LIMIT" ? std::optional<std::string>("50") : std::nullopt;
  };
  return ReadPipelineText("p.yaml", text, sources);
}

constexpr const char* kBids = R"(# bids.yaml
name: bids-per-minute
kafka:
  bootstrap.servers: ${KAFKA:-localhost:9092}
guarantee: exactly_once            # or at_least_once
source:
  topic: bids
  format: json
  key: auction                     # the message key is this column: no repartition needed
  timestamp: ts                    # event time column; the Kafka timestamp when absent
  schema: {ts: timestamp[ms], auction: int64, bidder: int64, price: double}
steps:
  - filter: price > 50
  - with: {revenue: price * 1.2}
  - window:
      by: [auction]
      tumbling: 1m
      grace: 5s
      aggregate: {bids: count(), total: sum(revenue), best: max(price)}
sinks:
  - topic: bids_per_minute
    format: json
    key: auction
  - parquet: {path: out/bids, partition_by: [date(window_start)]}
)";

TEST(PipelineFile, ReadsTheMainJob) {
  const Result<PipelineFile> file = Read(kBids);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const Plan& plan = file->plan;
  EXPECT_EQ(plan.name, "bids-per-minute");
  EXPECT_EQ(plan.kafka.at("bootstrap.servers"), "localhost:9092");
  EXPECT_EQ(plan.guarantee, Guarantee::kExactlyOnce);
  ASSERT_EQ(plan.nodes.size(), 6U);

  const auto& source = std::get<KafkaSource>(plan.nodes[0].op);
  EXPECT_EQ(source.topic, "bids");
  EXPECT_EQ(source.key, "auction");
  EXPECT_EQ(source.timestamp, "ts");
  EXPECT_EQ(SchemaText(*source.schema), "{ts: timestamp[ms], auction: int64, bidder: int64, price: float64}");

  EXPECT_EQ(plan.nodes[1].name, "filter-1");
  EXPECT_EQ(plan.nodes[1].location.ToString(), "p.yaml:13:5");
  EXPECT_EQ(std::get<FilterStep>(plan.nodes[1].op).predicate.location.ToString(), "p.yaml:13:13");
  EXPECT_EQ(std::get<WithStep>(plan.nodes[2].op).columns[0].first, "revenue");

  const auto& window = std::get<WindowStep>(plan.nodes[3].op);
  EXPECT_EQ(window.by, std::vector<std::string>{"auction"});
  EXPECT_EQ(window.size, Duration(60'000));
  EXPECT_EQ(window.grace, Duration(5'000));
  ASSERT_EQ(window.aggregates.size(), 3U);
  EXPECT_EQ(window.aggregates[1].name, "total");
  EXPECT_EQ(window.aggregates[1].call.function, "sum");

  const auto& kafka = std::get<KafkaSink>(std::get<SinkNode>(plan.nodes[4].op).sink);
  EXPECT_EQ(kafka.key, std::vector<std::string>{"auction"});
  const auto& parquet = std::get<ParquetSink>(std::get<SinkNode>(plan.nodes[5].op).sink);
  EXPECT_EQ(parquet.path, "out/bids");
  EXPECT_EQ(parquet.partition_by.size(), 1U);
  EXPECT_EQ(plan.nodes[5].inputs, std::vector<NodeId>{3});
}

TEST(PipelineFile, DefaultsAreThoseOfThePlan) {
  const Result<PipelineFile> file = Read("name: p\nsource: {topic: t}\nsinks: [{topic: o}]\n");
  ASSERT_TRUE(file.ok()) << file.status().message();
  const Plan& plan = file->plan;
  const Plan defaults;
  EXPECT_EQ(plan.guarantee, defaults.guarantee);
  EXPECT_EQ(plan.commit_interval, defaults.commit_interval);
  EXPECT_EQ(plan.commit_bytes, defaults.commit_bytes);
  EXPECT_EQ(plan.batch.rows, defaults.batch.rows);
  EXPECT_EQ(plan.batch.bytes, defaults.batch.bytes);
  EXPECT_EQ(plan.batch.delay, defaults.batch.delay);
  EXPECT_EQ(plan.workers, defaults.workers);
  EXPECT_EQ(plan.memory, defaults.memory);
  EXPECT_EQ(plan.state_dir, defaults.state_dir);
  EXPECT_EQ(plan.idle_after, defaults.idle_after);
  EXPECT_EQ(plan.out_of_orderness, defaults.out_of_orderness);
  EXPECT_EQ(plan.max_future, defaults.max_future);
  EXPECT_EQ(plan.create_topics, defaults.create_topics);
  const KafkaSource source;
  const auto& read = std::get<KafkaSource>(plan.nodes[0].op);
  EXPECT_EQ(read.format, source.format);
  EXPECT_EQ(read.key_format, source.key_format);
  EXPECT_EQ(read.offset_reset, source.offset_reset);
  EXPECT_EQ(read.schema, nullptr);
  const ParquetSink parquet;
  const Result<PipelineFile> with_file = Read("name: p\nsource: {topic: t}\nsinks: [{parquet: out}]\n");
  ASSERT_TRUE(with_file.ok()) << with_file.status().message();
  const auto& sink = std::get<ParquetSink>(std::get<SinkNode>(with_file->plan.nodes[1].op).sink);
  EXPECT_EQ(sink.path, "out");
  EXPECT_EQ(sink.roll, parquet.roll);
  EXPECT_EQ(sink.roll_bytes, parquet.roll_bytes);
}

/// A file around one line (number 5) of steps.
std::string WithStep5(const std::string& line) {
  return "name: p\nsource:\n  topic: t\nsteps:\n  - " + line + "\nsinks:\n  - topic: o\n";
}

TEST(PipelineFile, EveryKindOfStepReads) {
  for (const std::string line : {
           "filter: a > ${LIMIT}",
           "with: {x: a + 1, y: coalesce(a, b)}",
           "select: [a, {b: a + 1}, c]",
           "select: {a: a, b: a * 2}",
           "drop: a",
           "drop: [a, b]",
           "rename: {a: b}",
           "cast: {a: int32, b: decimal(10, 2)}",
           "explode: items",
           "explode: {column: items, keep_empty: true}",
           "group_by: a",
           "group_by: {by: [a, b], null_key: drop}",
           "window: {by: a, tumbling: 10s, aggregate: {n: count()}, late: {topic: l}, emit: current}",
           "window: {by: a, hopping: {size: 10s, step: 1s}, closing: key, aggregate: {n: count()}}",
           "window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n > 1, after: update}}",
           "{filter: a, name: keep, on_error: drop}",
       }) {
    const Result<PipelineFile> file = Read(WithStep5(line));
    EXPECT_TRUE(file.ok()) << line << "\n" << file.status().message();
  }
}

TEST(PipelineFile, ATriggerIsAskedAfterOrBeforeAnUpdate) {
  for (const bool before : {false, true}) {
    const Result<PipelineFile> file =
        Read(WithStep5("window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n > 1, " +
                       std::string(before ? "before" : "after") + ": update}}"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    const auto& trigger = std::get<WindowStep>(file->plan.nodes[1].op).trigger;
    ASSERT_TRUE(trigger.has_value());
    EXPECT_EQ(trigger->before, before);
    EXPECT_EQ(trigger->when.expr.ToString(), "n > 1");
    EXPECT_EQ(trigger->when.location.line, 5);
  }
}

TEST(PipelineFile, AWindowTakesItsKeysFromTheGroupByBefore) {
  const Result<PipelineFile> file = Read(
      "name: p\nsource: {topic: t}\nsteps:\n  - group_by: [a, b]\n  - filter: a > 1\n"
      "  - window: {tumbling: 1s, aggregate: {n: count()}}\nsinks: [{console: json}]\n");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(std::get<WindowStep>(file->plan.nodes[3].op).by, (std::vector<std::string>{"a", "b"}));
}

TEST(PipelineFile, SeveralSourcesAreAUnion) {
  const Result<PipelineFile> file =
      Read("name: p\nsources:\n  - topic: a\n  - topic: b\nsteps:\n  - drop: x\nsinks: [{topic: o}]\n");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->plan.nodes[2].inputs, (std::vector<NodeId>{0, 1}));
}

TEST(PipelineFile, MistakesInStepsAreFoundWithLineAndColumn) {
  const struct {
    const char* line;
    const char* message;
  } cases[] = {
      {"fliter: a > 1", "p.yaml:5:5: unknown key 'fliter' in a step (did you mean 'filter'?)"},
      {"filter: a >", "p.yaml:5:16: "},
      {"filter: \"a > > 1\"", "p.yaml:5:18: "},
      {"filter: [a]", "p.yaml:5:13: expected an expression such as price > 50, found a list"},
      {"with: {x: 1 +}", "p.yaml:5:"},
      {"with: [a]", "p.yaml:5:11: expected a mapping of column name to expression"},
      {"select: [a + 1]", "p.yaml:5:14: an expression needs a name here: write {name: a + 1}"},
      {"select: [a, a]", "column 'a' is named twice"},
      {"filter: ${NOPE}", "p.yaml:5:13: environment variable NOPE is not set"},
      {"{filter: a, drop: b}", "filter and drop cannot stand together in a step; begin a new step"},
      {"name: x", "a step needs one of filter, with, select"},
      {"drop: []", "'drop' names no column"},
      {"cast: {a: int65}", "p.yaml:5:15: "},
      {"window: {by: a, tumbling: 10, aggregate: {n: count()}}", "'tumbling': '10' is not a duration"},
      {"window: {by: a, tumbling: 0ms, aggregate: {n: count()}}", "'tumbling' must be longer than 0"},
      {"window: {by: a, aggregate: {n: count()}}",
       "window needs one of tumbling, hopping, sliding, session or count"},
      {"window: {by: a, tumbling: 1s}", "'aggregate' is missing in window"},
      {"window: {tumbling: 1s, aggregate: {n: count()}}",
       "a window needs 'by', or a group_by step before it"},
      {"window: {by: a, tumbling: 1s, aggregate: {a: count()}}",
       "p.yaml:5:47: window 'window-1': two columns would be called 'a'"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: cuont()}}", "count"},
      {"window: {by: a, tumbling: 1s, emit: finl, aggregate: {n: count()}}", "did you mean 'final'?"},
      {"window: {by: a, tumbling: 1s, closing: keys, aggregate: {n: count()}}", "did you mean 'key'?"},
      {"window: {by: a, sliding: 1s, closing: key, aggregate: {n: count()}}",
       "p.yaml:5:43: 'closing: key' is for tumbling and hopping windows; sliding windows close by the "
       "watermark"},
      {"window: {by: a, count: 3, closing: key, aggregate: {n: count()}}",
       "p.yaml:5:40: 'closing: key' is for tumbling and hopping windows; count windows close with their "
       "last"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n > 1}}",
       "trigger needs one of after or before"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {after: update}}",
       "'when' is missing in trigger"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n, after: update, before: "
       "update}}",
       "after and before cannot stand together in trigger"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n > 1, after: updates}}",
       "did you mean 'update'?"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: count()}, trigger: {when: n >, after: update}}",
       "p.yaml:5:79: "},
      {"window: {by: a, sliding: 1s, aggregate: {n: count()}, trigger: {when: n > 1, after: update}}",
       "p.yaml:5:68: 'trigger' is for tumbling windows; sliding windows share their rows"},
      {"window: {by: a, tumbling: 1s, sliding: 1s, aggregate: {n: count()}}",
       "tumbling and sliding cannot stand together in window"},
      {"window: {by: a, hopping: {size: 1s}, aggregate: {n: count()}}", "'step' is missing in hopping"},
      {"window: {by: a, hopping: {size: 1s, step: 2s}, aggregate: {n: count()}}",
       "'step' must be at most 'size'"},
      {"window: {by: a, session: 1s, offset: 1ms, aggregate: {n: count()}}",
       "'offset' has no meaning for session windows"},
      {"window: {by: a, count: 0, aggregate: {n: count()}}", "'size' must be an integer from 1 to 1000000"},
      {"window: {by: a, count: {size: 3, step: 2}, aggregate: {n: count()}}",
       "'step' belongs to kind: hopping, not to tumbling"},
      {"window: {by: a, count: {size: 3, kind: hopping}, aggregate: {n: count()}}", "'step' is missing"},
      {"window: {by: a, count: 3, grace: 1s, aggregate: {n: count()}}",
       "'grace' has no meaning for count windows"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: sum(b) when c}}", "expected an operator or the end"},
      {"window: {by: a, tumbling: 1s, aggregate: {n: 'quantile(b, 2)'}}", "must be a number from 0 to 1"},
      {"filter: a > 1\n    filter: b", "p.yaml:6:5: 'filter' is given twice (first at p.yaml:5:5)"},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file = Read(WithStep5(c.line));
    ASSERT_FALSE(file.ok()) << c.line;
    EXPECT_THAT(file.status().message(), HasSubstr(c.message)) << c.line;
  }
}

TEST(PipelineFile, MistakesAtTheTopAreFoundWithLineAndColumn) {
  const struct {
    const char* line;
    const char* message;
  } cases[] = {
      {"worker: 2", "p.yaml:1:1: unknown key 'worker' at the top level (did you mean 'workers'?)"},
      {"workers: two", "p.yaml:1:10: 'workers' must be an integer from 1 to 1024, not 'two'"},
      {"workers: 0", "'workers' must be an integer from 1 to 1024, not '0'"},
      {"memory: 1 apple", "p.yaml:1:9: 'memory': "},
      {"create_topics: yes please", "'create_topics' must be true or false"},
      {"guarantee: exactly_one", "did you mean 'exactly_once'?"},
      {"idle_after: nevr", "'idle_after': 'nevr' is not a duration"},
      {"kafka: {a: [1]}", "p.yaml:1:12: expected a single value, found a list"},
      {"dead_letter: {topic: 'a b'}", "'topic' contains ' '"},
      {"batch: 5", "p.yaml:1:8: expected a mapping with the keys of batch, found a single value"},
      {"commit_interval: 0", "'commit_interval' must be longer than 0"},
      {"state_dir: {a: b}", "expected 'state_dir' to be text, found a mapping"},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file =
        Read(std::string(c.line) + "\nname: p\nsource: {topic: t}\nsinks: [{topic: o}]\n");
    ASSERT_FALSE(file.ok()) << c.line;
    EXPECT_THAT(file.status().message(), HasSubstr(c.message)) << c.line;
  }
}

TEST(PipelineFile, WhereToBeginIsOneOfThree) {
  const auto read = [](const std::string& where) {
    return Read("name: p\nsource:\n  topic: t\n  offset_reset: " + where + "\nsinks: [{topic: o}]\n");
  };
  for (const std::string where : {"earliest", "latest", "error"}) {
    const Result<PipelineFile> file = read(where);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(std::get<KafkaSource>(file->plan.nodes[0].op).offset_reset, where);
  }
  const Result<PipelineFile> file = read("lates");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), HasSubstr("p.yaml:4:17: "));
  EXPECT_THAT(file.status().message(), HasSubstr("did you mean 'latest'?"));
}

TEST(PipelineFile, TextThatIsNotYamlIsPointedAt) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"", "p.yaml:1:1: the file is empty"},
      {"a: b: c\n", "p.yaml:1:5: a ': ' is not allowed inside an unquoted value"},
      {"a: {b: 1\nc: 2\n", "p.yaml:2:2: "},
      {"name: \x01\n", "p.yaml:1:7: a control character"},
      {"- a\n", "expected a mapping with the keys of the pipeline, found a list"},
      {"name: a\n---\nname: b\n", "several documents"},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file = Read(c.text);
    ASSERT_FALSE(file.ok()) << c.text;
    EXPECT_THAT(file.status().message(), HasSubstr(c.message)) << c.text;
  }
}

TEST(PipelineFile, AllMistakesAreReportedTogetherInTheOrderOfTheFile) {
  const Result<PipelineFile> file = Read(
      "name: p\nworkers: x\nsource:\n  topci: t\n  schema: {ts: int65}\nsteps:\n  - filter: a >\n  - drp: "
      "b\n");
  ASSERT_FALSE(file.ok());
  std::vector<std::string> starts;
  std::string text = file.status().message() + "\n";
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    starts.push_back(text.substr(at, 8));
  EXPECT_THAT(starts, testing::ElementsAre("p.yaml:1", "p.yaml:2", "p.yaml:4", "p.yaml:4", "p.yaml:5",
                                           "p.yaml:7", "p.yaml:8"))
      << text;
}

/// The errors of a file with a known schema whose steps and sinks are `text`, from line 5 on.
std::vector<std::string> MistakesBelow(const std::string& text) {
  const Result<PipelineFile> file = Read(
      "name: p\nsource:\n  topic: t\n  schema: {k: int64, price: double, tags: list<string>, Case: int64}\n" +
      text);
  std::vector<std::string> lines;
  if (file.ok()) return lines;
  std::istringstream in(file.status().message());
  for (std::string line; std::getline(in, line);) lines.push_back(line.substr(line.find(':') + 1));
  return lines;
}

std::vector<std::string> MistakesOfSteps(const std::string& steps) {
  return MistakesBelow("steps:\n" + steps + "sinks: [{topic: o}]\n");
}

TEST(PipelineFile, AMistakeIsPlacedAtTheWordThatIsWrong) {
  const struct {
    const char* step;
    const char* mistake;
  } cases[] = {
      {"drop: [k, pric]", "6:15: drop 'drop-1': unknown column 'pric' (did you mean 'price'?)"},
      {"drop: pric", "6:11: drop 'drop-1': unknown column 'pric' (did you mean 'price'?)"},
      {"rename: {k: a, pric: b}", "6:20: rename 'rename-1': unknown column 'pric' (did you mean 'price'?)"},
      {"rename: {k: price}", "6:17: rename 'rename-1': two columns would be called 'price'"},
      {"cast: {pric: int64}", "6:12: cast 'cast-1': unknown column 'pric' (did you mean 'price'?)"},
      {"cast: {k: int64, price: date}", "6:29: cast 'cast-1': "},
      {"explode: tag", "6:14: explode 'explode-1': unknown column 'tag' (did you mean 'tags'?)"},
      {"explode: {column: price}", "6:23: explode 'explode-1': column 'price' is float64, not a list"},
      {"group_by: [k, pric]", "6:19: group_by 'group_by-1': unknown column 'pric' (did you mean 'price'?)"},
      {"window: {by: [pric], tumbling: 1s, aggregate: {n: count()}}",
       "6:19: window 'window-1': unknown column 'pric' (did you mean 'price'?)"},
      {"window: {by: tags, tumbling: 1s, aggregate: {n: count()}}",
       "6:18: window 'window-1': column 'tags' of type list<string> cannot be a key"},
      {"changes: {by: k, columns: [k, pric]}",
       "6:35: changes 'changes-1': unknown column 'pric' (did you mean 'price'?)"},
      {"{filter: price > 1, on_error: dead_letter}",
       "6:35: filter 'filter-1': 'on_error: dead_letter' needs a dead-letter topic"},
      {"with: {x: Case + 1}",
       "6:23: expected 'when' but found the end of the text; write \"Case\" if it is a column"},
      {"filter: Case > 1", "6:13: expected a value but found the keyword 'Case'; write \"Case\" if it is"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(MistakesOfSteps("  - " + std::string(c.step) + "\n"),
                testing::ElementsAre(testing::StartsWith(c.mistake)))
        << c.step;
  }
  EXPECT_THAT(MistakesBelow("sinks:\n  - topic: o\n    key: [k, pric]\n"),
              testing::ElementsAre("7:14: sink 'sink-1': unknown column 'pric' (did you mean 'price'?)"));
  EXPECT_THAT(MistakesBelow("sinks:\n  - ipc: {roll: 1s}\n"),
              testing::ElementsAre("6:10: 'path' is missing in ipc"));
}

TEST(PipelineFile, KafkaPropertiesArePointedAt) {
  EXPECT_THAT(MistakesBelow("sinks: [{topic: o}]\nkafka:\n  bootstrap.server: x\n  linger.ms: soon\n"),
              testing::ElementsAre(testing::StartsWith("7:3: kafka: unknown property `bootstrap.server`"),
                                   testing::StartsWith("8:14: kafka: `linger.ms` cannot be `soon`")));
}

TEST(PipelineFile, WhatMustNameColumnsIsNotEmpty) {
  for (const char* step : {"with: {}", "select: []", "select: {}", "drop: []", "rename: {}", "cast: {}"}) {
    EXPECT_THAT(MistakesOfSteps("  - " + std::string(step) + "\n"),
                testing::ElementsAre(testing::EndsWith("names no column")))
        << step;
  }
  EXPECT_THAT(MistakesOfSteps("  - window: {by: k, tumbling: 1s, aggregate: {}}\n"),
              testing::ElementsAre("6:46: 'aggregate' names no column"));
  EXPECT_THAT(MistakesBelow("sinks: []\n"), testing::ElementsAre("5:8: a pipeline needs at least one sink"));
}

TEST(PipelineFile, IndependentMistakesAreReportedOnceAndWhatFollowsFromThemIsNot) {
  const struct {
    const char* steps;
    std::vector<std::string> starts;
  } cases[] = {
      {"  - filter: price >\n  - with: {x: prise * 2}\n  - filter: x > 1 and kk > 2\n",
       {"6:20: expected a value", "7:15: with 'with-1': unknown column 'prise'",
        "8:23: filter 'filter-2': unknown column 'kk'"}},
      {"  - with: {x: 1 +, y: upper(k)}\n  - filter: x > 1 and y = 'a'\n  - drop: [x, yy]\n",
       {"6:18: expected a value", "6:29: with 'with-1': 'upper' needs a string",
        "8:15: drop 'drop-1': unknown column 'yy'"}},
      {"  - select: [k, prise]\n  - filter: prise > 1\n  - filter: price > 1\n",
       {"6:17: select 'select-1': unknown column 'prise'",
        "8:13: filter 'filter-2': unknown column 'price'"}},
      {"  - fliter: k > 1\n  - drop: nope\n  - filter: price + 1\n",
       {"6:5: unknown key 'fliter'", "8:13: filter 'filter-2': the predicate must be true or false"}},
      {"  - window: {by: k, tumbling: soon, aggregate: {n: count(), m: sum(tags)}}\n  - filter: nn > m\n",
       {"6:31: 'tumbling': 'soon' is not a duration", "6:64: window 'window-1': 'm': sum() takes",
        "7:13: filter 'filter-1': unknown column 'nn'"}},
      {"  - group_by: kk\n  - window: {tumbling: 1s, aggregate: {n: count()}}\n  - drop: nn\n",
       {"6:15: group_by 'group_by-1': unknown column 'kk'", "8:11: drop 'drop-1': unknown column 'nn'"}},
      {"  - rename: {nope: a}\n  - filter: a > 1\n  - explode: tagz\n",
       {"6:14: rename 'rename-1': unknown column 'nope'",
        "8:14: explode 'explode-1': unknown column 'tagz'"}},
      {"  - filter: aa > 1 or bb > 2\n",
       {"6:13: filter 'filter-1': unknown", "6:23: filter 'filter-1': unknown"}},
  };
  for (const auto& c : cases) {
    const std::vector<std::string> found = MistakesOfSteps(c.steps);
    std::vector<testing::Matcher<std::string>> expected;
    for (const std::string& start : c.starts) expected.emplace_back(testing::StartsWith(start));
    EXPECT_THAT(found, testing::ElementsAreArray(expected)) << c.steps;
  }
}

TEST(PipelineFile, ColumnsAreCheckedAsFarAsTheyAreKnownWithoutASchema) {
  const Result<PipelineFile> file = Read(
      "name: p\nsource: {topic: t}\nsteps:\n  - filter: anything > 1\n"
      "  - window: {by: k, tumbling: 1s, aggregate: {n: count()}}\n  - drop: m\nsinks: [{topic: o}]\n");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), testing::StartsWith("p.yaml:6:11: drop 'drop-1': unknown column 'm'"));
}

TEST(PipelineFile, OnlyTheFirstTwentyMistakesAreShown) {
  std::string steps;
  for (int i = 0; i < 25; ++i) steps += "  - drop: nope\n";
  const std::vector<std::string> found = MistakesOfSteps(steps);
  ASSERT_EQ(found.size(), 21U);
  EXPECT_EQ(found.back(), "and 5 more mistakes");
}

TEST(PipelineFile, PositionsSurviveEscapesFoldsAndSubstitution) {
  const struct {
    const char* step;
    const char* where;
  } cases[] = {
      {"filter: \"\\u0061 > )\"", "p.yaml:5:23: "},      {"filter: 'x = ''y'' )'", "p.yaml:5:24: "},
      {"filter: >\n      a >\n      )", "p.yaml:7:7: "}, {"filter: a >\n      )", "p.yaml:6:7: "},
      {"filter: a > ${LIMIT} )", "p.yaml:5:26: "},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file = Read(WithStep5(c.step));
    ASSERT_FALSE(file.ok()) << c.step;
    EXPECT_THAT(file.status().message(), HasSubstr(c.where)) << c.step;
  }
}

TEST(PipelineFile, SecretsOfTheKafkaSectionAreNotInMessages) {
  const Result<PipelineFile> file = Read("kafka: {sasl.password: hunter2}\nnam: x\n");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), testing::Not(HasSubstr("hunter2")));
}

TEST(PipelineFile, ReadsTests) {
  const Result<PipelineFile> file = Read(std::string(kBids) + R"(tests:
  - name: a window closes
    start: 2024-01-01T00:00:00Z
    input:
      - value: {ts: 1, auction: 7, bidder: 1, price: 60}
      - value: null
        key: x
        headers: {h: v}
        timestamp: 5
      - value: "not json"
      - advance: 10s
    output:
      bids_per_minute:
        - {auction: 7, window_start: 0, window_end: 60000, bids: 1, total: 72.0, best: 60.0}
      sink-2: []
    late: 0
    dead_letters: 1
)");
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tests.size(), 1U);
  const PipelineTest& test = file->tests[0];
  EXPECT_EQ(test.start, EventTime(1'704'067'200'000));
  ASSERT_EQ(test.input.size(), 4U);
  const auto& first = std::get<TestInputRecord>(test.input[0]);
  EXPECT_EQ(first.topic, "bids");
  EXPECT_EQ(first.key, "7");  // the source says that the key is this column
  EXPECT_EQ(first.value, "{\"ts\":1,\"auction\":7,\"bidder\":1,\"price\":60}");
  const auto& second = std::get<TestInputRecord>(test.input[1]);
  EXPECT_EQ(second.value, std::nullopt);
  EXPECT_EQ(second.key, "x");
  EXPECT_EQ(second.timestamp, EventTime(5));
  EXPECT_EQ(second.headers.size(), 1U);
  EXPECT_EQ(std::get<TestInputRecord>(test.input[2]).value, "not json");
  EXPECT_EQ(std::get<TestAdvance>(test.input[3]).by, Duration(10'000));
  ASSERT_EQ(test.output.size(), 2U);
  EXPECT_EQ(test.output[0].rows.size(), 1U);
  EXPECT_EQ(test.late, 0);
  EXPECT_EQ(test.dead_letters, 1);
}

}  // namespace
}  // namespace millrace
