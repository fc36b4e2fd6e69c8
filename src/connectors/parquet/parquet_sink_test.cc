#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>

#include "connect/staged_file_sink.h"
#include "connectors/parquet/parquet_format.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

class ParquetSinkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }
  ParquetSinkTest() : path_(testing::TempDir() + "millrace-parquet-" + RandomId()) {}
  ~ParquetSinkTest() override { EXPECT_TRUE(RemoveAll(path_).ok()); }

  /// Writes the batches through a sink, one checkpoint each, stops cleanly, and reads the file in
  /// `directory`.
  std::shared_ptr<arrow::Table> WriteAndRead(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                                             std::size_t partition_columns = 0,
                                             const std::string& directory = "", ParquetOptions options = {}) {
    auto sink =
        MakeStagedFileSink({.path = path_,
                            .app = "app",
                            .sink = "bids",
                            .schema = batches[0]->schema(),
                            .partition_columns = partition_columns,
                            .extension = "parquet",
                            .formats = [options](std::string_view) -> Result<std::unique_ptr<FileFormat>> {
                              return MakeParquetFormat(options);
                            },
                            .clock = &clock_});
    SinkContext context;
    EXPECT_TRUE((*sink)->Recover("").ok());
    for (const auto& data : batches) {
      Batch batch;
      batch.data = data;
      EXPECT_TRUE((*sink)->Write(batch, context).ok());
      EXPECT_TRUE((*sink)->Prepare(context).ok());
      EXPECT_TRUE((*sink)->Commit().ok());
    }
    const Status closed = (*sink)->Close();
    EXPECT_TRUE(closed.ok()) << closed.ToString();
    return Read(path_ + directory);
  }

  std::shared_ptr<arrow::Table> Read(const std::string& directory) {
    const auto entries = *ListDirectory(directory);
    for (const DirectoryEntry& entry : entries) {
      if (entry.is_directory) continue;
      EXPECT_TRUE(entry.name.starts_with("bids-0-") && entry.name.ends_with(".parquet")) << entry.name;
      auto reader = parquet::arrow::OpenFile(*arrow::io::ReadableFile::Open(directory + "/" + entry.name),
                                             arrow::default_memory_pool());
      EXPECT_TRUE(reader.ok());
      row_groups_ = (*reader)->num_row_groups();
      compression_ = (*reader)->parquet_reader()->metadata()->RowGroup(0)->ColumnChunk(0)->compression();
      return *(*reader)->ReadTable();
    }
    ADD_FAILURE() << "no file in " << directory;
    return nullptr;
  }

  ManualClock clock_{EventTime(1'700'000'000'000)};
  const std::string path_;
  int row_groups_ = 0;
  parquet::Compression::type compression_ = parquet::Compression::UNCOMPRESSED;
};

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Column(Builder builder, const std::vector<Value>& values) {
  EXPECT_TRUE(builder.AppendValues(values).ok());
  EXPECT_TRUE(builder.AppendNull().ok());
  return *builder.Finish();
}

TEST_F(ParquetSinkTest, EveryTypeReadsBackAsItWasWritten) {
  const auto utc = arrow::timestamp(arrow::TimeUnit::MILLI, "UTC");
  const auto nanos = arrow::timestamp(arrow::TimeUnit::NANO);
  auto* pool = arrow::default_memory_pool();
  const std::vector<std::int64_t> longs = {-5, 7};
  std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> columns = {
      {"long", Column(arrow::Int64Builder(), longs)},
      {"double", Column(arrow::DoubleBuilder(), std::vector<double>{0.1, -0.0})},
      {"text", Column(arrow::StringBuilder(), std::vector<std::string>{"a", "ü"})},
      {"utc", Column(arrow::TimestampBuilder(utc, pool), longs)},
      {"nanos", Column(arrow::TimestampBuilder(nanos, pool), longs)},
      {"date", Column(arrow::Date32Builder(), std::vector<std::int32_t>{0, 20'000})},
  };
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : columns) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
  const auto structs =
      *arrow::StructArray::Make({arrays[0], arrays[2]}, arrow::FieldVector{fields[0], fields[2]});
  fields.push_back(arrow::field("struct", structs->type()));
  arrays.push_back(structs);
  const auto batch = arrow::RecordBatch::Make(arrow::schema(fields), 3, arrays);
  const auto table = WriteAndRead({batch, batch});
  const auto expected = *arrow::Table::FromRecordBatches({batch, batch});
  EXPECT_TRUE(table->Equals(*expected)) << table->ToString();
  EXPECT_TRUE(table->schema()->Equals(*batch->schema())) << table->schema()->ToString();
  EXPECT_EQ(compression_, parquet::Compression::ZSTD);
}

std::shared_ptr<arrow::RecordBatch> Bids() {
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("day", arrow::utf8())}), 4,
      {Column(arrow::Int64Builder(), std::vector<std::int64_t>{1, 2, 3}),
       Column(arrow::StringBuilder(), std::vector<std::string>{"mon", "tue", "mon"})});
}

TEST_F(ParquetSinkTest, PartitionColumnsBecomeDirectories) {
  const auto monday = WriteAndRead({Bids()}, 1, "/day=mon");
  EXPECT_EQ(monday->num_rows(), 2);
  EXPECT_EQ(monday->num_columns(), 1);
  EXPECT_EQ(Read(path_ + "/day=tue")->num_rows(), 1);
  EXPECT_EQ(Read(path_ + "/day=__HIVE_DEFAULT_PARTITION__")->num_rows(), 1);
}

TEST_F(ParquetSinkTest, RowGroupsAreBounded) {
  const auto table = WriteAndRead({Bids(), Bids()}, 0, "", {.row_group_rows = 3});
  EXPECT_EQ(table->num_rows(), 8);
  EXPECT_EQ(row_groups_, 3);
}

TEST_F(ParquetSinkTest, RowGroupsAreBoundedByBytesToo) {
  const auto table = WriteAndRead({Bids(), Bids(), Bids()}, 0, "", {.row_group_bytes = ByteCount(1)});
  EXPECT_EQ(table->num_rows(), 12);
  EXPECT_EQ(row_groups_, 3);
}

}  // namespace
}  // namespace millrace
