#include "runtime/feeder.h"

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connect/cluster_around.h"
#include "connectors/memory/memory_cluster.h"

namespace millrace {
namespace {

/// A service with numbered items. Its cursor is the position.
class Service {
 public:
  std::vector<std::string> items;
  std::deque<Status> errors;      // what the next calls of Next answer
  std::function<void()> on_next;  // happens once, while Next is under way
  int opened = 0;
  int asked = 0;
};

class ServiceSource final : public FeedSource {
 public:
  explicit ServiceSource(Service* service) : service_(*service) {}

  Status Open(FeedPositions positions) override {
    ++service_.opened;
    at_ = positions.contains("at") ? std::stoul(positions["at"]) : 0;
    return Status::Ok();
  }

  Result<FeedBatch> Next(Duration /*wait*/) override {
    ++service_.asked;
    if (auto happens = std::exchange(service_.on_next, nullptr)) happens();
    if (!service_.errors.empty()) {
      Status error = service_.errors.front();
      service_.errors.pop_front();
      if (!error.ok()) return error;
    }
    FeedBatch batch;
    for (; at_ < service_.items.size() && batch.records.size() < 3; ++at_)
      batch.records.push_back({"k" + std::to_string(at_), service_.items[at_], EventTime(1'000)});
    if (!batch.records.empty()) batch.positions["at"] = std::to_string(at_);
    return batch;
  }

 private:
  Service& service_;
  std::size_t at_ = 0;
};

class FeederTest : public ::testing::Test {
 protected:
  FeederTest() : clock_(EventTime(1'000'000)), log_(&clock_), cluster_(&log_) {
    for (const char* name : {"rows", "position"}) {
      NewTopic topic;
      topic.name = name;
      EXPECT_TRUE(log_.CreateTopic(topic).ok());
    }
    feed_ = {.source = "source-1",
             .topic = "rows",
             .position_topic = "position",
             .group = "app-source-1-feed",
             .make_source = {}};
  }

  std::unique_ptr<Feeder> MakeFeeder(const std::string& id, Service* service) {
    return MakeFeeder(id, service, cluster_);
  }
  std::unique_ptr<Feeder> MakeFeeder(const std::string& id, Service* service, Cluster& cluster) {
    auto feeder =
        std::make_unique<Feeder>(feed_, std::make_unique<ServiceSource>(service), cluster, clock_, metrics_,
                                 FeederOptions{.client_id = id, .exactly_once = exactly_once_});
    EXPECT_TRUE(feeder->Start().ok());
    return feeder;
  }

  /// Time passes, so that what waits goes on.
  void Run(const std::vector<Feeder*>& feeders, int rounds = 60) {
    for (int round = 0; round < rounds; ++round) {
      for (Feeder* feeder : feeders) {
        const Status status = feeder->RunOnce(Duration(0));
        ASSERT_TRUE(status.ok()) << status.ToString();
      }
      clock_.Advance(Duration(200));
    }
  }

  void AddItems(int count) {
    for (int i = 0; i < count; ++i) service_.items.push_back("v" + std::to_string(service_.items.size()));
  }

  std::vector<std::string> Rows() {
    std::vector<std::string> rows;
    for (const MemoryRecord& record : log_.Read({"rows", Partition(0)}))
      rows.push_back(*record.key + "=" + record.value.value_or("gone"));
    return rows;
  }
  std::vector<std::string> AllItems() const {
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < service_.items.size(); ++i)
      rows.push_back("k" + std::to_string(i) + "=" + service_.items[i]);
    return rows;
  }
  double Shows(const char* metric) const { return metrics_.Sum(metric); }

  ManualClock clock_;
  MemoryLog log_;
  MemoryCluster cluster_;
  MetricRegistry metrics_;
  Feed feed_;
  Service service_;
  bool exactly_once_ = true;
};

TEST_F(FeederTest, BringsEachRecordOnceAndGoesOnBehindThePositionAfterAStop) {
  AddItems(10);
  auto feeder = MakeFeeder("a", &service_);
  EXPECT_FALSE(feeder->status().settled);
  Run({feeder.get()});
  EXPECT_TRUE(feeder->status().settled);
  EXPECT_EQ(Rows(), AllItems());
  EXPECT_EQ(log_.Read({"rows", Partition(0)}).front().timestamp_ms, 1'000);
  EXPECT_EQ(Shows("millrace_feed_records_total"), 10);
  EXPECT_EQ(Shows("millrace_feed_commits_total"), 4);
  EXPECT_EQ(Shows("millrace_feed_running"), 1);
  ASSERT_TRUE(feeder->Stop().ok());
  EXPECT_EQ(Shows("millrace_feed_running"), 0);

  AddItems(5);
  feeder = MakeFeeder("a", &service_);
  Run({feeder.get()});
  EXPECT_EQ(Rows(), AllItems());
}

TEST_F(FeederTest, ASourceThatDeletesItsPositionsAndRowsLeavesTombstones) {
  class Deleting final : public FeedSource {
   public:
    explicit Deleting(FeedPositions* opened) : opened_(*opened) {}
    Status Open(FeedPositions positions) override {
      opened_ = std::move(positions);
      return Status::Ok();
    }
    Result<FeedBatch> Next(Duration) override {
      FeedBatch batch;
      if (round_ == 0) batch = {{{"a", "1", EventTime(1)}}, {{"p", "1"}, {"q", "1"}}};
      if (round_ == 1) batch = {{{"a", std::nullopt, EventTime(2)}}, {{"p", std::nullopt}}};
      ++round_;
      return batch;
    }

   private:
    FeedPositions& opened_;
    int round_ = 0;
  };
  for (int start = 0; start < 2; ++start) {
    FeedPositions opened;
    Feeder feeder(feed_, std::make_unique<Deleting>(&opened), cluster_, clock_, metrics_, {.client_id = "a"});
    ASSERT_TRUE(feeder.Start().ok());
    Run({&feeder}, 10);
    EXPECT_EQ(opened, start == 0 ? FeedPositions{} : (FeedPositions{{"q", "1"}}));
    ASSERT_TRUE(feeder.Stop().ok());
    ASSERT_TRUE(log_.Compact("position", /*drop_tombstones=*/true).ok());
  }
  EXPECT_EQ(Rows(), (std::vector<std::string>{"a=1", "a=gone", "a=1", "a=gone"}));
}

// --- Failures of Kafka ---

struct FaultCase {
  const char* name;
  LogCall call;
  FaultOutcome outcome;
};

class FeederFaults : public FeederTest, public ::testing::WithParamInterface<FaultCase> {};

TEST_P(FeederFaults, AreRecoveredFromWithEachRecordOnce) {
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()}, 3);
  for (int nth = 1; nth <= 3; ++nth) {
    const double errors = Shows("millrace_feed_errors_total");
    AddItems(8);
    log_.Inject({.call = GetParam().call, .nth = nth, .outcome = GetParam().outcome});
    Run({feeder.get()});
    EXPECT_GT(Shows("millrace_feed_errors_total"), errors) << "the fault never fired";
    EXPECT_EQ(Rows(), AllItems());
  }
}

TEST_P(FeederFaults, FollowedByAKillAreRecoveredFromByWhoeverComesNext) {
  for (int nth = 1; nth <= 4; ++nth) {
    AddItems(20);
    auto feeder = MakeFeeder("a", &service_);
    Run({feeder.get()}, 2);
    const double errors = Shows("millrace_feed_errors_total");
    log_.Inject({.call = GetParam().call, .nth = nth, .outcome = GetParam().outcome});
    for (int round = 0; round < 10 && Shows("millrace_feed_errors_total") == errors; ++round)
      Run({feeder.get()}, 1);
    ASSERT_GT(Shows("millrace_feed_errors_total"), errors) << "the fault never fired";
    feeder.reset();  // nothing is closed
    log_.ClearFaults();
    auto next = MakeFeeder("b", &service_);
    Run({next.get()});
    EXPECT_EQ(Rows(), AllItems());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FeederFaults,
    ::testing::Values(FaultCase{"commit_aborted", LogCall::kCommit, FaultOutcome::kAborted},
                      FaultCase{"commit_done_but_unknown", LogCall::kCommit, FaultOutcome::kUnknownDone},
                      FaultCase{"commit_lost", LogCall::kCommit, FaultOutcome::kUnknownNotDone},
                      FaultCase{"commit_fenced", LogCall::kCommit, FaultOutcome::kFenced},
                      FaultCase{"send_aborted", LogCall::kSend, FaultOutcome::kAborted},
                      FaultCase{"offsets_done_but_unknown", LogCall::kSendOffsets,
                                FaultOutcome::kUnknownDone},
                      FaultCase{"offsets_aborted", LogCall::kSendOffsets, FaultOutcome::kAborted}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(FeederTest, ABrokerThatIsAwayIsWaitedFor) {
  AddItems(5);
  for (int nth = 1; nth <= 6; ++nth) {
    log_.Inject({.call = LogCall::kInit, .nth = nth, .outcome = FaultOutcome::kUnavailable});
    log_.Inject({.call = LogCall::kPoll, .nth = nth + 2, .outcome = FaultOutcome::kUnavailable});
  }
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()}, 200);
  EXPECT_EQ(Rows(), AllItems());
  EXPECT_EQ(Shows("millrace_feed_errors_total"), 12);
}

TEST_F(FeederTest, PositionsAreReadToTheEndOfATransactionThatIsStillOpen) {
  AddItems(3);
  auto feeder = MakeFeeder("a", &service_);
  log_.LoseEnd({"position", Partition(0)});
  Run({feeder.get()}, 10);
  feeder.reset();
  AddItems(3);
  feeder = MakeFeeder("b", &service_);
  Run({feeder.get()});
  EXPECT_EQ(service_.opened, 1) << "opened without knowing whether there is a position";
  log_.WriteLostEnd();
  Run({feeder.get()});
  EXPECT_EQ(service_.opened, 2);
  EXPECT_EQ(Rows(), AllItems());
}

TEST_F(FeederTest, PositionsThatCannotBeReadStopIt) {
  AddItems(3);
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()}, 10);
  ASSERT_TRUE(feeder->Stop().ok());
  ASSERT_TRUE(log_.Break({"position", Partition(0)}, Offset(0), Offset(1)).ok());
  feeder = MakeFeeder("a", &service_);
  Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) status = feeder->RunOnce(Duration(0));
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_NE(status.message().find("position[0]"), std::string::npos) << status.ToString();
}

// --- Several processes ---

TEST_F(FeederTest, OneRunsTheSourceAndTheOtherTakesOverWithoutGapOrRepeat) {
  auto a = MakeFeeder("a", &service_);
  auto b = MakeFeeder("b", &service_);
  AddItems(7);
  Run({a.get(), b.get()});
  EXPECT_EQ(Rows(), AllItems());
  EXPECT_EQ(Shows("millrace_feed_running"), 1);
  EXPECT_TRUE(a->status().settled);
  EXPECT_TRUE(b->status().settled);
  for (int turn = 0; turn < 4; ++turn) {
    AddItems(7);
    Run({a.get(), b.get()}, 2);
    // The first by client id gets the only partition.
    ASSERT_TRUE(a->Stop().ok());
    Run({b.get()}, turn);
    a = MakeFeeder("a", &service_);
    Run({a.get(), b.get()});
    EXPECT_EQ(Rows(), AllItems());
  }
}

TEST_F(FeederTest, WhoWasThrownOutOfTheGroupWhileAskingCommitsNothing) {
  Service stale_view;
  stale_view.items = {"stale"};
  auto stale = MakeFeeder("a", &stale_view);
  Run({stale.get()}, 0);
  AddItems(6);
  auto fresh = MakeFeeder("b", &service_);
  stale_view.on_next = [&] {
    log_.KickMember(feed_.group, "a");
    Run({fresh.get()}, 10);
  };
  Run({stale.get(), fresh.get()}, 3);
  ASSERT_EQ(stale_view.on_next, nullptr) << "the stale one never had the feed";
  EXPECT_EQ(Rows(), AllItems());
}

/// Every producer has an identity of its own, so that nothing fences but the group.
class OwnIdentities final : public ClusterAround {
 public:
  using ClusterAround::ClusterAround;
  Result<std::unique_ptr<Producer>> MakeProducer(const std::string& id) override {
    return ClusterAround::MakeProducer(id.empty() ? id : id + std::to_string(++made_));
  }

 private:
  int made_ = 0;
};

TEST_F(FeederTest, TheGroupAloneKeepsAStaleMemberFromCommitting) {
  OwnIdentities cluster(cluster_);
  AddItems(3);
  auto stale = MakeFeeder("a", &service_, cluster);
  service_.on_next = [&] { log_.KickMember(feed_.group, "a"); };
  for (int round = 0; round < 20 && service_.on_next; ++round) Run({stale.get()}, 1);
  EXPECT_EQ(Shows("millrace_feed_errors_total"), 1);
  EXPECT_TRUE(Rows().empty());
  EXPECT_TRUE(log_.Read({"position", Partition(0)}).empty());
  Run({stale.get()});  // it joins anew
  EXPECT_EQ(Rows(), AllItems());
}

// --- Errors of the source ---

TEST_F(FeederTest, ASourceThatFailsForTheTimeBeingIsAskedAgainEverLessOften) {
  AddItems(2);
  for (int i = 0; i < 30; ++i) service_.errors.push_back(Status::Unavailable("HTTP 503"));
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()}, 300);  // a minute
  EXPECT_LT(service_.asked, 14);
  EXPECT_TRUE(feeder->status().settled);
  EXPECT_EQ(Shows("millrace_feed_paused"), 0);
  EXPECT_TRUE(Rows().empty());
  Run({feeder.get()}, 5'000);
  EXPECT_EQ(Rows(), AllItems());
  EXPECT_EQ(service_.opened, 1) << "an error loses nothing";
}

TEST_F(FeederTest, ASourceThatSomebodyHasToCorrectPausesAndNeitherSpinsNorStops) {
  AddItems(2);
  service_.errors = {Status::PermissionDenied("HTTP 401"), Status::InvalidArgument("HTTP 400"), Status::Ok()};
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()}, 100);  // 20 s
  EXPECT_EQ(service_.asked, 1);
  EXPECT_EQ(Shows("millrace_feed_paused"), 1);
  Run({feeder.get()}, 600);  // two minutes
  EXPECT_EQ(Rows(), AllItems());
  EXPECT_EQ(Shows("millrace_feed_paused"), 0);
  EXPECT_EQ(Shows("millrace_feed_errors_total"), 2);
}

TEST_F(FeederTest, AFatalErrorOfTheSourceEndsIt) {
  service_.errors = {Status::Corrupt("broken")};
  auto feeder = MakeFeeder("a", &service_);
  Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) status = feeder->RunOnce(Duration(0));
  EXPECT_EQ(status.ToString(), "corrupt: source 'source-1': broken");
}

TEST_F(FeederTest, ThePositionGetsOlderWhileNothingComes) {
  AddItems(1);
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()}, 10);
  clock_.Advance(Duration(90'000));
  Run({feeder.get()}, 1);
  EXPECT_GT(Shows("millrace_feed_position_age_seconds"), 90);
  EXPECT_LT(Shows("millrace_feed_position_age_seconds"), 95);
}

TEST_F(FeederTest, WhileKafkaTakesNothingTheSourceIsHardlyAskedAndNothingPilesUp) {
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()}, 10);
  AddItems(100);
  for (int nth = 1; nth <= 100; ++nth)
    log_.Inject({.call = LogCall::kCommit, .nth = nth, .outcome = FaultOutcome::kAborted});
  const int asked = service_.asked;
  Run({feeder.get()}, 3'000);  // ten minutes
  EXPECT_LE(service_.asked - asked, 40) << "it is asked again and again for what cannot be written";
  EXPECT_EQ(Rows(), std::vector<std::string>());
  EXPECT_EQ(Shows("millrace_feed_records_total"), 0);
  for (int i = 0; i < 3; ++i) {  // between two tries, too
    const double age = Shows("millrace_feed_position_age_seconds");
    EXPECT_GT(age, 590) << "nobody sees that it stands still";
    Run({feeder.get()}, 25);
    EXPECT_NEAR(Shows("millrace_feed_position_age_seconds"), age + 5, 0.01);
  }
  log_.ClearFaults();
  Run({feeder.get()}, 400);
  EXPECT_EQ(Rows(), AllItems());
  EXPECT_LT(Shows("millrace_feed_position_age_seconds"), 80);
}

// --- Without transactions ---

TEST_F(FeederTest, WithoutTransactionsRecordsComeBeforeThePositionsBehindThem) {
  exactly_once_ = false;
  AddItems(5);
  auto feeder = MakeFeeder("a", &service_);
  Run({feeder.get()});
  EXPECT_EQ(Rows(), AllItems());
  // Nothing is skipped; what is brought again has the same key.
  for (int nth = 1; nth <= 4; ++nth) {
    AddItems(5);
    log_.Inject({.call = LogCall::kSend, .nth = nth, .outcome = FaultOutcome::kAborted});
    Run({feeder.get()});
    feeder.reset();
    feeder = MakeFeeder("a", &service_);
    Run({feeder.get()});
    const std::vector<std::string> rows = Rows();
    const std::vector<std::string> items = AllItems();
    EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()),
              std::set<std::string>(items.begin(), items.end()));
  }
}

}  // namespace
}  // namespace millrace
