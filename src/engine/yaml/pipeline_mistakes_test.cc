// What is said of a wrong pipeline file: every mistake, where it is.
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/yaml/pipeline_file_harness.h"

namespace millrace {
namespace {

using testing::HasSubstr;

TEST(PipelineMistakes, MistakesInStepsAreFoundWithLineAndColumn) {
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
       "p.yaml:5:43: 'closing: key' is for tumbling, hopping and session windows; sliding windows close by "
       "the "
       "watermark"},
      {"window: {by: a, count: 3, closing: key, aggregate: {n: count()}}",
       "p.yaml:5:40: 'closing: key' is for tumbling, hopping and session windows; count windows close with "
       "their "
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
       "p.yaml:5:68: 'trigger' is not for sliding windows"},
      {"window: {by: a, hopping: {size: 1h, step: 1s}, aggregate: {n: count()}, trigger: {when: n > 1, "
       "after: "
       "update}}",
       "p.yaml:5:86: 'trigger' adds a row to each of its windows for itself, and here these are 3600; choose "
       "a step of at least 3s600ms, so that they are at most 1000"},
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

TEST(PipelineMistakes, MistakesAtTheTopAreFoundWithLineAndColumn) {
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

TEST(PipelineMistakes, LateRowsGoToADeadLetterTopicOnlyByTheWordForIt) {
  const std::string needs = "'late: dead_letter' needs a dead-letter topic (dead_letter: {topic: ...})";
  const std::string another =
      "late rows would go to topic 'dead', which is that of the dead letters, in another form; write 'late: "
      "dead_letter' to make them dead letters, or choose another topic";
  const struct {
    std::string dead;  // line 2
    std::string shape, late;
    std::string mistake;
  } cases[] = {
      {"dead_letter: {topic: dead}", "tumbling: 1s", "dead_letter", ""},
      {"dead_letter: {topic: dead_letter}", "tumbling: 1s", "dead_letter", ""},
      {"dead_letter: {topic: dead}", "tumbling: 1s", "dead-letter", ""},
      {"dead_letter: {topic: dead}", "tumbling: 1s", "{topic: dead_letter}", ""},
      {"", "tumbling: 1s", "{topic: dead_letter}", ""},
      {"", "tumbling: 1s", "dead_letter", "p.yaml:5:42: window 'window-1': " + needs},
      {"dead_letter: {topic: dead}", "tumbling: 1s", "dead", "p.yaml:5:42: window 'window-1': " + another},
      {"dead_letter: {topic: dead}", "tumbling: 1s", "{topic: dead}",
       "p.yaml:5:50: window 'window-1': " + another},
      {"dead_letter: {topic: dead}", "count: 10", "dead_letter",
       "p.yaml:5:39: 'late' has no meaning for count windows"},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file =
        Read("name: p\n" + c.dead + "\nsource: {topic: in, schema: {k: string}}\nsteps:\n" +
             "  - {window: {by: k, " + c.shape + ", late: " + c.late +
             ", aggregate: {n: count()}}}\nsinks: [{topic: out}]\n");
    const std::string message = file.ok() ? "" : file.status().message();
    EXPECT_EQ(file.ok(), c.mistake.empty()) << message;
    EXPECT_THAT(message, HasSubstr(c.mistake));
  }
}

TEST(PipelineMistakes, RunningResultsOfTooManyWindowsAreRefusedAtTheWord) {
  for (const std::string closing : {"partition", "key"}) {
    const Result<PipelineFile> file = Read(
        "name: p\nsource: {topic: in, schema: {k: string}}\nsteps:\n  - window:\n      by: k\n"
        "      hopping: {size: 30d, step: 1ms}\n      emit: current\n      closing: " +
        closing + "\n      aggregate: {n: count()}\nsinks: [{topic: out}]\n");
    EXPECT_THAT(
        file.status().message(),
        HasSubstr("p.yaml:7:13: window 'window-1': 'emit: current' gives a result of each window that "
                  "a row is in, and here these are 2592000000"));
  }
}

TEST(PipelineMistakes, CountWindowsThatMergeTooMuchForEachRowAreRefusedAtTheWord) {
  const std::pair<const char*, const char*> cases[] = {
      {"{size: 1001, kind: sliding}",
       "p.yaml:6:14: window 'window-1': a result every 1 row, each merged of 1001 parts, is more than 1000 "
       "parts "
       "for each row; choose a larger step"},
      {"{size: 99999, step: 2, kind: hopping}", "a result every 2 rows, each merged of 99999 parts"},
      {"{size: 1000, kind: sliding}", ""},
      {"{size: 100000, step: 10, kind: hopping}", ""},
      {"1000000", ""}};
  for (const auto& [count, mistake] : cases) {
    const Result<PipelineFile> file =
        Read(std::string("name: p\nsource: {topic: in, schema: {k: string}}\nsteps:\n  - window:\n"
                         "      by: k\n      count: ") +
             count + "\n      aggregate: {n: count()}\nsinks: [{topic: out}]\n");
    EXPECT_EQ(file.ok(), *mistake == '\0') << count << ": " << file.status().message();
    EXPECT_THAT(file.status().message(), HasSubstr(mistake));
  }
}

TEST(PipelineMistakes, TopicsThatThePipelineReadsOrKeepsForItselfAreRefusedAtTheWord) {
  const std::string kept = "', which this pipeline keeps for itself ";
  const std::string changelog = kept + "(the changelog of 'window-1'); choose another topic";
  const struct {
    std::string dead;    // topic of dead letters, of line 2
    std::string source;  // line 3
    std::string late;    // line 5
    std::string sink;    // line 6
    std::vector<std::string> mistakes;
  } cases[] = {
      {"dead", "in", "{topic: late}", "out", {}},
      {"dead",
       "in",
       "{topic: late}",
       "p-window-1-changelog",
       {"p.yaml:6:17: sink 'sink-1': it writes to topic 'p-window-1-changelog" + changelog}},
      {"dead",
       "in",
       "{topic: late}",
       "p-group_by-1-repartition",
       {"6:17: sink 'sink-1': it writes to topic 'p-group_by-1-repartition" + kept +
        "(rows on their way to 'group_by-1'); choose another topic"}},
      {"dead",
       "in",
       "p-window-1-changelog",
       "out",
       {"5:40: window 'window-1': it writes to topic 'p-window-1-changelog" + changelog}},
      {"dead",
       "in",
       "{topic: p-meta}",
       "out",
       {"5:48: window 'window-1': it writes to topic 'p-meta" + kept +
        "(the schemas it inferred); choose another topic"}},
      {"dead",
       "in",
       "{topic: in}",
       "out",
       {"5:48: window 'window-1': it writes to topic 'in', which this pipeline reads; choose another topic"}},
      {"p-window-1-changelog",
       "in",
       "{topic: late}",
       "out",
       {"2:22: dead letters go to topic 'p-window-1-changelog" + changelog}},
      {"in",
       "in",
       "{topic: late}",
       "out",
       {"p.yaml:2:22: dead letters go to topic 'in', which this pipeline reads; choose another topic"}},
      {"dead",
       "p-window-1-repartition",
       "{topic: late}",
       "out",
       {"3:17: source 'source-1': it reads topic 'p-window-1-repartition" + kept +
        "(rows on their way to 'window-1'); choose another topic, or another name for the pipeline"}},
      // Of other pipelines, or of steps that there are not.
      {"q-window-1-changelog", "p-window-2-changelog", "{topic: p-changelog}", "p-window-1", {}},
  };
  for (const auto& c : cases) {
    const std::string steps = "steps: [{group_by: k},\n  {window: {by: k, tumbling: 1s, late: " + c.late +
                              ", aggregate: {n: count()}}}]\n";
    const Result<PipelineFile> file =
        Read("name: p\ndead_letter: {topic: " + c.dead + "}\nsource: {topic: " + c.source +
             ", schema: {k: string}}\n" + steps + "sinks: [{topic: " + c.sink + "}]\n");
    const std::string message = file.ok() ? "" : file.status().message();
    EXPECT_EQ(file.ok(), c.mistakes.empty()) << message;
    for (const std::string& mistake : c.mistakes) EXPECT_THAT(message, HasSubstr(mistake));
  }
}

TEST(PipelineMistakes, CommitsMustComeBeforeTheBrokerEndsTheTransaction) {
  const struct {
    const char* lines;
    const char* message;  // "": no mistake
  } cases[] = {
      {"commit_interval: 14m", ""},
      {"commit_interval: 15m",
       "p.yaml:2:18: a commit every 15m is too late: brokers end transactions after 15m"},
      {"commit_interval: 1h\nguarantee: at_least_once", ""},
      {"commit_interval: 15m\nkafka: {bootstrap.servers: b, transaction.timeout.ms: 3600000}", ""},
      {"commit_interval: 5s\nkafka: {bootstrap.servers: b, transaction.timeout.ms: 5000}",
       "p.yaml:2:18: a commit every 5s is too late: kafka: transaction.timeout.ms ends transactions after "
       "5s"},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file =
        Read("name: p\n" + std::string(c.lines) + "\nsource:\n  topic: t\nsinks:\n  - topic: o\n");
    EXPECT_EQ(file.ok(), *c.message == '\0') << c.lines << file.status().ToString();
    if (!file.ok()) {
      EXPECT_THAT(file.status().message(), HasSubstr(c.message));
    }
  }
}

TEST(PipelineMistakes, TextThatIsNotYamlIsPointedAt) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"", "p.yaml:1:1: the file is empty"},
      {"a: b: c\n", "p.yaml:1:5: a ': ' is not allowed inside an unquoted value"},
      {"a: {b: 1\nc: 2\n", "p.yaml:2:2: "},
      {"name: \x01\n", "p.yaml:1:7: a control character"},
      {"name: Ä\xff\n", "p.yaml:1:8: these bytes are not UTF-8; save the file as UTF-8"},
      {"name: p\n# \xe4rger\n", "p.yaml:2:3: these bytes are not UTF-8"},
      {"\xff\xfen", "p.yaml:1:1: the file is UTF-16; save it as UTF-8"},
      {"name: p\nsteps:\n\t- filter: a\n",
       "p.yaml:3:2: a list item cannot begin here; check the indentation, which takes no tabs"},
      {"source:\n\ttopic: t\n", "p.yaml:2:7: a ': ' is not allowed inside an unquoted value, and tabs are"},
      {"- a\n", "expected a mapping with the keys of the pipeline, found a list"},
      {"name: a\n---\nname: b\n", "several documents"},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file = Read(c.text);
    ASSERT_FALSE(file.ok()) << c.text;
    EXPECT_THAT(file.status().message(), HasSubstr(c.message)) << c.text;
  }
}

TEST(PipelineMistakes, WhatIsTooLongOrTooDeepIsPointedAt) {
  const auto repeat = [](const char* text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  const struct {
    std::string line;
    const char* message;
  } cases[] = {
      {"filter: a" + repeat(" or a", 20'000),
       "p.yaml:5:13: an expression may have 65536 bytes, this one has 100001"},
      {"filter: " + repeat("(", 5'000) + "a" + repeat(")", 5'000),
       "the expression is nested deeper than 200 levels"},
      {"select: " + repeat("[", 5'000) + repeat("]", 5'000), "lists and mappings are nested too deep"},
      {"drop: [" + repeat(" ", 70'000) + "a, a]", "p.yaml:5:70015: column 'a' is named twice"},
  };
  for (const auto& c : cases) {
    const Result<PipelineFile> file = Read(WithStep5(c.line));
    ASSERT_FALSE(file.ok()) << c.message;
    EXPECT_THAT(file.status().message(), HasSubstr(c.message));
  }
}

TEST(PipelineMistakes, AByteOrderMarkAndWindowsLineEndsMoveNoPosition) {
  const Result<PipelineFile> file = Read("\xef\xbb\xbfname: p\r\nsteps:\r\n  - fliter: a\r\n");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), HasSubstr("p.yaml:3:5: unknown key 'fliter'"));
}

TEST(PipelineMistakes, AllMistakesAreReportedTogetherInTheOrderOfTheFile) {
  const Result<PipelineFile> file = Read(
      "name: p\nworkers: x\nsource:\n  topci: t\n  schema: {ts: int65}\nsteps:\n  - filter: a >\n  - drp: "
      "b\n");
  ASSERT_FALSE(file.ok());
  std::vector<std::string> starts;
  std::string text = file.status().message() + "\n";
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    starts.push_back(text.substr(at, 8));
  EXPECT_THAT(starts,
              testing::ElementsAre("p.yaml:1", "p.yaml:2", "p.yaml:4", "p.yaml:5", "p.yaml:7", "p.yaml:8"))
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

TEST(PipelineMistakes, AMistakeIsPlacedAtTheWordThatIsWrong) {
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

TEST(PipelineMistakes, KafkaPropertiesArePointedAt) {
  EXPECT_THAT(MistakesBelow("sinks: [{topic: o}]\nkafka:\n  bootstrap.server: x\n  linger.ms: soon\n"),
              testing::ElementsAre(testing::StartsWith("7:3: kafka: unknown property `bootstrap.server`"),
                                   testing::StartsWith("8:14: kafka: `linger.ms` cannot be `soon`")));
}

TEST(PipelineMistakes, WhatMustNameColumnsIsNotEmpty) {
  for (const char* step : {"with: {}", "select: []", "select: {}", "drop: []", "rename: {}", "cast: {}"}) {
    EXPECT_THAT(MistakesOfSteps("  - " + std::string(step) + "\n"),
                testing::ElementsAre(testing::EndsWith("names no column")))
        << step;
  }
  EXPECT_THAT(MistakesOfSteps("  - window: {by: k, tumbling: 1s, aggregate: {}}\n"),
              testing::ElementsAre("6:46: 'aggregate' names no column"));
  EXPECT_THAT(MistakesBelow("sinks: []\n"), testing::ElementsAre("5:8: a pipeline needs at least one sink"));
}

TEST(PipelineMistakes, IndependentMistakesAreReportedOnceAndWhatFollowsFromThemIsNot) {
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

TEST(PipelineMistakes, ColumnsAreCheckedAsFarAsTheyAreKnownWithoutASchema) {
  const Result<PipelineFile> file = Read(
      "name: p\nsource: {topic: t}\nsteps:\n  - filter: anything > 1\n"
      "  - window: {by: k, tumbling: 1s, aggregate: {n: count()}}\n  - drop: m\nsinks: [{topic: o}]\n");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), testing::StartsWith("p.yaml:6:11: drop 'drop-1': unknown column 'm'"));
}

TEST(PipelineMistakes, OnlyTheFirstTwentyMistakesAreShown) {
  std::string steps;
  for (int i = 0; i < 25; ++i) steps += "  - drop: nope\n";
  const std::vector<std::string> found = MistakesOfSteps(steps);
  ASSERT_EQ(found.size(), 21U);
  EXPECT_EQ(found.back(), "and 5 more mistakes");
}

TEST(PipelineMistakes, PositionsSurviveEscapesFoldsAndSubstitution) {
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

TEST(PipelineMistakes, SecretsOfTheKafkaSectionAreNotInMessages) {
  const Result<PipelineFile> file = Read("kafka: {sasl.password: hunter2}\nnam: x\n");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace millrace
