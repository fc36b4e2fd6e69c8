#include "engine/savepoint/state_file.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/key_encoding.h"
#include "connectors/parquet/parquet_reader.h"
#include "engine/savepoint/record_file.h"
#include "env/file.h"
#include "env/random.h"
#include "ops/batch_state.h"
#include "ops/expiry_index.h"
#include "state/store_key.h"

namespace millrace {
namespace {

constexpr std::int32_t kPartitions = 10;

class SavepointFiles : public testing::Test {
 protected:
  SavepointFiles() {
    EXPECT_TRUE(arrow::compute::Initialize().ok());
    EXPECT_TRUE(CreateDirectories(folder_).ok());
  }
  ~SavepointFiles() override { EXPECT_TRUE(RemoveAll(folder_).ok()); }

  struct Row {
    std::int32_t partition;
    std::string key;
    std::string row;
    friend bool operator==(const Row&, const Row&) = default;
  };
  std::vector<Row> ReadBack() const {
    std::vector<Row> found;
    const Status read = ReadStateFile(path_, kPartitions, [&](const StateRows& rows) {
      for (std::int64_t i = 0; i < rows.keys->length(); ++i)
        found.push_back({rows.partitions->Value(i), rows.keys->GetString(i), rows.rows->GetString(i)});
      return Status::Ok();
    });
    EXPECT_TRUE(read.ok()) << read.message();
    return found;
  }
  void Write(const std::string& layout, const std::vector<Row>& rows) const {
    auto file = StateFileWriter::Create(path_, layout);
    ASSERT_TRUE(file.ok()) << file.status().message();
    for (const Row& row : rows) {
      const Status added = (*file)->Add(row.partition, row.key, row.row);
      ASSERT_TRUE(added.ok()) << added.message();
    }
    ASSERT_TRUE((*file)->Finish().ok());
    EXPECT_EQ((*file)->num_rows(), static_cast<std::int64_t>(rows.size()));
  }

  const std::string folder_ = testing::TempDir() + "/savepoint-files-" + RandomId();
  const std::string path_ = folder_ + "/file.parquet";
};

std::string KeyOf(std::int64_t slice, std::int64_t value) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.Append(value).ok());
  KeyBuffer key;
  const std::vector<std::shared_ptr<arrow::Array>> columns{*builder.Finish()};
  EXPECT_TRUE(EncodeKeys(columns, &key).ok());
  std::string bytes;
  AppendSlice(slice, &bytes);
  return bytes + std::string(key[0]);
}

TEST_F(SavepointFiles, StateIsRestoredExactlyAndReadAsColumns) {
  std::vector<Row> rows;
  for (std::int32_t i = 0; i < 25'000; ++i) rows.push_back({i / 10'000, KeyOf(0, i), std::string(12, '\0')});
  Write("a layout of another version", rows);
  EXPECT_EQ(ReadBack(), rows);
  const auto unknown = ParquetReader::Open(path_);
  ASSERT_TRUE(unknown.ok());
  EXPECT_EQ((*unknown)->num_rows(), 25'000);
  EXPECT_EQ((*(*unknown)->Next())->num_columns(), 3);
}

TEST_F(SavepointFiles, RowsOfALayoutThatIsKnownHaveColumnsAndThoseForExpiryNulls) {
  // What has a time to live is also noted, without a value, in the slice of its expiry.
  const std::string layout = "values by k:int64";
  ValueRows values;
  values.Resize(1);
  values.Clear(0);
  std::string none;
  values.Encode(0, &none);
  values.Set(0, "x", ValueRows::kNever);
  std::string value;
  values.Encode(0, &value);
  const std::vector<Row> rows{{0, KeyOf(60'000, 5), none}, {1, KeyOf(ExpiryIndex::kRows, 5), value}};
  Write(layout, rows);
  EXPECT_EQ(ReadBack(), rows);
  const auto file = ParquetReader::Open(path_);
  ASSERT_TRUE(file.ok());
  const auto batch = *(*file)->Next();
  ASSERT_NE(batch->GetColumnByName("key"), nullptr) << batch->schema()->ToString();
  EXPECT_TRUE(batch->GetColumnByName("key")->IsNull(0));
  EXPECT_FALSE(batch->GetColumnByName("key")->IsNull(1));
}

/// Bytes that no compression makes less.
std::string Noise(std::size_t bytes, std::mt19937_64* random) {
  std::string noise(bytes, '\0');
  for (std::size_t i = 0; i + 8 <= bytes; i += 8) {
    const std::uint64_t word = (*random)();
    std::memcpy(noise.data() + i, &word, 8);
  }
  return noise;
}

/// What Arrow has allocated since, at most.
class MostAllocated {
 public:
  Status Look() {
    most_ = std::max(most_, arrow::default_memory_pool()->bytes_allocated() - before_);
    return Status::Ok();
  }
  std::int64_t bytes() const { return most_; }

 private:
  const std::int64_t before_ = arrow::default_memory_pool()->bytes_allocated();
  std::int64_t most_ = 0;
};

constexpr std::size_t kLargeBytes = 1 << 20;
constexpr int kLargeRows = 300;
constexpr std::int64_t kMostBytes = 200LL << 20;

TEST_F(SavepointFiles, OfStateHoldLittleInMemoryHoweverLargeTheRowsAre) {
  std::mt19937_64 random(7);
  MostAllocated writing;
  const auto state = StateFileWriter::Create(path_, "of another version");
  ASSERT_TRUE(state.ok());
  for (int i = 0; i < kLargeRows; ++i) {
    ASSERT_TRUE((*state)->Add(0, KeyOf(0, i), Noise(kLargeBytes, &random)).ok());
    ASSERT_TRUE(writing.Look().ok());
  }
  ASSERT_TRUE((*state)->Finish().ok());
  EXPECT_LT(writing.bytes(), kMostBytes);
  MostAllocated reading;
  std::int64_t rows = 0;
  EXPECT_TRUE(ReadStateFile(path_, kPartitions, [&](const StateRows& part) {
                rows += part.keys->length();
                return reading.Look();
              }).ok());
  EXPECT_EQ(rows, kLargeRows);
  EXPECT_LT(reading.bytes(), kMostBytes);
}

TEST_F(SavepointFiles, OfRecordsHoldLittleInMemoryHoweverLargeTheyAre) {
  std::mt19937_64 random(8);
  MostAllocated writing;
  const auto file = RecordFileWriter::Create(path_);
  ASSERT_TRUE(file.ok());
  for (int i = 0; i < kLargeRows; ++i) {
    RecordBlockBuilder block({"t", Partition(0)});
    block.Append(Offset(i), 100, BytesView{}, BytesView::Of(Noise(kLargeBytes, &random)));
    ASSERT_TRUE((*file)->Add(*block.Finish()).ok());
    ASSERT_TRUE(writing.Look().ok());
  }
  ASSERT_TRUE((*file)->Finish().ok());
  EXPECT_LT(writing.bytes(), kMostBytes);
  MostAllocated reading;
  std::int64_t records = 0;
  EXPECT_TRUE(ReadRecordFile(path_, "t", kPartitions, [&](const std::shared_ptr<const RecordBlock>& block) {
                records += block->num_records();
                return reading.Look();
              }).ok());
  EXPECT_EQ(records, kLargeRows);
  EXPECT_LT(reading.bytes(), kMostBytes);
}

TEST_F(SavepointFiles, WhatIsNoParquetFileIsRefused) {
  ASSERT_TRUE(WriteFileAtomically(path_, "PAR1 and nothing").ok());
  const auto nothing = [](const StateRows&) { return Status::Ok(); };
  EXPECT_EQ(ReadStateFile(path_, kPartitions, nothing).code(), StatusCode::kCorrupt);
  EXPECT_EQ(ReadStateFile(folder_ + "/none.parquet", kPartitions, nothing).code(), StatusCode::kNotFound);
}

TEST_F(SavepointFiles, RowsOfPartitionsThatAreNotThereAreRefused) {
  const auto nothing = [](const StateRows&) { return Status::Ok(); };
  const std::string key(8, '\0');
  for (const std::int32_t partition : {kPartitions, -1}) {
    Write("of another version", {{0, key, "a"}, {partition, key, "b"}});
    const Status read = ReadStateFile(path_, kPartitions, nothing);
    EXPECT_EQ(read.code(), StatusCode::kCorrupt);
    EXPECT_THAT(read.message(), testing::HasSubstr("a row of partition " + std::to_string(partition)));
    ASSERT_TRUE(RemoveAll(path_).ok());
  }
}

TEST_F(SavepointFiles, RecordsOfPartitionsThatAreNotThereAreRefused) {
  const auto file = RecordFileWriter::Create(path_);
  ASSERT_TRUE(file.ok());
  RecordBlockBuilder block({"t", Partition(kPartitions)});
  block.Append(Offset(5), 100, BytesView{}, BytesView::Of("v"));
  ASSERT_TRUE((*file)->Add(*block.Finish()).ok());
  ASSERT_TRUE((*file)->Finish().ok());
  const auto nothing = [](const std::shared_ptr<const RecordBlock>&) { return Status::Ok(); };
  EXPECT_EQ(ReadRecordFile(path_, "t", kPartitions, nothing).code(), StatusCode::kCorrupt);
  EXPECT_TRUE(ReadRecordFile(path_, "t", kPartitions + 1, nothing).ok());
}

TEST_F(SavepointFiles, RecordsComeBackWithTheirHeadersAndNulls) {
  const auto file = RecordFileWriter::Create(path_);
  ASSERT_TRUE(file.ok());
  RecordBlockBuilder first({"t", Partition(0)});
  first.Append(Offset(5), 100, BytesView{}, BytesView::Of("v"));
  first.AppendHeader("name", BytesView::Of("value"));
  first.AppendHeader("\xff", BytesView{});
  first.Append(Offset(9), -1, BytesView::Of("k"), BytesView{});
  ASSERT_TRUE((*file)->Add(*first.Finish()).ok());
  RecordBlockBuilder second({"t", Partition(3)});
  second.Append(Offset(0), 1, BytesView::Of(""), BytesView::Of(""));
  ASSERT_TRUE((*file)->Add(*second.Finish()).ok());
  ASSERT_TRUE((*file)->Finish().ok());

  std::vector<std::shared_ptr<const RecordBlock>> blocks;
  const Status read = ReadRecordFile(path_, "t", kPartitions, [&](std::shared_ptr<const RecordBlock> block) {
    blocks.push_back(std::move(block));
    return Status::Ok();
  });
  ASSERT_TRUE(read.ok()) << read.message();
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0]->partition(), (TopicPartition{"t", Partition(0)}));
  EXPECT_EQ(blocks[1]->partition(), (TopicPartition{"t", Partition(3)}));
  EXPECT_THAT(blocks[0]->offsets(), testing::ElementsAre(5, 9));
  EXPECT_THAT(blocks[0]->timestamps_ms(), testing::ElementsAre(100, -1));
  EXPECT_TRUE(blocks[0]->keys()[0].is_null());
  EXPECT_TRUE(blocks[0]->values()[1].is_null());
  EXPECT_FALSE(blocks[1]->keys()[0].is_null());
  ASSERT_EQ(blocks[0]->headers(0).size(), 2U);
  EXPECT_EQ(blocks[0]->headers(0)[0].value.view(), "value");
  EXPECT_EQ(blocks[0]->headers(0)[1].name, "\xff");
  EXPECT_TRUE(blocks[0]->headers(0)[1].value.is_null());
  EXPECT_TRUE(blocks[0]->headers(1).empty());
}

}  // namespace
}  // namespace millrace
