#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/api.h>
#include <gtest/gtest.h>

#include "connect/staged_file_sink.h"
#include "connect/staged_publishing.h"
#include "connectors/ipc/ipc_format.h"
#include "env/file.h"
#include "env/random.h"

// The protocol of file sinks, tested with the format that is cheapest to read back.
namespace millrace {
namespace {

using Numbers = std::vector<std::int64_t>;

const std::shared_ptr<arrow::Schema>& RowSchema() {
  static const auto schema =
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("odd", arrow::boolean())});
  return schema;
}

const std::shared_ptr<arrow::Schema>& NumberedSchema() {
  static const auto schema =
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("tag", arrow::int64())});
  return schema;
}

Batch Rows(const Numbers& numbers) {
  arrow::Int64Builder n;
  arrow::BooleanBuilder odd;
  for (const std::int64_t number : numbers) {
    EXPECT_TRUE(n.Append(number).ok());
    EXPECT_TRUE(odd.Append(number % 2 != 0).ok());
  }
  Batch batch;
  batch.data = arrow::RecordBatch::Make(RowSchema(), static_cast<std::int64_t>(numbers.size()),
                                        {*n.Finish(), *odd.Finish()});
  return batch;
}

Result<std::unique_ptr<FileFormat>> Formats(std::string_view extension) {
  EXPECT_EQ(extension, "arrow");
  return MakeIpcFormat();
}

class IpcSinkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }
  IpcSinkTest() : path_(testing::TempDir() + "millrace-ipc-" + RandomId()) {}
  ~IpcSinkTest() override { EXPECT_TRUE(RemoveAll(path_).ok()); }

  std::unique_ptr<Sink> Make(std::size_t partition_columns = 0, ByteCount roll_bytes = ByteCount(1 << 20)) {
    auto sink = MakeStagedFileSink({.path = path_,
                                    .app = "app",
                                    .sink = "sink-1",
                                    .partition = Partition(3),
                                    .schema = RowSchema(),
                                    .partition_columns = partition_columns,
                                    .extension = "arrow",
                                    .formats = Formats,
                                    .roll_bytes = roll_bytes,
                                    .clock = &clock_});
    EXPECT_TRUE(sink.ok()) << sink.status().ToString();
    return *std::move(sink);
  }
  std::unique_ptr<Sink> Recovered(const std::string& note) {
    auto sink = Make();
    const Status status = sink->Recover(note);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return sink;
  }
  /// Writes, prepares and returns the note that a transaction would commit.
  std::string Prepared(Sink& sink, const Numbers& numbers) {
    EXPECT_TRUE(sink.Write(Rows(numbers), context_).ok());
    EXPECT_TRUE(sink.Prepare(context_).ok());
    EXPECT_LE(sink.Note().size(), Sink::kMaxNoteBytes);
    return sink.Note();
  }
  void PassTime(Duration by) { clock_.Advance(by); }

  static std::vector<std::string> Files(const std::string& directory) {
    std::vector<std::string> files;
    const auto entries = ListDirectory(directory);
    if (!entries.ok()) return files;
    for (const DirectoryEntry& entry : *entries) {
      if (!entry.is_directory) files.push_back(directory + "/" + entry.name);
    }
    return files;
  }
  static Numbers Read(const std::string& directory) {
    Numbers numbers;
    for (const std::string& file : Files(directory)) {
      const auto reader = arrow::ipc::RecordBatchFileReader::Open(*arrow::io::ReadableFile::Open(file));
      EXPECT_TRUE(reader.ok()) << file;
      for (int i = 0; i < (*reader)->num_record_batches(); ++i) {
        const auto batch = *(*reader)->ReadRecordBatch(i);
        const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
        numbers.insert(numbers.end(), column.raw_values(), column.raw_values() + column.length());
      }
    }
    return numbers;
  }
  Numbers Finished() const { return Read(path_); }
  std::size_t StagingFiles() const { return Files(path_ + "/_staging").size(); }

  // The wall clock is used for the age of files, so the manual one starts near it.
  ManualClock clock_{SystemClock().Now()};
  const std::string path_;
  SinkContext context_;
};

constexpr Duration kRoll{30'000};

TEST_F(IpcSinkTest, RowsAppearWhenTheFileRollsByTime) {
  auto sink = Recovered("");
  Prepared(*sink, {1, 2});
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_EQ(Finished(), Numbers{});
  EXPECT_FALSE(sink->CheckpointDue());
  PassTime(kRoll);
  EXPECT_TRUE(sink->CheckpointDue());
  Prepared(*sink, {3});
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_EQ(Finished(), (Numbers{1, 2, 3}));
  EXPECT_EQ(StagingFiles(), 0U);
  EXPECT_FALSE(sink->CheckpointDue());
}

TEST_F(IpcSinkTest, RowsAppearWhenTheFileIsLargeEnough) {
  auto sink = Make(0, ByteCount(1));
  ASSERT_TRUE(sink->Recover("").ok());
  Prepared(*sink, {1});
  ASSERT_TRUE(sink->Commit().ok());
  Prepared(*sink, {2});
  ASSERT_TRUE(sink->Commit().ok());
  Numbers finished = Finished();
  std::sort(finished.begin(), finished.end());
  EXPECT_EQ(finished, (Numbers{1, 2}));
  EXPECT_EQ(Files(path_).size(), 2U);
}

TEST_F(IpcSinkTest, ACleanStopPublishesWhatIsCommitted) {
  auto sink = Recovered("");
  const std::string note = Prepared(*sink, {1});
  ASSERT_TRUE(sink->Commit().ok());
  ASSERT_TRUE(sink->Close().ok());
  EXPECT_EQ(Finished(), Numbers{1});
  Recovered(note);
  EXPECT_EQ(Finished(), Numbers{1});
}

TEST_F(IpcSinkTest, WhatIsPublishedBeforeAStopLeavesAnEmptyNote) {
  auto sink = Recovered("");
  Prepared(*sink, {1});
  ASSERT_TRUE(sink->Commit().ok());
  ASSERT_TRUE(sink->Publish().ok());
  EXPECT_EQ(Finished(), Numbers{1});
  ASSERT_TRUE(sink->Prepare(context_).ok());
  EXPECT_EQ(sink->Note(), "");
  ASSERT_TRUE(sink->Commit().ok());
  EXPECT_NE(Prepared(*sink, {2}), "");
  ASSERT_TRUE(sink->Commit().ok());
  ASSERT_TRUE(sink->Close().ok());
  EXPECT_EQ(Files(path_).size(), 2U);
}

TEST_F(IpcSinkTest, ACrashAtAnyPointPublishesExactlyWhatTheLastCommittedNoteCovers) {
  enum class Crash { kAfterWrite, kAfterPrepare, kAfterTransaction, kAfterCommit };
  for (const Crash crash :
       {Crash::kAfterWrite, Crash::kAfterPrepare, Crash::kAfterTransaction, Crash::kAfterCommit}) {
    std::string committed;
    {
      auto sink = Recovered("");
      committed = Prepared(*sink, {1, 2});
      ASSERT_TRUE(sink->Commit().ok());
      PassTime(kRoll);
      ASSERT_TRUE(sink->Write(Rows({3}), context_).ok());
      if (crash != Crash::kAfterWrite) {
        EXPECT_TRUE(sink->Prepare(context_).ok());
      }
      if (crash >= Crash::kAfterTransaction) committed = sink->Note();
      if (crash == Crash::kAfterCommit) {
        EXPECT_TRUE(sink->Commit().ok());
      }
    }  // destroyed without Close or Rollback
    const Numbers expected = crash >= Crash::kAfterTransaction ? Numbers{1, 2, 3} : Numbers{1, 2};
    Recovered(committed);
    EXPECT_EQ(Finished(), expected) << static_cast<int>(crash);
    Recovered(committed);
    EXPECT_EQ(Finished(), expected) << static_cast<int>(crash);
    ASSERT_TRUE(RemoveAll(path_).ok());
  }
}

TEST_F(IpcSinkTest, AnAbortedTransactionLeavesNoRows) {
  auto sink = Recovered("");
  Prepared(*sink, {1});
  ASSERT_TRUE(sink->Rollback().ok());
  Recovered("");
  EXPECT_EQ(Finished(), Numbers{});
}

TEST_F(IpcSinkTest, TwoWorkersThatPublishTheSameNoteMakeOneFile) {
  auto old_owner = Recovered("");
  const std::string note = Prepared(*old_owner, {1});
  ASSERT_TRUE(old_owner->Commit().ok());
  auto new_owner = Recovered(note);
  EXPECT_EQ(Finished(), Numbers{1});
  ASSERT_TRUE(old_owner->Close().ok());
  EXPECT_EQ(Finished(), Numbers{1});
  EXPECT_EQ(Files(path_).size(), 1U);
}

TEST_F(IpcSinkTest, DeletesUnreferencedStagingFilesOnlyWhenTheyAreOld) {
  {
    auto sink = Recovered("");
    ASSERT_TRUE(sink->Write(Rows({1}), context_).ok());
  }
  Recovered("");
  EXPECT_EQ(StagingFiles(), 1U);
  PassTime(Duration{3'600'000});
  Recovered("");
  EXPECT_EQ(StagingFiles(), 0U);
}

TEST_F(IpcSinkTest, LeavesTheStagingFilesOfOtherSinksAlone) {
  ASSERT_TRUE(CreateDirectories(path_ + "/_staging").ok());
  ASSERT_TRUE(WriteFileAtomically(path_ + "/_staging/app.sink-2.3.0-abc.arrows", "x").ok());
  PassTime(Duration{3'600'000});
  Recovered("");
  EXPECT_EQ(StagingFiles(), 1U);
}

TEST_F(IpcSinkTest, PartitionColumnsNameDirectoriesAndLeaveTheFiles) {
  auto sink = Make(1);
  ASSERT_TRUE(sink->Recover("").ok());
  Prepared(*sink, {1, 2, 3});
  ASSERT_TRUE(sink->Commit().ok());
  ASSERT_TRUE(sink->Close().ok());
  EXPECT_EQ(Read(path_ + "/odd=true"), (Numbers{1, 3}));
  EXPECT_EQ(Read(path_ + "/odd=false"), Numbers{2});
}

TEST_F(IpcSinkTest, NoRowsMakeNoFile) {
  auto sink = Recovered("");
  EXPECT_EQ(Prepared(*sink, {}), "");
  ASSERT_TRUE(sink->Commit().ok());
  ASSERT_TRUE(sink->Close().ok());
  EXPECT_EQ(Files(path_).size() + StagingFiles(), 0U);
}

TEST_F(IpcSinkTest, RefusesANoteItDidNotWrite) {
  for (const std::string note : {"x", "x y", "x 0", " 5", "x 5", "x 5 /p", "x 5 =", "x 0 =/p"}) {
    EXPECT_EQ(Make()->Recover(note).code(), StatusCode::kCorrupt) << note;
  }
}

TEST_F(IpcSinkTest, SaysWhenTheDiskHasLostCommittedBytes) {
  auto sink = Recovered("");
  const std::string note = Prepared(*sink, {1});
  ASSERT_TRUE(sink->Rollback().ok());
  StagingNote more = *StagingNote::Parse(note);
  more.bytes *= 10;
  EXPECT_EQ(Make()->Recover(more.ToText()).code(), StatusCode::kCorrupt);
}

TEST_F(IpcSinkTest, WhatIsCommittedAppearsInItsFolderAlsoWhenNoSinkTakesIt) {
  const std::string note = Prepared(*Recovered(""), {1, 2, 3});
  const Status published =
      PublishStaged({"app", "sink-1", Partition(3)}, *StagingNote::Parse(note), "", Formats);
  ASSERT_TRUE(published.ok()) << published.ToString();
  EXPECT_EQ(Finished(), (Numbers{1, 2, 3}));
  EXPECT_EQ(StagingFiles(), 0U);
}

TEST_F(IpcSinkTest, WhatIsCommittedAppearsAsItWasWrittenAlsoWhenTheSinkIsAnotherOneNow) {
  auto old = Make(1);
  ASSERT_TRUE(old->Recover("").ok());
  const std::string note = Prepared(*old, {1, 2, 3});
  const std::string elsewhere = path_ + "/elsewhere";
  auto moved = MakeStagedFileSink({.path = elsewhere,
                                   .app = "app",
                                   .sink = "sink-1",
                                   .partition = Partition(3),
                                   .schema = arrow::schema({arrow::field("other", arrow::utf8())}),
                                   .extension = "arrow",
                                   .formats = Formats,
                                   .clock = &clock_});
  ASSERT_TRUE(moved.ok());
  EXPECT_TRUE((*moved)->TakesNotes());
  const Status recovered = (*moved)->Recover(note);
  ASSERT_TRUE(recovered.ok()) << recovered.ToString();
  EXPECT_EQ(Read(path_ + "/odd=true"), (Numbers{1, 3}));
  EXPECT_EQ(Read(path_ + "/odd=false"), Numbers{2});
  EXPECT_EQ(Read(elsewhere), Numbers{});
  EXPECT_EQ(StagingFiles(), 0U);
}

TEST_F(IpcSinkTest, AFolderThatWasMovedWithTheSinkIsFound) {
  const std::string note = Prepared(*Recovered(""), {1});
  const std::string home = path_ + "-home";
  ASSERT_TRUE(Rename(path_, home).ok());
  const Status published =
      PublishStaged({"app", "sink-1", Partition(3)}, *StagingNote::Parse(note), home, Formats);
  ASSERT_TRUE(published.ok()) << published.ToString();
  EXPECT_EQ(Read(home), Numbers{1});
  ASSERT_TRUE(RemoveAll(home).ok());
}

TEST_F(IpcSinkTest, RefusesToForgetCommittedRowsWhoseFolderIsNotThere) {
  const std::string note = Prepared(*Recovered(""), {1});
  ASSERT_TRUE(RemoveAll(path_).ok());
  const StagingOwner owner{"app", "sink-1", Partition(3)};
  const Status refused = PublishStaged(owner, *StagingNote::Parse(note), "", Formats);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  for (const std::string said : {"'sink-1'", path_.c_str(), "mkdir -p"})
    EXPECT_NE(refused.message().find(said), std::string::npos) << said << " in " << refused.message();
  ASSERT_TRUE(CreateDirectories(path_).ok());
  EXPECT_TRUE(PublishStaged(owner, *StagingNote::Parse(note), "", Formats).ok());
}

TEST_F(IpcSinkTest, AFolderTooLongForANoteIsToldFromOthers) {
  const std::string folder = "/" + std::string(200, 'f');
  const StagingNote note{"0-abc", 10, StagingNote::PlaceOf(folder)};
  EXPECT_LE(note.ToText().size(), Sink::kMaxNoteBytes);
  const StagingOwner owner{"app", "sink-1", Partition(3)};
  for (const std::string& now : {std::string(), path_}) {
    const Status refused = PublishStaged(owner, note, now, Formats);
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << now;
    EXPECT_NE(refused.message().find("start once with the pipeline file as it was"), std::string::npos);
  }
}

TEST_F(IpcSinkTest, ManyDirectoriesInOneRollAreWritten) {
  constexpr std::int64_t kDirectories = 600;  // more than are written at once
  auto sink = MakeStagedFileSink({.path = path_,
                                  .app = "app",
                                  .sink = "sink-1",
                                  .partition = Partition(3),
                                  .schema = NumberedSchema(),
                                  .partition_columns = 1,
                                  .extension = "arrow",
                                  .formats = Formats,
                                  .clock = &clock_});
  ASSERT_TRUE(sink.ok());
  ASSERT_TRUE((*sink)->Recover("").ok());
  for (const std::int64_t first : {0, 1'000}) {
    arrow::Int64Builder n;
    arrow::Int64Builder tag;
    for (std::int64_t i = 0; i < kDirectories; ++i) {
      ASSERT_TRUE(n.Append(first + i).ok());
      ASSERT_TRUE(tag.Append(i).ok());
    }
    Batch batch;
    batch.data = arrow::RecordBatch::Make(NumberedSchema(), kDirectories, {*n.Finish(), *tag.Finish()});
    ASSERT_TRUE((*sink)->Write(batch, context_).ok());
  }
  ASSERT_TRUE((*sink)->Prepare(context_).ok());
  ASSERT_TRUE((*sink)->Commit().ok());
  const Status closed = (*sink)->Close();
  ASSERT_TRUE(closed.ok()) << closed.ToString();
  for (std::int64_t i = 0; i < kDirectories; ++i)
    ASSERT_EQ(Read(path_ + "/tag=" + std::to_string(i)), (Numbers{i, 1'000 + i}));
  EXPECT_EQ(StagingFiles(), 0U);
}

TEST_F(IpcSinkTest, ARowWhoseDirectoryCannotBeMadeIsAnErrorOfThatRow) {
  const auto schema = arrow::schema({arrow::field("n", arrow::int64()), arrow::field("tag", arrow::utf8())});
  auto sink = MakeStagedFileSink({.path = path_,
                                  .app = "app",
                                  .sink = "sink-1",
                                  .partition = Partition(3),
                                  .schema = schema,
                                  .partition_columns = 1,
                                  .extension = "arrow",
                                  .formats = Formats,
                                  .clock = &clock_});
  ASSERT_TRUE(sink.ok());
  ASSERT_TRUE((*sink)->Recover("").ok());
  arrow::Int64Builder n;
  arrow::StringBuilder tag;
  ASSERT_TRUE(n.AppendValues({1, 2, 3}).ok());
  ASSERT_TRUE(tag.AppendValues({"a", std::string(300, 'x'), "a"}).ok());
  Batch batch;
  batch.data = arrow::RecordBatch::Make(schema, 3, {*n.Finish(), *tag.Finish()});
  std::vector<RowError> errors;
  SinkContext context{.errors = &errors};
  const Status written = (*sink)->Write(batch, context);
  ASSERT_TRUE(written.ok()) << written.ToString();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].row, 1);
  ASSERT_TRUE((*sink)->Prepare(context).ok());
  ASSERT_TRUE((*sink)->Commit().ok());
  ASSERT_TRUE((*sink)->Close().ok());
  EXPECT_EQ(Read(path_ + "/tag=a"), (Numbers{1, 3}));
}

TEST_F(IpcSinkTest, AStagingPlaceThatCannotBeMadeIsAnError) {
  ASSERT_TRUE(CreateDirectories(path_).ok());
  ASSERT_TRUE(WriteFileAtomically(path_ + "/_staging", "a file").ok());
  EXPECT_FALSE(Make()->Recover("").ok());
}

}  // namespace
}  // namespace millrace
