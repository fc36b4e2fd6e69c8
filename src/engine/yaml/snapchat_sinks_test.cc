// Sinks for Snapchat as they stand in a file, and what is said of wrong ones.
#include <optional>
#include <string>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/yaml/pipeline_file_harness.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A file whose only sink is `lines`, from line 5 on; its settings are indented by six.
std::string WithSink(const std::string& lines) {
  return "name: p\nkafka: {bootstrap.servers: b}\n"
         "source: {topic: t, schema: {k: string, n: int64, email: string}}\nsinks:\n" +
         lines;
}

/// An audience sink with `settings` from line 6 on, column 7.
Result<PipelineFile> Audience(const std::string& settings) {
  std::string lines = "  - snapchat.audience:\n      ";
  for (const char c : settings) lines += c == '\n' ? std::string("\n      ") : std::string(1, c);
  return Read(WithSink(lines + "\n"));
}

const SinkNode& SinkOf(const Result<PipelineFile>& file) {
  return std::get<SinkNode>(file->plan.nodes.back().op);
}

TEST(SnapchatSinks, AnAudienceIsRead) {
  const auto plain = Audience("segment: 0123\nschema: EMAIL_SHA256\naction: add\naccess_token: x");
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  const auto& sink = std::get<SnapchatAudienceSink>(SinkOf(plain).sink);
  const SnapchatAudienceSink defaults;
  EXPECT_EQ(sink.segment.id, "0123");
  EXPECT_EQ(sink.action, "add");
  EXPECT_FALSE(sink.action_of_row.has_value());
  EXPECT_FALSE(sink.identifier.has_value());
  EXPECT_EQ(sink.access.access_token, "x");
  EXPECT_EQ(sink.access.url, defaults.access.url);
  EXPECT_EQ(sink.access.per_second, 10);
  EXPECT_EQ(sink.access.app, "");
  EXPECT_EQ(sink.access.app_per_second, std::nullopt) << "20, or per_second";
  EXPECT_EQ(sink.batch_identifiers, defaults.batch_identifiers);
  EXPECT_EQ(sink.batch_bytes, defaults.batch_bytes);
  EXPECT_EQ(sink.linger, defaults.linger);
  EXPECT_EQ(plain->plan.EffectiveCommitInterval(), Duration(1'000)) << "that of linger";

  const auto full = Audience(
      "ad_account_id: a-1\nsegment: {name: vip, description: d, retention_in_days: 90, create: true}\n"
      "schema: PHONE_SHA256\nidentifier: snap_hash_phone(k, '49')\n"
      "action: case when n > 1 then 'add' else 'remove' end\n"
      "oauth: {client_id: c, client_secret: s, refresh_token: r, token_url: \"http://t\"}\n"
      "batch: {identifiers: 5, bytes: 1KiB, linger: 3s}\nrate: 20\nurl: \"http://u\"\nca_file: f");
  ASSERT_TRUE(full.ok()) << full.status().message();
  const auto& all = std::get<SnapchatAudienceSink>(SinkOf(full).sink);
  EXPECT_EQ(all.ad_account_id, "a-1");
  EXPECT_EQ(all.segment.name, "vip");
  EXPECT_EQ(all.segment.description, "d");
  EXPECT_EQ(all.segment.retention_in_days, 90);
  EXPECT_TRUE(all.segment.create);
  EXPECT_EQ(all.schema, "PHONE_SHA256");
  EXPECT_EQ(all.identifier->expr.ToString(), "snap_hash_phone(k, '49')");
  EXPECT_TRUE(all.action.empty());
  EXPECT_TRUE(all.action_of_row.has_value());
  EXPECT_EQ(all.access.oauth->client_id, "c");
  EXPECT_EQ(all.access.oauth->client_secret, "s");
  EXPECT_EQ(all.access.oauth->refresh_token, "r");
  EXPECT_EQ(all.access.oauth->token_url, "http://t");
  EXPECT_EQ(all.access.per_second, 20);
  EXPECT_EQ(all.access.url, "http://u");
  EXPECT_EQ(all.access.ca_file, "f");
  EXPECT_EQ(all.batch_identifiers, 5);
  EXPECT_EQ(all.batch_bytes, ByteCount(1'024));
  EXPECT_EQ(all.linger, Duration(3'000));

  const auto removing = Audience("segment: s\nschema: EMAIL_SHA256\naction: remove\naccess_token: x");
  ASSERT_TRUE(removing.ok());
  EXPECT_EQ(std::get<SnapchatAudienceSink>(SinkOf(removing).sink).action, "remove");
}

TEST(SnapchatSinks, ATokenKnowsTheFileThatItIsFrom) {
  const SubstitutionSources sources{
      .variable = [](const std::string&) { return std::optional<std::string>("v"); },
      .read_file = [](const std::string&) -> Result<std::string> { return std::string("secret\n"); }};
  for (const auto& [written, token, path] :
       {std::tuple("${file:/run/token}", "secret", "/run/token"),
        std::tuple("\"${file:/run/token}\"", "secret", "/run/token"),
        std::tuple("\"x${file:/run/token}\"", "xsecret", ""), std::tuple("${V}", "v", "")}) {
    for (const bool flow : {false, true}) {
      if (flow && written[0] != '"') continue;  // its brace would end the mapping
      const std::string settings =
          flow
              ? "  - snapchat.conversions: {pixel_id: p, map: {em: email}, access_token: " +
                    std::string(written) + "}\n"
              : "  - snapchat.conversions:\n      pixel_id: p\n      map: {em: email}\n      access_token: " +
                    std::string(written) + "\n";
      const auto file = ReadPipelineText("p.yaml", WithSink(settings), sources);
      ASSERT_TRUE(file.ok()) << file.status().message();
      const SnapchatAccess& access = std::get<SnapchatConversionsSink>(SinkOf(file).sink).access;
      EXPECT_EQ(access.access_token, token) << written;
      EXPECT_EQ(access.access_token_file, path) << written;
    }
  }
}

TEST(SnapchatSinks, TheRateIsThatOfATokenAndOfItsApp) {
  const auto file = Audience(
      "segment: s\nschema: EMAIL_SHA256\naction: add\naccess_token: x\n"
      "rate: {per_second: 30, app: shop, app_per_second: 1000}");
  ASSERT_TRUE(file.ok()) << file.status().message();
  const SnapchatAccess& access = std::get<SnapchatAudienceSink>(SinkOf(file).sink).access;
  EXPECT_EQ(access.per_second, 30);
  EXPECT_EQ(access.app, "shop");
  EXPECT_EQ(access.app_per_second, 1'000);
}

TEST(SnapchatSinks, ConversionsTakeTokensThatAreReplacedAndAnEventId) {
  const auto file = Read(
      WithSink("  - snapchat.conversions:\n      pixel_id: p\n      event_id: k\n      map: {em: email}\n"
               "      oauth: {client_id: c, client_secret: s, refresh_token: r}\n"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto& sink = std::get<SnapchatConversionsSink>(SinkOf(file).sink);
  EXPECT_EQ(sink.access.oauth->token_url, SnapchatOAuth().token_url);
  ASSERT_EQ(sink.map.size(), 2U);
  EXPECT_EQ(sink.map[1].first, "event_id");
  EXPECT_EQ(sink.map[1].second.expr.ToString(), "k");
}

TEST(SnapchatSinks, ConversionsSayWhichRepeatsAreNotSent) {
  const auto read = [](const std::string& setting) {
    const auto file = Read(WithSink(
        "  - snapchat.conversions:\n      pixel_id: p\n      access_token: x\n      map: {em: email}\n" +
        setting));
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::get<SnapchatConversionsSink>(SinkOf(file).sink).deduplicate;
  };
  constexpr Duration kHour(3'600'000);
  EXPECT_EQ(read("").event_id, 48 * kHour);
  EXPECT_EQ(read("").order_id, 30 * 24 * kHour);
  EXPECT_EQ(read("      deduplicate: {event_id: 7d}\n").event_id, 7 * 24 * kHour);
  EXPECT_EQ(read("      deduplicate: {event_id: 7d}\n").order_id, 30 * 24 * kHour);
  EXPECT_EQ(read("      deduplicate: {order_id: never}\n").order_id, std::nullopt);
  EXPECT_EQ(read("      deduplicate: off\n").event_id, std::nullopt);
  EXPECT_EQ(read("      deduplicate: off\n").order_id, std::nullopt);
}

TEST(SnapchatSinks, MistakesInAnAudienceAreFoundWithLineAndColumn) {
  const std::string rest = "schema: EMAIL_SHA256\naction: add\naccess_token: x\n";
  const struct {
    std::string settings;
    const char* message;
  } cases[] = {
      {rest, "p.yaml:6:7: 'segment' is missing in snapchat.audience"},
      {rest + "segment: [a]", "p.yaml:9:16: "},
      {rest + "segment: {}", "p.yaml:9:16: segment needs one of id or name"},
      {rest + "segment: {id: a, name: b}", "p.yaml:9:30: id and name cannot stand together in segment"},
      {rest + "segment: {id: a, create: true}", "p.yaml:9:32: 'create' belongs to a segment with a 'name'"},
      {rest + "segment: {name: b}",
       "p.yaml:9:16: sink 'sink-1': a segment by its name needs 'ad_account_id'"},
      {rest + "segment: {name: b, retention_in_days: 0}\nad_account_id: a",
       "p.yaml:9:45: 'retention_in_days' must be an integer from 1 to 9999"},
      {rest + "segment: s\nbatch: {identifiers: 100001}",
       "p.yaml:10:28: 'identifiers' must be an integer from 1 to 100000"},
      {rest + "segment: s\nidentifer: k",
       "unknown key 'identifer' in snapchat.audience (did you mean "
       "'identifier'?)"},
      {rest + "segment: s\nidentifier: emial", "p.yaml:10:19: sink 'sink-1': unknown column 'emial'"},
      {"segment: s\nschema: EMAIL\naction: add\naccess_token: x",
       "p.yaml:7:15: 'schema' must be EMAIL_SHA256, PHONE_SHA256 or MOBILE_AD_ID_SHA256, not 'EMAIL'"},
      {"segment: s\naction: add\naccess_token: x", "'schema' is missing in snapchat.audience"},
      {"segment: s\nschema: EMAIL_SHA256\naccess_token: x", "'action' is missing in snapchat.audience"},
      {"segment: s\nschema: EMAIL_SHA256\naction: n > 1\naccess_token: x",
       "p.yaml:8:15: sink 'sink-1': 'action' is add, remove, or an expression that gives 'add' or 'remove'"},
      {"segment: s\nschema: EMAIL_SHA256\naction: delete\naccess_token: x",
       "p.yaml:8:15: sink 'sink-1': unknown column 'delete'"},
      {"segment: s\nschema: EMAIL_SHA256\naction: add",
       "p.yaml:6:7: snapchat.audience needs one of access_token or oauth"},
      {"segment: s\nschema: EMAIL_SHA256\naction: add\naccess_token: x\noauth: {client_id: c, client_secret: "
       "s, refresh_token: r}",
       "p.yaml:10:14: access_token and oauth cannot stand together in snapchat.audience"},
      {"segment: s\nschema: EMAIL_SHA256\naction: add\noauth: {client_id: c, refresh_token: canary}",
       "p.yaml:9:14: 'client_secret' is missing in oauth"},
      {"segment: s\nschema: EMAIL_SHA256\naction: add\noauth: canary",
       "p.yaml:9:14: expected a mapping with the keys of oauth"},
      {"segment: s\nschema: EMAIL_SHA256\naction: add\noauth: {client_id: c, client_secret: canary, "
       "refresh_tokn: canary}",
       "unknown key 'refresh_tokn' in oauth"},
  };
  for (const auto& c : cases) {
    const auto file = Audience(c.settings);
    ASSERT_FALSE(file.ok()) << c.settings;
    EXPECT_THAT(file.status().message(), AllOf(HasSubstr(c.message), Not(HasSubstr("canary")))) << c.settings;
  }
}

TEST(SnapchatSinks, MistakesInConversionsAreFoundWithLineAndColumn) {
  const std::string begin = "  - snapchat.conversions:\n      pixel_id: p\n";
  const struct {
    std::string settings;
    const char* message;
  } cases[] = {
      {"      access_token: x\n      event_id: k\n      map: {event_id: email}\n",
       "p.yaml:8:17: 'event_id' stands in 'map', too; leave one of them out"},
      {"      access_token: x\n      event_id: kk\n", "p.yaml:8:17: sink 'sink-1': unknown column 'kk'"},
      {"      map: {em: email}\n", "p.yaml:6:7: snapchat.conversions needs one of access_token or oauth"},
      {"      oauth: {}\n      access_token: x\n", "access_token and oauth cannot stand together"},
      {"      access_token: x\n      deduplicate: never\n",
       "p.yaml:8:20: 'mode' must be on or off, not 'never'"},
      {"      access_token: x\n      deduplicate: {event_id: 0ms}\n",
       "p.yaml:8:31: sink 'sink-1': 'event_id' of 'deduplicate' must be longer than 0ms, or never"},
      {"      access_token: x\n      deduplicate: {mode: off, order_id: 1h}\n",
       "p.yaml:8:42: 'order_id' has no use with mode off"},
      {"      access_token: x\n      deduplicate: {order: 1h}\n", "unknown key 'order' in deduplicate"},
      {"      access_token: x\n      rate: {app_per_second: 0}\n",
       "p.yaml:8:30: 'app_per_second' must be an integer from 1 to 1000, not '0'"},
      {"      access_token: x\n      rate: {per_second: 5, app_per_second: 1001}\n",
       "p.yaml:8:45: 'app_per_second' must be an integer from 1 to 1000, not '1001'"},
      {"      access_token: x\n      rate: {app: [a]}\n",
       "p.yaml:8:19: expected 'app' to be text, found a list"},
      {"      access_token: x\n      rate: {app_per_secnd: 5}\n",
       "p.yaml:8:14: unknown key 'app_per_secnd' in rate (did you mean 'app_per_second'?)"},
  };
  for (const auto& c : cases) {
    const auto file = Read(WithSink(begin + c.settings));
    ASSERT_FALSE(file.ok()) << c.settings;
    EXPECT_THAT(file.status().message(), HasSubstr(c.message)) << c.settings;
  }
}

TEST(SnapchatSinks, AllThatIsWrongWithTheFieldsOfEventsIsSaidAtOnce) {
  const std::string begin = "  - snapchat.conversions:\n      access_token: x\n";
  const struct {
    const char* settings;
    std::vector<const char*> messages;  // none: the file is good
  } cases[] = {
      {"      pixel_id: p\n      map: {em: email}\n", {}},
      {"      pixel_id: p\n      map:\n        em: email\n        opt_out: email\n        contents: n\n",
       {"p.yaml:10:18: sink 'sink-1': the field opt_out cannot be made of 'email', which is string",
        "p.yaml:11:19: sink 'sink-1': the field custom_data.contents cannot be made of 'n', which is int64"}},
      {"      pixel_id: p\n      map: {emial: email}\n", {"did you mean 'em', as Snap calls email?"}},
      {"      pixel_id: p\n      map: {user_data.emm: email}\n", {"did you mean 'user_data.em'?"}},
      {"      pixel_id: p\n      map: {em: email, event_name: \"'PURCHSE'\"}\n",
       {"p.yaml:8:37: sink 'sink-1': event_name 'PURCHSE' is none that Snap knows (did you mean "
        "'PURCHASE'?)"}},
      {"      pixel_id: p\n      map: {em: email, event_name: \"'page_view'\"}\n", {}},
      {"      pixel_id: p\n      map: {event_name: k}\n",
       {"p.yaml:5:5: sink 'sink-1': no event has somebody to attribute it to"}},
      {"      pixel_id: p\n      map: {madid: k}\n", {"no event has somebody to attribute it to"}},
      {"      pixel_id: p\n      map: {madid: k, action_source: k}\n", {}},
      {"      pixel_id: p\n      map: {client_ip_address: k}\n",
       {"no event has somebody to attribute it to"}},
      {"      pixel_id: p\n      map: {client_ip_address: k, client_user_agent: k}\n", {}},
      {"      app_id: p\n      map: {em: email}\n",
       {"p.yaml:5:5: sink 'sink-1': Snap takes no app event without app_data.extinfo: map it"}},
      {"      app_id: p\n      map: {madid: k, extinfo: \"['i2']\"}\n", {}},
      {"      app_id: p\n      map: {em: email, action_source: k}\n", {}},
  };
  for (const auto& c : cases) {
    const auto file = Read(WithSink(begin + c.settings));
    EXPECT_EQ(file.ok(), c.messages.empty()) << c.settings << file.status().message();
    for (const char* message : c.messages)
      EXPECT_THAT(file.status().message(), HasSubstr(message)) << c.settings;
  }
}

TEST(SnapchatSinks, EventsBehindAWindowNeedAnId) {
  const auto read = [](const std::string& id) {
    return Read(
        "name: p\nsource: {topic: t, schema: {k: string, email: string}}\nsteps:\n"
        "  - window: {by: k, tumbling: 1m, aggregate: {n: count(), em: last(email)}}\nsinks:\n"
        "  - snapchat.conversions:\n      pixel_id: p\n      access_token: x\n" +
        id);
  };
  EXPECT_THAT(
      read("").status().message(),
      HasSubstr("p.yaml:6:5: sink 'sink-1': the rows of window 'window-1' are made of many records, so "
                "no event can be called after its record; give an 'event_id' that is the same"));
  EXPECT_TRUE(read("      event_id: k || cast(window_start as string)\n").ok());
  EXPECT_TRUE(read("      map: {event_id: k}\n").ok());
}

}  // namespace
}  // namespace millrace
