// A pipeline with a sink of conversion events, from its file to a server that answers as Snap does.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/embedded_run_harness.h"
#include "http/server.h"

namespace millrace {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Keeps the ids of the events that it took; refuses a request with one that it was told to.
class SnapStandIn {
 public:
  SnapStandIn() {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    routes.push_back({"POST", "/v3/", [this](const HttpRequest& request) { return Take(request); }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  std::string url() const { return "http://" + server_->address(); }
  void Open(bool open) {
    const MutexLock lock(mutex_);
    open_ = open;
  }
  std::multiset<std::string> taken() {
    const MutexLock lock(mutex_);
    return taken_;
  }
  int requests() {
    const MutexLock lock(mutex_);
    return requests_;
  }
  /// Those with the token in a header.
  int with_header() {
    const MutexLock lock(mutex_);
    return with_header_;
  }
  /// When requests came.
  std::vector<std::chrono::nanoseconds> times() {
    const MutexLock lock(mutex_);
    return times_;
  }
  /// What came for a pixel, one request after the other.
  std::string bodies(const std::string& pixel) {
    const MutexLock lock(mutex_);
    return bodies_["/v3/" + pixel + "/events"];
  }

 private:
  HttpResponse Take(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    ++requests_;
    times_.push_back(SystemClock().Steady());
    if (request.query == "access_token=old-token") return {401, ""};
    if (const std::string* const header = FindHeader(request.headers, "Authorization")) {
      EXPECT_EQ(*header + request.query, "Bearer canary-token");
      ++with_header_;
    } else {
      EXPECT_EQ(request.query, "access_token=canary-token");
    }
    if (!open_) return {503, ""};
    if (request.body.find("\"bad\"") != std::string::npos)
      return {400, R"({"status":"INVALID","reason":"no"})"};
    bodies_[request.path] += request.body;
    const std::string key = R"("event_id":")";
    for (std::size_t at = request.body.find(key); at != std::string::npos; at = request.body.find(key, at)) {
      at += key.size();
      taken_.insert(request.body.substr(at, request.body.find('"', at) - at));
    }
    return {200, R"({"status":"VALID"})"};
  }

  Mutex mutex_;
  bool open_ = true;  // guarded by mutex_, as all below
  int requests_ = 0;
  int with_header_ = 0;
  std::vector<std::chrono::nanoseconds> times_;
  std::map<std::string, std::string> bodies_;  // by path
  std::multiset<std::string> taken_;
  std::unique_ptr<HttpServer> server_;
};

class SnapchatRun : public EmbeddedRunTest {
 protected:
  SnapchatRun()
      : EmbeddedRunTest({"in", "dead", "late", "p-sink-1-events-changelog", "p-sink-1-orders-changelog"}) {}

  std::string Sink(const std::string& pixel, const std::string& more) const {
    return "  - snapchat.conversions:\n      pixel_id: " + pixel +
           "\n      access_token: canary-token\n      url: " + snap_.url() +
           "\n"
           "      map: {event_name: name, em: mail, event_time: at}\n"
           "      batch: {linger: 50ms}\n      rate: {per_second: 1000}\n" +
           more;
  }
  std::unique_ptr<PlanRun> MakeRun(const PlanRunOptions& options, const std::string& sinks) {
    return MakeRunOf(R"(name: p
guarantee: at_least_once
dead_letter: {topic: dead}
source:
  topic: in
  timestamp: at
  schema: {at: "timestamp[ms]", name: string, mail: string, event_source_url: string, agreed: bool, options: list<string>}
sinks:
)" + sinks,
                     options);
  }

  void Write(const std::vector<std::string>& values) {
    auto producer = *cluster_->MakeProducer("");
    ASSERT_TRUE(producer->Init().ok());
    for (const std::string& value : values) {
      OutgoingRecord record{.topic = "in", .partition = Partition(0), .value = BytesView::Of(value)};
      record.timestamp_ms = clock_.Now().value();
      ASSERT_TRUE(producer->Send(record).ok());
    }
    ASSERT_TRUE(producer->Flush().ok());
  }
  std::string Event(const std::string& name, const std::string& url, std::int64_t age_ms = 0) const {
    return R"({"at":)" + std::to_string(clock_.Now().value() - age_ms) + R"(,"name":")" + name +
           R"(","mail":"a@b.c","event_source_url":")" + url + "\"}";
  }

  SnapStandIn snap_;
};

TEST_F(SnapchatRun, EveryRowIsDeliveredOrADeadLetterOrLateAndAServerThatIsAwayIsWaitedFor) {
  Write({Event("purchase", "https://s/1"), Event("page_view", "https://s/2"), Event("save", "bad"),
         Event("page_view", "https://s/4", 8LL * 24 * 3'600'000), Event("login", "https://s/5"), "no JSON"});
  const std::string sink = Sink("pixel", "      late: {topic: late}\n");
  PlanRunOptions options;
  auto run = MakeRun(options, sink);
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return Records("dead") == 3 && Records("late") == 1; }))
        << Records("dead") << " dead letters, " << Records("late") << " late";
    // The purchase has no value; the record that is no JSON was one at the source.
    EXPECT_THAT(snap_.taken(), testing::UnorderedElementsAre("in-0-1", "in-0-4"));

    snap_.Open(false);
    const int before = snap_.requests();
    Write({Event("share", "https://s/6"), Event("rate", "https://s/7")});
    EXPECT_TRUE(Await([&] { return snap_.requests() > before + 2; }));
    EXPECT_EQ(snap_.taken().size(), 2U);
    snap_.Open(true);
    EXPECT_TRUE(Await([&] { return snap_.taken().size() == 4; }));
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();

  // What was delivered is committed: the next run sends only what is new.
  PlanRunOptions again;
  run = MakeRun(again, sink);
  Write({Event("login", "https://s/8")});
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return snap_.taken().contains("in-0-8"); }));
    again.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(snap_.taken(), testing::UnorderedElementsAre("in-0-1", "in-0-4", "in-0-6", "in-0-7", "in-0-8"));
}

TEST_F(SnapchatRun, EventsOutOfTheirTimeCanBeDeadLetters) {
  const std::int64_t hour = 3'600'000;
  Write({Event("page_view", "https://s/1", 8 * 24 * hour), Event("page_view", "https://s/2", -2 * hour),
         Event("login", "https://s/3")});
  PlanRunOptions options;
  const auto run = MakeRun(options, Sink("pixel", "      late: dead_letter\n"));
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return Records("dead") == 2 && snap_.taken().contains("in-0-2"); }))
        << Records("dead") << " dead letters";
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Records("late"), 0);
  EXPECT_EQ(snap_.taken().size(), 1U);
}

TEST_F(SnapchatRun, ATokenThatIsReplacedInItsFileNeedsNoRestart) {
  const std::string path = testing::TempDir() + "/token-" + RandomId();
  std::string sink = Sink("pixel", "");
  sink.replace(sink.find("canary-token"), 12, "${file:" + path + "}");
  ASSERT_TRUE(WriteFileAtomically(path, "old-token\n").ok());
  PlanRunOptions options;
  const auto run = MakeRun(options, sink);
  ASSERT_TRUE(WriteFileAtomically(path, "canary-token\n").ok());
  Write({Event("login", "https://s/1")});
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return snap_.taken().size() == 1; }));
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_GE(snap_.requests(), 2) << "one was refused";
  EXPECT_TRUE(RemoveAll(path).ok());
}

TEST_F(SnapchatRun, SinksWithOneTokenKeepOnePaceTogether) {
  Write({Event("login", "https://s/1")});
  std::string sinks;
  for (const char* pixel : {"one", "two", "three"}) sinks += Sink(pixel, "");
  for (const std::string rate = "1000"; const char* slower : {"10", "2"})  // of the first two
    sinks.replace(sinks.find(rate), rate.size(), slower);
  PlanRunOptions options;
  const auto run = MakeRun(options, sinks);
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return snap_.taken().size() == 3; })) << snap_.taken().size();
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  const auto times = snap_.times();
  ASSERT_EQ(times.size(), 3U);
  // Two requests a second: two at once, and the third when a half has passed.
  EXPECT_GE(times[2] - times[0], std::chrono::milliseconds(400));
}

TEST_F(SnapchatRun, ConsentDecidesWhetherAndHowEventsAreSent) {
  const auto event = [this](const char* name, const char* agreed) {
    std::string json = Event(name, "https://s");
    return json.insert(json.size() - 1, std::string(R"(,"agreed":)") + agreed);
  };
  Write({event("login", "true"), event("save", "false"), event("rate", "null")});
  std::string sinks;
  for (const char* otherwise : {"drop", "LMU", "LDU", "opt_out"})
    sinks +=
        Sink(otherwise, std::string("      consent: agreed\n      without_consent: ") + otherwise + "\n");
  sinks +=
      Sink("text", "      consent: agreed\n      without_consent: LMU\n      processing_options: text\n");
  PlanRunOptions options;
  const auto run = MakeRun(options, sinks);
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return snap_.taken().size() == 1 + 4 * 3; })) << snap_.taken().size();
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  // The marks of each event, in the order of its fields.
  const auto marks = [this](const std::string& pixel) {
    const std::string bodies = snap_.bodies(pixel);
    std::string out;
    for (const char* mark :
         {"LOGIN", "SAVE", "RATE", R"("opt_out":true)", R"("opt_out":false)", "[\"LMU\"]",
          R"(["LDU"],"data_processing_options_country":0,"data_processing_options_state":0)"}) {
      int count = 0;
      for (std::size_t at = bodies.find(mark); at != std::string::npos; at = bodies.find(mark, at + 1))
        ++count;
      out += std::to_string(count);
    }
    return out;
  };
  EXPECT_EQ(marks("drop"), "1000000");
  EXPECT_EQ(marks("LMU"), "1110020");
  EXPECT_EQ(marks("LDU"), "1110002");
  EXPECT_EQ(marks("opt_out"), "1112100");
  EXPECT_EQ(marks("text"), "1110000");
  EXPECT_THAT(snap_.bodies("text"), HasSubstr(R"("data_processing_options":"['LMU']")"));
}

TEST_F(SnapchatRun, TheDeviceIdAndTheTokenAreWhereTheyAreAskedFor) {
  Write({Event("login", "https://s")});
  std::string usual = Sink("usual", "");
  std::string other = Sink("other", "      device_id: mobile_ad_id\n      token_in: header\n");
  for (std::string* const sink : {&usual, &other})
    sink->insert(sink->find("event_time: at"), "madid: \"'AB-1'\", ");
  PlanRunOptions options;
  const auto run = MakeRun(options, usual + other);
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return snap_.taken().size() == 2; })) << snap_.taken().size();
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(snap_.bodies("usual"), HasSubstr(R"("madid":"ab-1")"));
  EXPECT_THAT(snap_.bodies("other"), HasSubstr(R"("mobile_ad_id":"ab-1")"));
  EXPECT_EQ(snap_.with_header(), 1);
}

TEST_F(SnapchatRun, ConsentLeavesTheMarksThatAnEventHas) {
  const auto event = [this](const char* name, const char* url, const char* agreed) {
    std::string json = Event(name, url);
    return json.insert(json.size() - 1, std::string(R"(,"agreed":)") + agreed);
  };
  Write({event("login", "https://s/out", "true"), event("save", "https://s", "true"),
         event("rate", "https://s", "false")});
  std::string out = Sink("out", "      consent: agreed\n      without_consent: opt_out\n");
  std::string limited = Sink("limited", "      consent: agreed\n      without_consent: LMU\n");
  const std::string end = "event_time: at";
  out.insert(out.find(end), R"(opt_out: "event_source_url = 'https://s/out'", )");
  limited.insert(
      limited.find(end),
      R"(data_processing_options: "case when event_source_url = 'https://s/out' then 'DELETE' end", )");
  PlanRunOptions options;
  const auto run = MakeRun(options, out + limited);
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return snap_.taken().size() == 6; })) << snap_.taken().size();
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  const auto of = [](const std::string& bodies, const char* name) {
    const std::size_t at = bodies.find(std::string("\"event_name\":\"") + name);
    return bodies.substr(at, bodies.find("event_name", at + 2) - at);
  };
  EXPECT_THAT(of(snap_.bodies("out"), "LOGIN"), HasSubstr(R"("opt_out":true)"));
  EXPECT_THAT(of(snap_.bodies("out"), "SAVE"), HasSubstr(R"("opt_out":false)"));
  EXPECT_THAT(of(snap_.bodies("out"), "RATE"), HasSubstr(R"("opt_out":true)"));
  EXPECT_THAT(of(snap_.bodies("limited"), "LOGIN"), HasSubstr(R"(["DELETE"])"));
  EXPECT_THAT(of(snap_.bodies("limited"), "SAVE"), Not(HasSubstr("data_processing_options")));
  EXPECT_THAT(of(snap_.bodies("limited"), "RATE"), HasSubstr(R"(["LMU"])"));
}

TEST_F(SnapchatRun, ConsentLeavesTheListsOfMarksThatEventsHave) {
  const auto event = [this](const char* name, const char* agreed, const char* options) {
    std::string json = Event(name, "https://s");
    return json.insert(json.size() - 1, std::string(R"(,"agreed":)") + agreed + R"(,"options":)" + options);
  };
  Write({event("login", "true", R"(["DELETE"])"), event("save", "true", "null"),
         event("rate", "false", R"(["DELETE"])"), event("share", "false", "null")});
  std::string sinks;
  for (const std::string pixel : {"LMU", "LDU"}) {
    sinks += Sink(pixel, "      consent: agreed\n      without_consent: " + pixel + "\n");
    sinks.insert(sinks.rfind("event_time: at"), "data_processing_options: options, ");
  }
  PlanRunOptions options;
  const auto run = MakeRun(options, sinks);
  Status status;
  {
    const Thread thread("run", [&] { status = run->Run(); });
    EXPECT_TRUE(Await([&] { return snap_.taken().size() == 8; })) << snap_.taken().size();
    options.stop.RequestStop();
  }
  EXPECT_TRUE(status.ok()) << status.message();
  for (const char* pixel : {"LMU", "LDU"}) {
    const std::string bodies = snap_.bodies(pixel);
    const auto of = [&bodies](const char* name) {
      const std::size_t at = bodies.find(std::string("\"event_name\":\"") + name);
      return bodies.substr(at, bodies.find("event_name", at + 2) - at);
    };
    const std::string marked = std::string(R"("data_processing_options":[")") + pixel + "\"]";
    EXPECT_THAT(of("LOGIN"), HasSubstr(R"("data_processing_options":["DELETE"])"));
    EXPECT_THAT(of("SAVE"), Not(HasSubstr("data_processing_options")));
    EXPECT_THAT(of("RATE"), HasSubstr(marked));
    EXPECT_THAT(of("SHARE"), HasSubstr(marked));
  }
}

class SnapchatRepeats : public SnapchatRun {
 protected:
  /// What was taken when `values` have gone through a run of a sink with `settings`: ids, in order of text.
  std::vector<std::string> TakenAfter(const std::vector<std::string>& values,
                                      const std::string& settings = "",
                                      const std::string& asset = "pixel_id: pixel") {
    Write(values);
    const std::string last = "end-" + std::to_string(++runs_);
    Write({Sale(last, last)});
    PlanRunOptions options;
    const auto run = MakeRunOf(R"(name: p
guarantee: at_least_once
dead_letter: {topic: dead}
source:
  topic: in
  timestamp: at
  schema: {at: "timestamp[ms]", name: string, id: string, nr: string, pixel: string, mail: string, event_source_url: string, agreed: bool}
sinks:
  - snapchat.conversions:
      )" + asset + R"(
      access_token: canary-token
      url: )" + snap_.url() + R"(
      map: {event_name: name, action_source: "'WEB'", em: mail, event_time: at, order_id: nr, value: "1", currency: "'EUR'"}
      event_id: id
      consent: coalesce(agreed, true)
      late: {topic: late}
      batch: {linger: 50ms}
      rate: {per_second: 1000}
)" + settings,
                               options);
    Status status;
    {
      const Thread thread("run", [&] { status = run->Run(); });
      EXPECT_TRUE(Await([&] { return snap_.taken().contains(last); }));
      options.stop.RequestStop();
    }
    EXPECT_TRUE(status.ok()) << status.message();
    std::vector<std::string> ids;
    for (const std::string& id : snap_.taken()) {
      if (!id.starts_with("end-")) ids.push_back(id);
    }
    return ids;
  }
  std::string Sale(const std::string& id, const std::string& order, std::int64_t age_ms = 0,
                   const std::string& more = "") const {
    return R"({"at":)" + std::to_string(clock_.Now().value() - age_ms) + R"(,"name":"purchase","id":")" + id +
           R"(","nr":")" + order + R"(","mail":"a@b.c","event_source_url":"https://s")" + more + "}";
  }

  static constexpr std::int64_t kHour = 3'600'000;
  int runs_ = 0;
};

TEST_F(SnapchatRepeats, AreSentOnceAlsoOverARestart) {
  EXPECT_THAT(TakenAfter({Sale("a", "1"), Sale("a", "2"), Sale("b", "3"), Sale("c", "1")}),
              testing::ElementsAre("a", "b"))
      << "a by its id, c by its order";
  EXPECT_THAT(TakenAfter({Sale("a", "4"), Sale("d", "3"), Sale("e", "5")}),
              testing::ElementsAre("a", "b", "e"));
}

TEST_F(SnapchatRepeats, GoByTheTimeOfTheEvents) {
  // Two days apart is another event of that id, and still the same order.
  EXPECT_THAT(TakenAfter({Sale("a", "1", 48 * kHour), Sale("a", "2"), Sale("b", "3", 48 * kHour - 1),
                          Sale("b", "4"), Sale("c", "1")}),
              testing::ElementsAre("a", "a", "b"));
}

TEST_F(SnapchatRepeats, OfWhatWasNotSentAreSent) {
  std::string nameless = Sale("a", "1");
  nameless.replace(nameless.find("purchase"), 8, "nonsense");
  EXPECT_THAT(TakenAfter({nameless, Sale("a", "1"), Sale("b", "2", 8 * 24 * kHour), Sale("b", "2"),
                          Sale("c", "3", 0, R"(,"agreed":false)"), Sale("c", "3"),
                          // Of the same order as a, so not sent: d is sent when it comes with another.
                          Sale("d", "1"), Sale("d", "4")}),
              testing::ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(Records("dead"), 1);
  EXPECT_EQ(Records("late"), 1);
}

TEST_F(SnapchatRepeats, OfWhatSnapRefusedAreSent) {
  std::string bad = Sale("a", "1");
  bad.replace(bad.find("https://s"), 9, "bad");
  EXPECT_THAT(TakenAfter({bad, Sale("b", "2")}), testing::ElementsAre("b"));
  EXPECT_EQ(Records("dead"), 1);
  // By the same id and order, once, and also after what was refused is read from the changelog.
  EXPECT_THAT(TakenAfter({Sale("a", "1"), Sale("c", "1"), Sale("b", "3")}), testing::ElementsAre("a", "b"));
  EXPECT_THAT(TakenAfter({Sale("a", "1")}), testing::ElementsAre("a", "b"));
}

TEST_F(SnapchatRepeats, OfWhatSnapDidNotCountAreSent) {
  EXPECT_THAT(TakenAfter({Sale("a", "1")}), testing::ElementsAre("a"));
  // A repeat of what was sent before is none here either.
  EXPECT_THAT(TakenAfter({Sale("a", "1"), Sale("b", "2"), Sale("b", "2")}, "      mode: validate\n"),
              testing::ElementsAre("a", "b", "b"));
  EXPECT_THAT(TakenAfter({Sale("c", "3")}, "      test_event_code: TEST1\n"),
              testing::ElementsAre("a", "b", "b", "c"));
  EXPECT_THAT(TakenAfter({Sale("b", "2"), Sale("c", "3"), Sale("a", "4")}),
              testing::ElementsAre("a", "b", "b", "b", "c", "c"));
}

TEST_F(SnapchatRepeats, HaveTheSameNameAndAnId) {
  std::string saved = Sale("a", "1");
  saved.replace(saved.find("purchase"), 8, "save");
  EXPECT_THAT(TakenAfter({Sale("a", "1"), saved, Sale("", ""), Sale("", "")}),
              testing::ElementsAre("a", "a", "in-0-2", "in-0-3"))
      << "events that are no purchase have no order, and rows without an id are called after their record";
}

TEST_F(SnapchatRepeats, AreOfOneAsset) {
  // Both have the same ids, so the events of one pixel are no repeats of the other's.
  const auto of = [this](const std::string& pixel) {
    return Sale("a", "1", 0, R"(,"pixel":")" + pixel + "\"");
  };
  EXPECT_THAT(
      TakenAfter({of("one"), of("two"), of("two"), of("one")}, "", "asset_id: coalesce(pixel, 'end')"),
      testing::ElementsAre("a", "a"));
  for (const char* pixel : {"one", "two"})
    EXPECT_THAT(snap_.bodies(pixel), HasSubstr(R"("event_id":"a")")) << pixel;
  EXPECT_THAT(TakenAfter({of("one"), of("three")}, "", "asset_id: coalesce(pixel, 'end')"),
              testing::ElementsAre("a", "a", "a"));
  EXPECT_THAT(snap_.bodies("three"), HasSubstr(R"("event_id":"a")"));
}

TEST_F(SnapchatRepeats, AreSentWhereTheyAreWanted) {
  EXPECT_THAT(TakenAfter({Sale("a", "1"), Sale("a", "1")}, "      deduplicate: off\n"),
              testing::ElementsAre("a", "a"));
}

TEST_F(SnapchatRepeats, CanGoByOneIdOnlyAndByOtherTimes) {
  EXPECT_THAT(TakenAfter({Sale("a", "1", 2 * kHour), Sale("b", "1"), Sale("a", "2"), Sale("a", "3")},
                         "      deduplicate: {event_id: 1h, order_id: never}\n"),
              testing::ElementsAre("a", "a", "b"));
}

}  // namespace
}  // namespace millrace
