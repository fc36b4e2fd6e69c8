#include "runtime/standby_keeper.h"

#include <gmock/gmock.h>

#include "connect/cluster_around.h"
#include "env/thread.h"
#include "runtime/worker_harness.h"
#include "state/stored_state.h"

namespace millrace {
namespace {

/// One machine: a state directory with a worker and a keeper of copies.
struct Node {
  MetricRegistry metrics;
  TaskContext context;
  std::unique_ptr<StandbyKeeper> keeper;
  std::unique_ptr<Worker> worker;

  double Shows(const std::string& metric) const { return metrics.Sum(metric); }
};

class StandbyTest : public WorkerTest {
 protected:
  /// `told`: what its keeper learns of the group and reads; null: the log.
  std::unique_ptr<Node> MakeNode(const std::string& name, Cluster* told = nullptr) {
    auto node = std::make_unique<Node>();
    node->context = context_;
    node->context.metrics = &node->metrics;
    node->context.state_dir = dir_ + "/" + name;
    node->keeper = std::make_unique<StandbyKeeper>(node->context, told == nullptr ? cluster_ : *told,
                                                   StandbyOptions{.node = name});
    WorkerOptions options;
    options.id = "app-" + name + "-0";
    options.commit_interval = Duration(0);
    options.poll.max_records = 4;
    options.standbys = node->keeper.get();
    node->worker = std::make_unique<Worker>(node->context, cluster_, std::move(options));
    EXPECT_TRUE(node->worker->Start().ok());
    return node;
  }

  /// The workers finish what there is, then the copies follow.
  void Run(const std::vector<Node*>& nodes) {
    std::vector<Worker*> workers;
    for (const Node* node : nodes) workers.push_back(node->worker.get());
    RunUntilQuiet(workers);
    clock_.Advance(Duration(5'000));
    for (int round = 0; round < 20; ++round) {
      for (const Node* node : nodes) node->keeper->RunOnce(Duration(0));
    }
  }

  static void Stop(Node* node) {
    ASSERT_TRUE(node->worker->Stop().ok());
    node->worker.reset();
    node->keeper.reset();
  }

  /// The directory of a copy holds what the changelog says, and its count of rows.
  void ExpectCopy(const Node& node, int partition) {
    std::map<std::string, std::string> expected;
    for (const MemoryRecord& record : log_.Read({"changelog", Partition(partition)}))
      expected[record.key->substr(8)] = *record.value;
    std::map<std::string, std::string> found;
    auto stored = StoredState::Open(node.context.state_dir + "/main_" + std::to_string(partition));
    ASSERT_TRUE(stored.ok()) << stored.status().ToString();
    ASSERT_TRUE((*stored)
                    ->Scan("count",
                           [&](std::int64_t, std::string_view key, std::string_view row) {
                             found[std::string(key)] = row;
                             return Status::Ok();
                           })
                    .ok());
    EXPECT_EQ(found, expected);
  }
};

TEST_F(StandbyTest, ATaskThatMovesReadsOnlyWhatItsCopyHasNot) {
  const auto a = MakeNode("a");
  const auto b = MakeNode("b");
  WriteInput(100);
  Run({a.get(), b.get()});
  EXPECT_EQ(a->Shows("millrace_standby_tasks"), 1);
  EXPECT_EQ(b->Shows("millrace_standby_tasks_warm"), 1);
  WriteInput(60);
  Run({a.get(), b.get()});
  const double read_by_copy = b->Shows("millrace_standby_records_total");
  EXPECT_GT(read_by_copy, 0);
  WriteInput(4);  // these the copy has not seen
  RunUntilQuiet({a->worker.get(), b->worker.get()});
  Stop(a.get());
  RunUntilQuiet({b->worker.get()});
  EXPECT_EQ(b->worker->status().tasks_running, 2);
  EXPECT_GT(b->Shows("millrace_restore_records_total"), 0);
  EXPECT_LE(b->Shows("millrace_restore_records_total"), 4);
  WriteInput(40);
  RunUntilQuiet({b->worker.get()});
  ExpectExactlyOnce();
  b->keeper->RunOnce(Duration(0));
  EXPECT_EQ(b->Shows("millrace_standby_tasks"), 0);
  Stop(b.get());
}

TEST_F(StandbyTest, ACopyHoldsWhatIsCommittedAndNothingElse) {
  const auto a = MakeNode("a");
  const auto b = MakeNode("b");
  for (int round = 0; round < 5; ++round) {
    keys_ = 7 + 10 * round;
    WriteInput(90);
    Run({a.get(), b.get()});
  }
  // A transaction that is aborted: its changelog records lie in the log all the same.
  auto producer = *cluster_.MakeProducer("app-zombie-0");
  ASSERT_TRUE(producer->Init().ok());
  ASSERT_TRUE(producer->Begin().ok());
  for (int p = 0; p < 2; ++p) {
    OutgoingRecord record;
    record.topic = "changelog";
    record.partition = Partition(p);
    const std::string key("\x80\0\0\0\0\0\0\0never", 13);
    record.key = BytesView::Of(key);
    record.value = BytesView::Of("1");
    ASSERT_TRUE(producer->Send(record).ok());
  }
  ASSERT_TRUE(producer->Abort().ok());
  Run({a.get(), b.get()});
  Stop(a.get());
  b->keeper.reset();  // before its worker takes what a had
  int copies = 0;
  for (int p = 0; p < 2; ++p) {
    for (const Node* node : {a.get(), b.get()}) {
      if (!StoredState::IsStateDirectory(node->context.state_dir + "/main_" + std::to_string(p))) continue;
      if (node == b.get() && p == 1) continue;  // in use
      ExpectCopy(*node, p);
      ++copies;
    }
  }
  EXPECT_EQ(copies, 3);  // both of a, the copy of b
}

TEST_F(StandbyTest, ACopyOfAQuietTaskStaysYoung) {
  const auto a = MakeNode("a");
  const auto b = MakeNode("b");
  WriteInput(50);
  Run({a.get(), b.get()});
  for (int hours = 0; hours < 20; ++hours) {
    clock_.Advance(Duration(3'600'000));
    Run({a.get(), b.get()});
  }
  Stop(a.get());
  RunUntilQuiet({b->worker.get()});
  EXPECT_EQ(b->worker->status().tasks_running, 2);
  EXPECT_EQ(b->Shows("millrace_restore_records_total"), 0);
  WriteInput(20);
  RunUntilQuiet({b->worker.get()});
  ExpectExactlyOnce();
  Stop(b.get());
}

/// A cluster whose coordinator can be silent.
class SilentCoordinator final : public ClusterAround, private GroupAdmin {
 public:
  explicit SilentCoordinator(Cluster& cluster) : ClusterAround(cluster), groups_(*cluster.groups()) {}
  GroupAdmin* groups() override { return this; }

  bool silent = false;

 private:
  Result<std::vector<MemberDescription>> Members(const std::string& group) override {
    return silent ? Status::Timeout("no answer") : groups_.Members(group);
  }
  Result<std::vector<CommittedOffset>> Offsets(const std::string& group) override {
    return groups_.Offsets(group);
  }
  Status SetOffsets(const std::string& group, std::span<const CommittedOffset> offsets) override {
    return groups_.SetOffsets(group, offsets);
  }
  Result<std::shared_ptr<const GroupToken>> EmptyGroupToken(
      const std::string& group, std::span<const TopicPartition> partitions) override {
    return groups_.EmptyGroupToken(group, partitions);
  }

  GroupAdmin& groups_;
};

TEST_F(StandbyTest, CopiesGoOnWhileTheCoordinatorDoesNotAnswer) {
  SilentCoordinator cluster(cluster_);
  const auto a = MakeNode("a");
  const auto b = MakeNode("b", &cluster);
  WriteInput(50);
  cluster.silent = true;
  Run({a.get(), b.get()});
  EXPECT_EQ(b->Shows("millrace_standby_tasks"), 0);
  cluster.silent = false;
  Run({a.get(), b.get()});
  EXPECT_EQ(b->Shows("millrace_standby_tasks_warm"), 1);
  const double before = b->Shows("millrace_standby_records_total");
  cluster.silent = true;
  WriteInput(50);
  Run({a.get(), b.get()});
  EXPECT_EQ(b->Shows("millrace_standby_tasks_warm"), 1);
  EXPECT_GT(b->Shows("millrace_standby_records_total"), before);
  Stop(a.get());
  Stop(b.get());
}

TEST_F(StandbyTest, ATaskThatLeavesIsKeptWhereItWas) {
  const auto a = MakeNode("a");
  WriteInput(50);
  Run({a.get()});
  EXPECT_EQ(a->Shows("millrace_standby_tasks"), 0);  // there is nobody else
  const auto b = MakeNode("b");
  WriteInput(50);
  Run({a.get(), b.get()});
  Run({a.get(), b.get()});
  EXPECT_EQ(a->worker->status().tasks_running, 1);
  EXPECT_EQ(a->Shows("millrace_standby_tasks_warm"), 1);
  // The directory was there: only what b has written since is read.
  EXPECT_LT(a->Shows("millrace_standby_records_total"), 50);
  Stop(b.get());
  RunUntilQuiet({a->worker.get()});
  EXPECT_EQ(a->Shows("millrace_restore_records_total"), 0);
  ExpectExactlyOnce();
  Stop(a.get());
}

TEST_F(StandbyTest, AChangelogThatIsMadeAnewIsFollowedFromItsBegin) {
  const auto a = MakeNode("a");
  const auto b = MakeNode("b");
  WriteInput(50);
  Run({a.get(), b.get()});
  ASSERT_TRUE(a->worker->Stop().ok());
  ASSERT_TRUE(b->worker->Stop().ok());
  ASSERT_TRUE(log_.DeleteTopic("changelog").ok());
  NewTopic topic;
  topic.name = "changelog";
  topic.partitions = 2;
  ASSERT_TRUE(log_.CreateTopic(topic).ok());
  for (int p = 0; p < 2; ++p) {
    MemoryRecord record;
    record.key = std::string("\x80\0\0\0\0\0\0\0new", 11);
    record.value = "9";
    ASSERT_TRUE(log_.Append({"changelog", Partition(p)}, record).ok());
  }
  // Node c has the tasks now, and a is there for nothing but copies.
  const std::string c_member = log_.Join("app", "app-c-0", {"in"});
  const std::string a_member = log_.Join("app", "app-a-0", {"beside"});
  log_.Rejoin("app", c_member);
  log_.Rejoin("app", a_member);
  for (int round = 0; round < 4; ++round) {
    clock_.Advance(Duration(5'000));
    for (int i = 0; i < 20; ++i) a->keeper->RunOnce(Duration(0));
  }
  EXPECT_EQ(a->Shows("millrace_standby_tasks_warm"), 2);
  a->keeper.reset();
  for (const int partition : {0, 1}) ExpectCopy(*a, partition);
}

TEST_F(StandbyTest, StateOfAnotherLayoutIsNotKeptAndStopsNothing) {
  const auto a = MakeNode("a");
  WriteInput(50);
  Run({a.get()});
  const auto b = MakeNode("b");
  WriteInput(50);
  Run({a.get(), b.get()});
  b->keeper.reset();
  Topology edited = topology_;
  edited.sub_topologies[0].state_layout = "count=string\n";
  TaskContext context = b->context;
  context.topology = &edited;
  StandbyKeeper keeper(context, cluster_, {.node = "b"});
  keeper.Take({0, Partition(1)});
  for (int round = 0; round < 4; ++round) {
    clock_.Advance(Duration(5'000));
    EXPECT_FALSE(keeper.RunOnce(Duration(0)));
  }
  EXPECT_EQ(b->Shows("millrace_standby_tasks"), 0);
  WriteInput(50);
  RunUntilQuiet({a->worker.get(), b->worker.get()});
  ExpectExactlyOnce();
}

TEST_F(StandbyTest, AWorkerGetsTheDirectoryAtAnyTime) {
  const auto a = MakeNode("a");
  WriteInput(200);
  RunUntilQuiet({a->worker.get()});
  TaskContext context = a->context;
  MetricRegistry metrics;
  context.metrics = &metrics;
  context.state_dir = dir_ + "/b";
  StandbyKeeper keeper(context, cluster_, {.node = "b", .copies = 1, .refresh = Duration(0)});
  // b is in the group, with no task of its own.
  log_.Rejoin("app", log_.Join("app", "app-b-0", {"beside"}));
  RunUntilQuiet({a->worker.get()});
  const StopToken stop;
  Thread keeping("keeping", [&] {
    while (!stop.stop_requested()) keeper.RunOnce(Duration(0));
  });
  const TaskId task{0, Partition(0)};
  int warm = 0;
  for (int round = 0; round < 100; ++round) {
    keeper.Take(task);
    {
      StateStoreOptions options = TaskStoreOptions(context, topology_.sub_topologies[0], task.partition);
      const auto store = StateStore::Open(options, *state_);
      ASSERT_TRUE(store.ok()) << "round " << round << ": " << store.status().ToString();
    }
    keeper.Return(task);
    // Sometimes before the copy is opened, sometimes while, sometimes when it is warm.
    for (int wait = 0; wait < round && metrics.Sum("millrace_standby_tasks_warm") < 2; ++wait)
      stop.WaitFor(Duration(1));
    warm += metrics.Sum("millrace_standby_tasks_warm") == 2 ? 1 : 0;
  }
  stop.RequestStop();
  keeping.Join();
  EXPECT_GT(warm, 10);
}

}  // namespace
}  // namespace millrace
