#include "connectors/snapchat/audience_sink.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/audience_harness.h"
#include "connectors/snapchat/audience_mapping.h"
#include "env/thread.h"
#include "expr/builder.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr Duration kLong{20'000};

class AudienceSinkTest : public testing::Test {
 protected:
  AudienceSinkTest() { stand_in_.AddSegment("s-1", "known", "2026-01-01"); }

  AudienceOptions Options() const {
    AudienceOptions options;
    options.connection = {
        .step = "sink-1",
        .access = {.url = {}, .login = {.access_token = "secret-token", .oauth = {}}, .per_second = 1'000}};
    options.connection.backoff = {.first = Duration(1), .longest = Duration(5)};
    options.url = stand_in_.url();
    options.segment_id = "s-1";
    options.before_check = Duration(1);
    return options;
  }
  std::shared_ptr<AudienceConnection> Connect(const AudienceOptions& options) {
    auto connection = AudienceConnection::Make(options, clock_, metrics_);
    EXPECT_TRUE(connection.ok());
    return *connection;
  }
  std::unique_ptr<Sink> Make(std::shared_ptr<AudienceConnection> connection) {
    return *MakeAudienceSink(Rows({}).data->schema(), std::move(connection));
  }
  std::unique_ptr<Sink> Make() { return Make(Connect(Options())); }

  /// "+a": somebody is added; "-a": removed.
  static Batch Rows(const std::vector<std::string>& changes) {
    AudienceCase given;
    given.action = "kind";
    for (const std::string& change : changes) {
      given.rows.push_back(R"({"email":")" + change.substr(1) + R"(@b.c","kind":")" +
                           (change[0] == '+' ? "add" : "remove") + "\"}");
    }
    return *AudienceBatch(given);
  }
  static std::set<std::string> Hashes(const std::vector<std::string>& names) {
    std::set<std::string> hashes;
    for (const std::string& name : names) hashes.insert(Sha256Of(name + "@b.c"));
    return hashes;
  }

  void Write(Sink& sink, const std::vector<std::string>& changes) {
    SinkContext context{.errors = &errors_, .failed = &failed_};
    ASSERT_TRUE(sink.Write(Rows(changes), context).ok());
    EXPECT_EQ(context.unsettled, static_cast<std::int64_t>(changes.size()));
  }
  /// Rows that were delivered.
  std::int64_t Prepare(Sink& sink) {
    SinkContext context{.errors = &errors_, .failed = &failed_};
    const Status prepared = sink.Prepare(context);
    EXPECT_TRUE(prepared.ok()) << prepared.message();
    return context.settled;
  }
  /// What had been sent before has arrived: the server answers in the order in which requests come.
  static void AwaitQuiet(const std::string& url) {
    const auto client = *HttpClient::Start({});
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(client->Call({"GET", url + "/v1/segments/s-1"}).ok());
  }
  double Metric(const std::string& name) { return metrics_.Sum(name); }

  SegmentsStandIn stand_in_;
  const SystemClock clock_;
  MetricRegistry metrics_;
  std::vector<RowError> errors_;
  std::vector<FailedRows> failed_;
};

TEST_F(AudienceSinkTest, NothingIsSentBeforeACheckpointIsDue) {
  const auto sink = Make();
  Write(*sink, {"+a", "+b"});
  Write(*sink, {"-a"});
  EXPECT_TRUE(stand_in_.uploads().empty());
  ASSERT_TRUE(sink->Settle(kLong));
  EXPECT_EQ(Prepare(*sink), 3) << "a row that another took the place of is settled with it";
  EXPECT_EQ(stand_in_.members(), Hashes({"b"}));
  EXPECT_EQ(stand_in_.uploads().size(), 2U);
  ASSERT_TRUE(sink->Settle(Duration(0)));
  EXPECT_EQ(Prepare(*sink), 0);
}

TEST_F(AudienceSinkTest, WhatComesWhileSomethingIsUnderWayDoesNotOvertakeIt) {
  stand_in_.set_answer([](const AudienceRequest& request) {
    return request.method == "POST" ? std::optional(HttpResponse{503, ""}) : std::nullopt;
  });
  const auto sink = Make();
  Write(*sink, {"+a", "+b"});
  EXPECT_FALSE(sink->Settle(Duration(50)));
  // A window that closes by the clock, for instance.
  Write(*sink, {"-a"});
  EXPECT_FALSE(sink->Settle(Duration(50)));
  EXPECT_TRUE(stand_in_.uploads().empty()) << "somebody was removed who is about to be added";
  stand_in_.set_answer(nullptr);
  ASSERT_TRUE(sink->Settle(kLong));
  EXPECT_EQ(Prepare(*sink), 3);
  const auto uploads = stand_in_.uploads();
  ASSERT_EQ(uploads.size(), 2U);
  EXPECT_EQ(uploads[0].action(), "add");
  EXPECT_EQ(uploads[1].action(), "remove");
  EXPECT_EQ(stand_in_.members(), Hashes({"b"}));
}

TEST_F(AudienceSinkTest, OneBadIdentifierCostsItself) {
  const std::string bad = *Hashes({"bad"}).begin();
  stand_in_.set_answer([&](const AudienceRequest& request) -> std::optional<HttpResponse> {
    if (request.body.find(bad) == std::string::npos) return std::nullopt;
    return HttpResponse{
        200,
        R"({"request_status":"SUCCESS","users":[{"sub_request_status":"ERROR","sub_request_error_reason":"odd"}]})"};
  });
  const auto sink = Make();
  std::vector<std::string> changes = {"+bad"};
  for (int i = 0; i < 200; ++i) changes.push_back("+u" + std::to_string(i));
  changes.emplace_back("+bad");
  Write(*sink, changes);
  ASSERT_TRUE(sink->Settle(kLong));
  EXPECT_EQ(Prepare(*sink), 201);
  EXPECT_EQ(stand_in_.members().size(), 200U);
  ASSERT_EQ(failed_.size(), 1U);
  ASSERT_EQ(failed_[0].errors.size(), 1U);
  EXPECT_EQ(failed_[0].errors[0].row, 201) << "that which was sent";
  EXPECT_EQ(failed_[0].errors[0].error_class, "refused");
  EXPECT_EQ(failed_[0].errors[0].message, "Snap refused it: HTTP 200, SUCCESS: odd");
}

TEST_F(AudienceSinkTest, ARefusalOfEverythingIsNoFloodOfDeadLetters) {
  stand_in_.set_answer([](const AudienceRequest&) {
    return std::optional(HttpResponse{400, R"({"request_status":"ERROR","error_code":"E1001"})"});
  });
  const auto sink = Make();
  std::vector<std::string> changes;
  for (int i = 0; i < 500; ++i) changes.push_back("+u" + std::to_string(i));
  Write(*sink, changes);
  EXPECT_FALSE(sink->Settle(Duration(500)));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
  EXPECT_LT(Metric("millrace_delivery_requests_total"), 100);
}

TEST_F(AudienceSinkTest, WhatIsNoAnswerOfSnapsPausesAndNothingBecomesADeadLetter) {
  stand_in_.set_answer([](const AudienceRequest&) {
    return std::optional(HttpResponse{400, "<html>Bad Request</html>", "text/html"});
  });
  const auto sink = Make();
  Write(*sink, {"+a", "+b"});
  EXPECT_FALSE(sink->Settle(Duration(500)));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
  EXPECT_EQ(Metric("millrace_delivery_requests_total"), 1) << "it is not cut in parts";
}

TEST_F(AudienceSinkTest, WithoutARightItPausesAndNothingBecomesADeadLetter) {
  stand_in_.set_answer([](const AudienceRequest&) {
    return std::optional(HttpResponse{403, R"({"request_status":"ERROR","error_code":"E3002"})"});
  });
  const auto sink = Make();
  Write(*sink, {"+a"});
  testing::internal::CaptureStderr();
  EXPECT_FALSE(sink->Settle(Duration(500)));
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      HasSubstr("HTTP 403, ERROR: E3002; the token has no right to this ad account or segment: grant it"));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
}

TEST_F(AudienceSinkTest, ARightThatIsTakenAwayPausesThoughOtherRequestsWereTaken) {
  AudienceOptions options = Options();
  options.segment_id = {};
  options.wanted = SegmentWanted{.ad_account_id = "a", .name = "known"};
  const auto sink = Make(Connect(options));
  Write(*sink, {"+a", "-b"});
  ASSERT_TRUE(sink->Settle(kLong));
  EXPECT_EQ(Prepare(*sink), 2);
  stand_in_.set_answer([](const AudienceRequest&) {
    return std::optional(HttpResponse{403, R"({"request_status":"ERROR","error_code":"E3002"})"});
  });
  Write(*sink, {"+c", "-a"});
  EXPECT_FALSE(sink->Settle(Duration(500)));
  EXPECT_EQ(Metric("millrace_delivery_paused"), 1);
}

TEST_F(AudienceSinkTest, ATokenThatExpiresIsReplacedForAllTasksAtOnce) {
  AudienceOptions options = Options();
  options.connection.access.login = {.access_token = {},
                                     .oauth = OAuthOptions{.token_url = stand_in_.url() + "/token",
                                                           .client_id = "me",
                                                           .client_secret = "canary-secret",
                                                           .refresh_token = "canary-refresh",
                                                           .min_life = Duration(0)}};
  const auto connection = Connect(options);
  const auto first = Make(connection);
  const auto second = Make(connection);
  for (Sink* sink : {first.get(), second.get()}) {
    Write(*sink, {"+a"});
    ASSERT_TRUE(sink->Settle(kLong));
    EXPECT_EQ(Prepare(*sink), 1);
  }
  EXPECT_EQ(stand_in_.tokens_granted(), 1) << "one for both";
  stand_in_.ExpireTokens();
  for (Sink* sink : {first.get(), second.get()}) {
    Write(*sink, {"-a"});
    ASSERT_TRUE(sink->Settle(kLong));
    EXPECT_EQ(Prepare(*sink), 1);
  }
  EXPECT_EQ(stand_in_.tokens_granted(), 2);
  EXPECT_EQ(stand_in_.uploads().back().token, "token-2");
  EXPECT_TRUE(stand_in_.members().empty());
}

TEST_F(AudienceSinkTest, ASegmentByItsNameIsFoundOnceForAllTasks) {
  stand_in_.AddSegment("s-2", "vip", "2026-01-03");
  stand_in_.AddSegment("s-3", "vip", "2026-01-02");
  AudienceOptions options = Options();
  options.segment_id.clear();
  options.wanted = SegmentWanted{.ad_account_id = "a", .name = "vip"};
  const auto connection = Connect(options);
  EXPECT_TRUE(stand_in_.lines().empty()) << "it is looked for at the first use";
  for (int task = 0; task < 3; ++task) {
    const auto sink = Make(connection);
    Write(*sink, {"+a" + std::to_string(task)});
    ASSERT_TRUE(sink->Settle(kLong));
    EXPECT_EQ(Prepare(*sink), 1);
  }
  EXPECT_THAT(stand_in_.lines(), ElementsAre("GET /v1/adaccounts/a/segments?limit=1000",
                                             "GET /v1/adaccounts/a/segments?cursor=2"));
  EXPECT_EQ(stand_in_.members("s-3"), Hashes({"a0", "a1", "a2"}));
}

TEST_F(AudienceSinkTest, AMissingSegmentStopsThePipelineAndSaysWhatToDo) {
  AudienceOptions options = Options();
  options.segment_id.clear();
  options.wanted = SegmentWanted{.ad_account_id = "a", .name = "vpi"};
  const auto sink = Make(Connect(options));
  Write(*sink, {"+a"});
  ASSERT_TRUE(sink->Settle(kLong));
  SinkContext context{.errors = &errors_, .failed = &failed_};
  const Status prepared = sink->Prepare(context);
  EXPECT_EQ(prepared.error_class(), ErrorClass::kUser);
  EXPECT_THAT(prepared.message(), HasSubstr("has no segment 'vpi'; correct the name, or have it created"));
  EXPECT_TRUE(stand_in_.uploads().empty());
}

TEST_F(AudienceSinkTest, ARefusedCreationStopsThePipelineAndSaysWhy) {
  stand_in_.set_answer([](const AudienceRequest& request) -> std::optional<HttpResponse> {
    if (request.method != "POST") return std::nullopt;
    return HttpResponse{400, R"({"request_status":"ERROR","debug_message":"too many segments"})"};
  });
  AudienceOptions options = Options();
  options.segment_id.clear();
  options.wanted = SegmentWanted{.ad_account_id = "a", .name = "vip", .create = true};
  const auto sink = Make(Connect(options));
  Write(*sink, {"+a"});
  ASSERT_TRUE(sink->Settle(kLong));
  SinkContext context{.errors = &errors_, .failed = &failed_};
  EXPECT_THAT(sink->Prepare(context).message(), HasSubstr("too many segments"));
}

TEST_F(AudienceSinkTest, ProcessesThatCreateASegmentAtOnceUseTheSame) {
  AudienceOptions options = Options();
  options.segment_id.clear();
  options.wanted = SegmentWanted{.ad_account_id = "a", .name = "vip", .create = true};
  constexpr int kProcesses = 4;
  std::vector<std::unique_ptr<Sink>> sinks;
  for (int i = 0; i < kProcesses; ++i) {
    sinks.push_back(Make(Connect(options)));
    Write(*sinks.back(), {"+p" + std::to_string(i)});
  }
  // Step by step, so that all of them look before one has created.
  for (int done = 0; done < kProcesses;) {
    done = 0;
    for (const auto& sink : sinks) done += sink->Settle(Duration(5)) ? 1 : 0;
  }
  EXPECT_EQ(stand_in_.members("made-1").size(), static_cast<std::size_t>(kProcesses));
  for (const std::string& id : stand_in_.segment_ids()) {
    if (id != "made-1") {
      EXPECT_TRUE(stand_in_.members(id).empty()) << id;
    }
  }
  for (const auto& sink : sinks) EXPECT_EQ(Prepare(*sink), 1);
}

TEST_F(AudienceSinkTest, WhatSnapMakesOfUploadsIsFollowedUntilItIsDone) {
  AudienceOptions options = Options();
  options.follow_every = Duration(5);
  const auto sink = Make(Connect(options));
  const auto status = [this](const char* family, const char* name) {
    return metrics_.GetGauge(family, "", {{"step", "sink-1"}, {"status", name}}).value();
  };
  const auto await = [&](auto condition) {
    const auto deadline = clock_.Steady() + std::chrono::seconds(20);
    while (!condition() && clock_.Steady() < deadline) (void)StopToken().WaitFor(Duration(5));
    return condition();
  };
  EXPECT_TRUE(stand_in_.lines().empty()) << "nothing was sent yet";
  stand_in_.SetStatus("PROCESSING", "TOO_FEW_USERS", 12);
  Write(*sink, {"+a"});
  ASSERT_TRUE(sink->Settle(kLong));
  EXPECT_EQ(Prepare(*sink), 1);
  EXPECT_TRUE(await([&] { return status("millrace_snapchat_segment_upload", "PROCESSING") == 1; }));
  EXPECT_TRUE(await([&] { return Metric("millrace_snapchat_segment_users") == 12; }));
  EXPECT_EQ(status("millrace_snapchat_segment_targetable", "TOO_FEW_USERS"), 1);
  stand_in_.SetStatus("COMPLETE", "READY", 1'500);
  EXPECT_TRUE(await([&] { return Metric("millrace_snapchat_segment_users") == 1'500; }));
  EXPECT_EQ(status("millrace_snapchat_segment_upload", "PROCESSING"), 0);
  EXPECT_EQ(status("millrace_snapchat_segment_upload", "COMPLETE"), 1);
  EXPECT_EQ(status("millrace_snapchat_segment_targetable", "READY"), 1);
  // Nothing more is asked until something more is sent.
  (void)StopToken().WaitFor(Duration(50));
  const std::size_t asked = stand_in_.lines().size();
  (void)StopToken().WaitFor(Duration(50));
  EXPECT_EQ(stand_in_.lines().size(), asked);
  stand_in_.SetStatus("COMPLETE", "READY", 1'501);
  Write(*sink, {"+b"});
  ASSERT_TRUE(sink->Settle(kLong));
  EXPECT_TRUE(await([&] { return Metric("millrace_snapchat_segment_users") == 1'501; }));
}

/// Rows in random order with random checkpoints; now and then the process is killed, with nothing, a part or
/// all of what it was to send on the far side, and the rows since the last checkpoint come again, cut at
/// other places.
TEST_F(AudienceSinkTest, AnUploadIsFollowedFromWhenSnapTookIt) {
  AudienceOptions options = Options();
  options.follow_every = Duration(2);
  const auto sink = Make(Connect(options));
  const auto processing = [this] {
    return metrics_
        .GetGauge("millrace_snapchat_segment_upload", "", {{"step", "sink-1"}, {"status", "PROCESSING"}})
        .value();
  };
  stand_in_.SetStatus("COMPLETE", "READY", 12);  // of what was uploaded before
  stand_in_.set_answer([](const AudienceRequest& request) {
    return request.method == "POST" ? std::optional(HttpResponse{503, ""}) : std::nullopt;
  });
  Write(*sink, {"+a"});
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(sink->Settle(Duration(20)));
  EXPECT_TRUE(stand_in_.lines().empty()) << "nothing is known of this upload yet";
  stand_in_.SetStatus("PROCESSING", "READY", 12);
  stand_in_.set_answer(nullptr);
  ASSERT_TRUE(sink->Settle(kLong));
  EXPECT_EQ(Prepare(*sink), 1);
  const auto deadline = clock_.Steady() + std::chrono::seconds(20);
  while (processing() < 1 && clock_.Steady() < deadline) (void)StopToken().WaitFor(Duration(5));
  EXPECT_EQ(processing(), 1);
}

TEST_F(AudienceSinkTest, WhateverIsRepeatedTheLastActionOfEachIdentifierWins) {
  int kills = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    SegmentsStandIn stand_in;
    stand_in.AddSegment("s-1", "known", "2026-01-01");
    int calls = 0;
    stand_in.set_answer([&](const AudienceRequest&) -> std::optional<HttpResponse> {
      if (++calls % 7 == 3) return HttpResponse{503, ""};
      if (calls % 11 == 5) return HttpResponse{429, "", "text/plain", {{"Retry-After", "0"}}};
      return std::nullopt;
    });
    AudienceOptions options = Options();
    options.url = stand_in.url();
    options.batch_identifiers = 3;
    std::vector<std::string> rows;
    std::map<std::string, bool> last;
    for (int i = 0; i < 200; ++i) {
      const std::string name = "u" + std::to_string(random.Below(15));
      const bool add = random.Below(2) == 0;
      rows.push_back((add ? "+" : "-") + name);
      last[name] = add;
    }
    auto sink = Make(Connect(options));
    for (std::size_t committed = 0, read = 0; committed < rows.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random.Below(20), rows.size() - read);
      Write(*sink, {rows.begin() + static_cast<std::ptrdiff_t>(read),
                    rows.begin() + static_cast<std::ptrdiff_t>(read + count)});
      read += count;
      const bool due = read == rows.size() || random.Below(3) == 0;
      if (!due) continue;
      if (random.Below(3) == 0) {
        for (std::uint64_t i = random.Below(5); i > 0; --i) (void)sink->Settle(Duration(1));
        sink.reset();  // and with it the connection
        AwaitQuiet(stand_in.url());
        sink = Make(Connect(options));
        read = committed;
        ++kills;
        continue;
      }
      ASSERT_TRUE(sink->Settle(kLong));
      (void)Prepare(*sink);
      committed = read;
    }
    std::vector<std::string> in;
    for (const auto& [name, added] : last) {
      if (added) in.push_back(name);
    }
    EXPECT_EQ(stand_in.members(), Hashes(in));
  }
  EXPECT_GT(kills, 10);
}

TEST_F(AudienceSinkTest, NoErrorHoldsAnIdentifier) {
  const auto sink = Make();
  AudienceCase given;
  given.action = "email";
  given.rows = {R"({"email":"canary@b.c"})", R"({"email":null})"};
  SinkContext context{.errors = &errors_, .failed = &failed_};
  ASSERT_TRUE(sink->Write(*AudienceBatch(given), context).ok());
  ASSERT_EQ(errors_.size(), 2U);
  for (const RowError& error : errors_) EXPECT_THAT(error.message, Not(HasSubstr("canary")));
}

TEST_F(AudienceSinkTest, ARowWithoutAnIdentifierSaysWhichColumnThatIsAndWhatToDo) {
  AudienceOptions options = Options();
  for (const auto& [said, message] :
       {std::pair(
            std::optional(Col("mail")),
            "there is no identifier: 'mail' is null, or nothing is left of it; leave such rows out with "
            "where: snap_hash_email(mail) is not null"),
        std::pair(
            std::optional<Expr>(),
            "there is no identifier: the column em, or else email, is null, or nothing is left of it; leave "
            "such rows out with where: snap_hash_email(email) is not null")}) {
    options.no_identifier = NoIdentifier(AudienceSchema::kEmail, said);
    const auto sink = Make(Connect(options));
    AudienceCase given;
    given.rows = {R"({"email":" "})"};
    errors_.clear();
    SinkContext context{.errors = &errors_, .failed = &failed_};
    ASSERT_TRUE(sink->Write(*AudienceBatch(given), context).ok());
    ASSERT_EQ(errors_.size(), 1U);
    EXPECT_EQ(errors_[0].message, message);
  }
}

}  // namespace
}  // namespace millrace
