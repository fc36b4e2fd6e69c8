// `millrace lint` as a user sees it: what it finds before anything runs, and where.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/commands/command_harness.h"
#include "engine/commands/inspect_commands.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::Not;

class Lint : public CommandTest {};

TEST_F(Lint, AcceptsAGoodFileAndPointsIntoABadOne) {
  const std::string good = Write(
      "good.yaml",
      "name: p\nsource: {topic: t, timestamp: ts, schema: {ts: \"timestamp[ms]\", k: int64, price: double}}\n"
      "steps:\n  - filter: price > 50\n  - window: {by: k, tumbling: 10s, aggregate: {n: count()}}\n"
      "sinks: [{topic: o}]\nkafka: {bootstrap.servers: \"x:1\"}\n");
  const std::string bad =
      Write("bad.yaml",
            "name: p\nsource: {topic: t, schema: {a: int64}}\n"
            "steps:\n  - filter: prise > 50\nsinks: [{topic: o}]\nkafka: {bootstrap.servers: \"x:1\"}\n");
  const Outcome outcome = Execute([&](CommandIo& io) { return LintCommand({{good, bad}, false}, io); });
  EXPECT_EQ(outcome.exit, Exit::kUsage);
  EXPECT_THAT(outcome.out, HasSubstr(good + ": ok"));
  EXPECT_THAT(outcome.err, HasSubstr(bad + ":4:13: "));
  const Outcome json = Execute([&](CommandIo& io) { return LintCommand({{bad}, true}, io); });
  EXPECT_THAT(json.out, HasSubstr("\"ok\":false,\"errors\":[\"" + bad + ":4:13: "));
}

TEST_F(Lint, ReportsUnknownKeysAndUnknownColumnsTogether) {
  const std::string file =
      Write("p.yaml",
            "name: p\nkafka: {bootstrap.servers: \"x:1\"}\nsource: {topic: t, schema: {a: int64}}\n"
            "steps:\n  - window:\n      by: [b]\n      tumbling: 1m\n      graze: 5s\n      aggregate: {n: "
            "count()}\n"
            "sinks: [{topic: o}]\n");
  const Outcome outcome = Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
  EXPECT_EQ(outcome.exit, Exit::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr(file + ":8:7: unknown key 'graze'"));
  EXPECT_THAT(outcome.err, HasSubstr("unknown column 'b'"));
}

TEST_F(Lint, SaysNothingOfWhatAMisspeltKeyTookAway) {
  const std::string file =
      Write("p.yaml",
            "name: p\nkafka: {bootstrap.servers: \"x:1\"}\nsource: {topic: t, schema: {a: int64}}\n"
            "steps:\n  - window: {by: [a], tumbling: 1m, agregate: {n: count()}}\n"
            "  - fliter: a > 1\nsinks: [{topic: o}]\n");
  const Outcome outcome = Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("'agregate'"), HasSubstr("'fliter'"), HasSubstr("'aggregate' is missing")));
  EXPECT_THAT(outcome.err, Not(HasSubstr("'aggregate' is empty")));
}

TEST_F(Lint, SaysWhatOnlyShowsWhenSinksAreMade) {
  const auto lint = [this](const std::string& settings) {
    const std::string file =
        Write("p.yaml",
              "name: p\nkafka: {bootstrap.servers: \"x:1\"}\nsource: {topic: t, schema: {mail: string}}\n"
              "sinks:\n  - snapchat.conversions: {access_token: canary-token, " +
                  settings + "}\n");
    return Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
  };
  EXPECT_EQ(lint("pixel_id: p-1, map: {em: mail}").exit, Exit::kOk);
  const Outcome field = lint("pixel_id: p-1, map: {emm: mail}");
  EXPECT_EQ(field.exit, Exit::kUsage);
  EXPECT_THAT(field.err, AllOf(HasSubstr(":5:77: sink 'sink-1': map: an event has no field 'emm'"),
                               HasSubstr("did you mean 'em'?"), Not(HasSubstr("canary"))));
  EXPECT_THAT(lint("pixel_id: a/b, map: {em: mail}").err, HasSubstr("'a/b' is no id of a pixel or an app"));
  EXPECT_THAT(lint("pixel_id: a, map: {em: mail}, ca_file: nowhere.pem").err, HasSubstr("nowhere.pem"));
}

TEST_F(Lint, ReportsUnknownFieldsOfEventsTogetherWithUnknownKeys) {
  const std::string file = Write(
      "p.yaml",
      "name: p\nkafka: {bootstrap.servers: \"x:1\"}\nsource: {topic: t, schema: {mail: string}}\n"
      "sinks:\n  - snapchat.conversions:\n      pixel_id: p\n      acess_token: canary-token\n      map:\n"
      "        evnt_name: \"'PURCHASE'\"\n        em: mial\n        user_data.em: mail\n"
      "      leave_out: [cty]\n");
  const Outcome outcome = Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
  EXPECT_EQ(outcome.exit, Exit::kUsage);
  for (const char* said :
       {":7:7: unknown key 'acess_token'", ":9:9: sink 'sink-1': map: an event has no field 'evnt_name' (did",
        ":10:13: sink 'sink-1': unknown column 'mial'",
        ":11:9: sink 'sink-1': map: the field user_data.em is spoken of twice",
        ":12:19: sink 'sink-1': leave_out: an event has no field 'cty'"}) {
    EXPECT_THAT(outcome.err, HasSubstr(said));
  }
  EXPECT_THAT(outcome.err, Not(HasSubstr("canary")));
}

TEST_F(Lint, SaysWhatAnAudienceLacksBeforeItRuns) {
  const auto lint = [this](const std::string& settings) {
    const std::string file = Write(
        "p.yaml",
        "name: p\nkafka: {bootstrap.servers: \"x:1\"}\nsource: {topic: t, schema: {mail: string, n: int64}}\n"
        "sinks:\n  - snapchat.audience: {action: add, access_token: canary-token, " +
            settings + "}\n");
    return Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
  };
  EXPECT_EQ(lint("schema: EMAIL_SHA256, segment: s, identifier: mail").exit, Exit::kOk);
  const Outcome missing = lint("schema: EMAIL_SHA256, segment: s");
  EXPECT_EQ(missing.exit, Exit::kUsage);
  EXPECT_THAT(
      missing.err,
      AllOf(HasSubstr(":5:5: sink 'sink-1': 'identifier' is missing: there is neither a column 'em' nor "
                      "'email' that it could be"),
            Not(HasSubstr("canary"))));
  EXPECT_THAT(lint("schema: EMAIL_SHA256, segment: a/b, identifier: mail").err,
              HasSubstr("segment: 'a/b' is no id"));
  EXPECT_THAT(lint("schema: EMAIL_SHA256, segment: {name: s}, ad_account_id: a b, identifier: mail").err,
              HasSubstr("ad_account_id: 'a b' is no id"));
  EXPECT_THAT(lint("schema: PHONE_SHA256, segment: s, identifier: mail, ca_file: nowhere.pem").err,
              HasSubstr("nowhere.pem"));
}

TEST_F(Lint, AcceptsATextSourceWithoutASchema) {
  for (const std::string format : {"string", "bytes"}) {
    const std::string file =
        Write("p.yaml", "name: p\nkafka: {bootstrap.servers: \"x:1\"}\nsource: {topic: t, format: " + format +
                            "}\nsinks: [{topic: o, format: " + format + "}]\n");
    const Outcome outcome = Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
    EXPECT_EQ(outcome.exit, Exit::kOk) << outcome.err;
  }
}

TEST_F(Lint, PointsAtTheCharacterOfAnExpression) {
  struct Case {
    const char* steps;
    const char* place;
    const char* message;
  };
  const Case cases[] = {
      {"  - filter: price > 50 and prise > 1\n", ":4:28: ", "unknown column 'prise'"},
      {"  - filter: 'a'' is not null or prise > 1'\n", ":4:15: ", "no closing"},
      {"  - filter: \"price > 50\\tand prise > 1\"\n", ":4:30: ", "unknown column 'prise'"},
      {"  - filter: name = 'é\\ü' and prise > 1\n", ":4:30: ", "unknown column 'prise'"},
      {"  - filter: |\n      price > 50\n        and prise > 1\n", ":6:13: ", "unknown column 'prise'"},
      {"  - filter: >-\n      price > 50\n\n      and uper(name) = 'A'\n",
       ":7:11: ", "unknown function 'uper'"},
      {"  - filter: price > 50\n      and\n      prise > 1\n", ":6:7: ", "unknown column 'prise'"},
      {"  - filter: |\n      price >\n", ":5:14: ", "found the end"},
      {"  - with: {x: price * 2, y: coalesce(prise, 0)}\n", ":4:38: ", "unknown column 'prise'"},
      {"  - select: [price, {n: upper(nam)}]\n", ":4:31: ", "unknown column 'nam'"},
      {"  - with: {x: \"price + ${ADD:-prise}\"}\n", ":4:24: ", "unknown column 'prise'"},
      {"  - cast: {price: list<strng>}\n", ":4:24: ", "unknown type 'strng'"},
      {"  - window: {by: name, tumbling: 1m, aggregate: {n: sum(prise)}}\n",
       ":4:57: ", "unknown column 'prise'"},
      {"  - window: {by: name, tumbling: 1m, aggregate: {total: sum(price)}, trigger: {when: totl > 1, "
       "after: "
       "update}}\n",
       ":4:86: ", "unknown column 'totl' (did you mean 'total'?)"},
      {"  - window:\n      by: name\n      tumbling: 1m\n      aggregate: {n: count()}\n      trigger:\n     "
       "   "
       "when: name = 'a' and price > 1\n        before: update\n",
       ":9:30: ", "unknown column 'price'"},
      {"  - window: {by: name, sliding: 1m, aggregate: {n: count()}, trigger: {when: n > 1, after: "
       "update}}\n",
       ":4:71: ", "'trigger' is not for sliding windows"},
  };
  for (const Case& tested : cases) {
    const std::string file =
        Write("p.yaml", std::string("name: p\nkafka: {bootstrap.servers: \"x:1\"}\nsteps:\n") + tested.steps +
                            "source: {topic: t, schema: {price: double, name: string}}\n"
                            "sinks: [{topic: o}]\n");
    const Outcome outcome = Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
    EXPECT_EQ(outcome.exit, Exit::kUsage) << tested.steps;
    EXPECT_THAT(outcome.err, HasSubstr(file + tested.place)) << tested.steps;
    EXPECT_THAT(outcome.err, HasSubstr(tested.message)) << tested.steps;
    EXPECT_THAT(outcome.err, Not(HasSubstr("at character"))) << tested.steps;
  }
}

TEST_F(Lint, RefusesAnUnknownKafkaProperty) {
  const std::string file =
      Write("p.yaml", "name: p\nkafka: {bootstrap.server: x}\nsource: {topic: t}\nsinks: [{topic: o}]\n");
  const Outcome outcome = Execute([&](CommandIo& io) { return LintCommand({{file}, false}, io); });
  EXPECT_EQ(outcome.exit, Exit::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("bootstrap.servers"));
}

}  // namespace
}  // namespace millrace
