#include "engine/commands/state_commands.h"

#include <sstream>
#include <string>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/key_encoding.h"
#include "env/file.h"
#include "env/random.h"
#include "ops/group_rows.h"
#include "state/state_store.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A pipeline's state directory with one task, partition 3, and a row for keys 5 and 6.
class StateCommands : public testing::Test {
 protected:
  StateCommands() : rows_(Aggregators()) {
    StateStoreOptions options;
    options.directory = folder_ + "/app/window-1_3";
    options.identity = "app/window-1_3";
    options.layout = "window-1=tumbling 10s offset 0ms by k:int64 aggregate n = count()\n";
    store_ = *StateStore::Open(options, *runtime_);
    KeyedTable* const table = *store_->AddTable("window-1", &rows_);
    arrow::Int64Builder builder;
    EXPECT_TRUE(builder.AppendValues({5, 6}).ok());
    const std::vector<std::shared_ptr<arrow::Array>> columns{*builder.Finish()};
    KeyBuffer keys;
    EXPECT_TRUE(EncodeKeys(columns, &keys).ok());
    const std::vector<std::int64_t> slices{10'000, 20'000};
    std::vector<std::uint32_t> slots(2);
    EXPECT_TRUE(table->Lookup(slices, {.data = keys.data(), .offsets = keys.offsets()}, slots).ok());
    EXPECT_TRUE(store_->CollectDirty([](const ChangelogEntry&) { return Status::Ok(); }).ok());
    EXPECT_TRUE(store_->CommitDirty({{"window-1", Offset(12)}}).ok());
  }
  ~StateCommands() override {
    store_.reset();
    EXPECT_TRUE(RemoveAll(folder_).ok());
  }
  static std::vector<std::unique_ptr<Aggregator>> Aggregators() {
    std::vector<std::unique_ptr<Aggregator>> aggregators;
    aggregators.push_back(*MakeAggregator({.function = "count"}));
    return aggregators;
  }

  template <typename Command>
  Exit Run(Command command) {
    out_.str("");
    err_.str("");
    CommandIo io{out_, err_};
    return command(io);
  }
  Exit Dump(const StateDumpOptions& options) {
    return Run([&](CommandIo& io) { return StateDumpCommand(options, io); });
  }

  const std::string folder_ = testing::TempDir() + "/state-" + RandomId();
  std::unique_ptr<StateRuntime> runtime_ = *StateRuntime::Make(ByteCount(8 << 20));
  GroupRows rows_;
  std::unique_ptr<StateStore> store_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(StateCommands, DumpPrintsEveryRowWithItsWindowKeyAndAggregates) {
  store_.reset();
  EXPECT_EQ(Dump({.directory = folder_, .step = "", .json = true}), Exit::kOk) << err_.str();
  EXPECT_EQ(
      out_.str(),
      R"({"step":"window-1","partition":3,"window_start":10000,"window_end":20000,"key":{"k":5},"values":{"n":0}}
{"step":"window-1","partition":3,"window_start":20000,"window_end":30000,"key":{"k":6},"values":{"n":0}}
)");
  EXPECT_EQ(Dump({.directory = folder_ + "/app/window-1_3", .step = "window-1"}), Exit::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("window-1[3] window_start=1970-01-01 00:00:10.000 "));
  EXPECT_THAT(out_.str(), HasSubstr(" k=6 n=0\n"));
}

TEST_F(StateCommands, RawDumpPrintsWhatTheChangelogHolds) {
  store_.reset();
  EXPECT_EQ(Dump({.directory = folder_, .step = "", .json = false, .raw = true}), Exit::kOk) << err_.str();
  EXPECT_THAT(out_.str(),
              HasSubstr(R"({"step":"window-1","partition":3,"key":"8000000000002710018000000000000005",)"
                        R"("row":"0000000000000000"})"));
}

TEST_F(StateCommands, GetPrintsTheRowsThatHaveTheKey) {
  store_.reset();
  const auto get = [&](StateSelection selection, const std::string& step = "window-1") {
    return Run([&](CommandIo& io) {
      return StateGetCommand({folder_, step, std::move(selection), true}, io);
    });
  };
  EXPECT_EQ(get({.key = {"6"}}), Exit::kOk) << err_.str();
  EXPECT_EQ(
      out_.str(),
      R"({"step":"window-1","partition":3,"window_start":20000,"window_end":30000,"key":{"k":6},"values":{"n":0}})"
      "\n");
  EXPECT_EQ(get({.window = 10'000}), Exit::kOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr(R"("key":{"k":5})"), Not(HasSubstr(R"("key":{"k":6})"))));
  EXPECT_EQ(get({.limit = 1}), Exit::kOk) << err_.str();
  EXPECT_THAT(out_.str(), Not(HasSubstr(R"("key":{"k":6})")));
  for (const std::int64_t limit : {0, -3}) {
    EXPECT_EQ(get({.limit = limit}), Exit::kUsage);
    EXPECT_EQ(out_.str(), "");
    EXPECT_THAT(err_.str(), HasSubstr("--limit must be at least 1, not " + std::to_string(limit)));
  }
  EXPECT_EQ(get({.key = {"7"}}), Exit::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no row"));
  EXPECT_EQ(get({.key = {"six"}}), Exit::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("'six' is no value of column 'k'"));
  EXPECT_EQ(get({}, "nope"), Exit::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no step 'nope'"));
}

TEST_F(StateCommands, ExportWritesAParquetFilePerStepAndReplacesNone) {
  store_.reset();
  const std::string to = folder_ + "/exported";
  const auto export_to = [&] {
    return Run([&](CommandIo& io) { return StateExportCommand({folder_ + "/app", to, ""}, io); });
  };
  EXPECT_EQ(export_to(), Exit::kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("/window-1.parquet  2 rows\n"));
  const std::string file = *ReadFile(to + "/window-1.parquet");
  EXPECT_TRUE(file.starts_with("PAR1") && file.ends_with("PAR1"));
  for (const char* column : {"step", "partition", "window_start", "window_end", "key", "values"})
    EXPECT_THAT(file, HasSubstr(column));
  EXPECT_EQ(export_to(), Exit::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("exists already"));
}

TEST_F(StateCommands, StatsTellRowsBytesAndTheChangelogOffset) {
  store_.reset();
  EXPECT_EQ(Run([&](CommandIo& io) {
              return StateStatsCommand({folder_, true}, io);
            }),
            Exit::kOk)
      << err_.str();
  EXPECT_THAT(out_.str(),
              HasSubstr(R"("step":"window-1","partition":3,"rows":2,"bytes":50,"changelog_offset":12,)"));
}

TEST_F(StateCommands, AStateInUseAStepUnknownAndAPlaceWithoutStateAreErrors) {
  EXPECT_EQ(Dump({.directory = folder_, .step = ""}), Exit::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("in use by a running process"));
  store_.reset();
  EXPECT_EQ(Dump({.directory = folder_, .step = "nope"}), Exit::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no step 'nope'"));
  EXPECT_EQ(Dump({.directory = folder_ + "/app/nowhere", .step = ""}), Exit::kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace millrace
