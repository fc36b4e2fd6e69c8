#include "compile/repartition.h"

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/memory/memory_cluster.h"
#include "ops/partial_aggregate.h"

namespace millrace {
namespace {

using testing::ElementsAre;

const TopicPartition kMoved{"moved", Partition(0)};

/// A topic of one partition whose records may have `most_bytes`, the sink that writes it and what a reader
/// makes of it.
class RepartitionTopic {
 public:
  explicit RepartitionTopic(std::int64_t most_bytes) {
    EXPECT_TRUE(arrow::compute::Initialize().ok());
    NewTopic topic{.name = kMoved.topic, .partitions = 1};
    topic.config["max.message.bytes"] = std::to_string(most_bytes);
    EXPECT_TRUE(log_.CreateTopic(topic).ok());
    producer_ = *cluster_.MakeProducer("");
    EXPECT_TRUE(producer_->Init().ok());
  }

  /// One batch: row i is of in[3] offset 10 + 2 * i and event time 100 - i, and has widths[i] bytes of text.
  Status Write(const std::vector<std::int64_t>& widths) {
    arrow::StringBuilder text;
    arrow::Int64Builder times;
    arrow::BinaryBuilder keys;
    RecordBlockBuilder records({"in", Partition(3)});
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      EXPECT_TRUE(text.Append(TextOf(i, widths[i])).ok() && times.Append(100 - row).ok() &&
                  keys.Append("k").ok());
      records.Append(Offset(10 + 2 * row), 100 - row, BytesView::Of("k"), BytesView::Of("v"));
    }
    Batch batch;
    batch.data =
        arrow::RecordBatch::Make(schema_, static_cast<std::int64_t>(widths.size()), {*text.Finish()});
    batch.event_time = std::static_pointer_cast<arrow::Int64Array>(*times.Finish());
    batch.key = std::static_pointer_cast<arrow::BinaryArray>(*keys.Finish());
    batch.block = records.Finish();
    return Write(batch);
  }

  Status Write(const Batch& batch) {
    SinkContext context{.producer = producer_.get(), .errors = &errors};
    MR_RETURN_IF_ERROR(sink_->Write(batch, context));
    context.watermark = Watermark(100);
    return sink_->Prepare(context);
  }

  /// A result of a window on partition 3: a row of no record.
  Status WriteResult() {
    Batch batch;
    arrow::StringBuilder text;
    arrow::Int64Builder times;
    arrow::BinaryBuilder keys;
    EXPECT_TRUE(text.Append("r").ok() && times.Append(100).ok() && keys.Append("k").ok());
    batch.data = arrow::RecordBatch::Make(schema_, 1, {*text.Finish()});
    batch.event_time = std::static_pointer_cast<arrow::Int64Array>(*times.Finish());
    batch.key = std::static_pointer_cast<arrow::BinaryArray>(*keys.Finish());
    batch.origin.partition = {"in", Partition(3)};
    SinkContext context{.producer = producer_.get(), .errors = &errors};
    return sink_->Write(batch, context);
  }

  InputItems ReadBack() {
    auto items = TryReadBack("");
    EXPECT_TRUE(items.ok()) << items.status().message();
    return *std::move(items);
  }

  Result<InputItems> TryReadBack(const std::string& partials) {
    const auto fetched = log_.Fetch(kMoved, Offset(0), {Isolation::kReadCommitted, 1'000, 1LL << 30});
    EXPECT_TRUE(fetched.ok());
    return MakeRepartitionReader(schema_, partials)->Read(fetched->block);
  }

  std::vector<std::size_t> RecordBytes() const {
    std::vector<std::size_t> out;
    for (const MemoryRecord& record : log_.Read(kMoved)) {
      if (record.value.has_value()) out.push_back(record.value->size());
    }
    return out;
  }

  static std::string TextOf(std::size_t row, std::int64_t width) {
    return std::to_string(row) + std::string(static_cast<std::size_t>(width), 'x');
  }

  std::vector<RowError> errors;

 private:
  const std::shared_ptr<arrow::Schema> schema_ = arrow::schema({arrow::field("text", arrow::utf8())});
  ManualClock clock_{EventTime(1'000)};
  MemoryLog log_{&clock_};
  MemoryCluster cluster_{&log_};
  std::unique_ptr<Producer> producer_;
  const std::unique_ptr<Sink> sink_ = MakeRepartitionSink({.topic = kMoved.topic}, clock_);
};

TEST(Repartition, ABatchThatIsMoreThanARecordMayHoldTravelsInSeveral) {
  struct Case {
    const char* name;
    std::int64_t most_bytes;
    std::int64_t most_of_several;  // bytes of a record with several rows
    std::size_t records_at_most;
  };
  // 300 rows of 10 kB, among them one of 90 kB.
  std::vector<std::int64_t> widths(300, 10'000);
  widths[150] = 90'000;
  for (const Case& c : {Case{"what topics take by default", 1'048'588, 1'000'000, 6},
                        Case{"less", 100'000, 100'000, 70}, Case{"more", 4'000'000, 1'000'000, 6}}) {
    SCOPED_TRACE(c.name);
    RepartitionTopic topic(c.most_bytes);
    const Status written = topic.Write(widths);
    ASSERT_TRUE(written.ok()) << written.message();
    EXPECT_TRUE(topic.errors.empty());
    const std::vector<std::size_t> bytes = topic.RecordBytes();
    EXPECT_LE(*std::max_element(bytes.begin(), bytes.end()), static_cast<std::size_t>(c.most_of_several));
    EXPECT_LE(bytes.size(), c.records_at_most) << "no more records than it takes";

    const InputItems read = topic.ReadBack();
    ASSERT_EQ(read.items.size(), bytes.size() + 1);
    std::size_t row = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto& part = std::get<Batch>(read.items[i]);
      CheckBatch(part);
      const auto& text = static_cast<const arrow::StringArray&>(*part.data->column(0));
      for (std::int64_t at = 0; at < part.num_rows(); ++at, ++row) {
        ASSERT_EQ(text.GetView(at), RepartitionTopic::TextOf(row, widths[row]));
        ASSERT_EQ(part.OffsetOf(at), Offset(10 + 2 * static_cast<std::int64_t>(row)));
        ASSERT_EQ(part.event_time->Value(at), 100 - static_cast<std::int64_t>(row));
        ASSERT_EQ(part.block->partition(), (TopicPartition{"in", Partition(3)}));
      }
    }
    EXPECT_EQ(row, widths.size());
    // The watermark covers all rows, so it comes after the last of them (T2a).
    EXPECT_EQ(std::get<WatermarkReport>(read.items.back()).watermark, Watermark(100));
  }
}

// T5
TEST(Repartition, ARowOfNoRecordKeepsWhichPartitionMadeIt) {
  RepartitionTopic topic(1'048'588);
  ASSERT_TRUE(topic.WriteResult().ok());
  const InputItems read = topic.ReadBack();
  ASSERT_EQ(read.items.size(), 1U);
  const auto& row = std::get<Batch>(read.items[0]);
  EXPECT_EQ(row.block, nullptr);
  EXPECT_EQ(row.origin.partition, (TopicPartition{"in", Partition(3)}));
  EXPECT_GT(row.origin.first, row.origin.last);
}

TEST(Repartition, SmallRowsOfABatchStayInOneRecord) {
  RepartitionTopic topic(1'048'588);
  ASSERT_TRUE(topic.Write(std::vector<std::int64_t>(1'000, 500)).ok());
  EXPECT_EQ(topic.RecordBytes().size(), 1U);
}

TEST(Repartition, ARowThatAloneIsTooLargeIsARowErrorAndTheOthersMove) {
  RepartitionTopic topic(50'000);
  ASSERT_TRUE(topic.Write({10, 60'000, 20'000, 20'000, 20'000, 70'000, 10}).ok());
  ASSERT_EQ(topic.errors.size(), 2U);
  EXPECT_EQ(topic.errors[0].row, 1);
  EXPECT_EQ(topic.errors[1].row, 5);
  EXPECT_EQ(topic.errors[0].error_class, "too_large");
  std::vector<std::int64_t> offsets;
  for (const auto& item : topic.ReadBack().items) {
    const auto* part = std::get_if<Batch>(&item);
    for (std::int64_t i = 0; part != nullptr && i < part->num_rows(); ++i)
      offsets.push_back(part->OffsetOf(i).value());
  }
  EXPECT_THAT(offsets, ElementsAre(10, 14, 16, 18, 22));
}

/// Two groups that stand for five rows, of in[3] offsets 4 and 7, as a partial_aggregate makes them.
Batch Partials(const std::string& layout) {
  arrow::BinaryBuilder states, keys;
  arrow::Int64Builder times, rows;
  RecordBlockBuilder records({"in", Partition(3)});
  for (const auto& [state, key, at] : {std::tuple{"one", "a", 4}, {"two", "b", 7}}) {
    EXPECT_TRUE(states.Append(state).ok() && keys.Append(key).ok() && times.Append(at).ok() &&
                rows.Append(at - 2).ok());
    records.Append(Offset(at), at, BytesView{}, BytesView{});
  }
  Batch batch;
  batch.data = arrow::RecordBatch::Make(PartialSchema(layout), 2, {*states.Finish()});
  batch.event_time = std::static_pointer_cast<arrow::Int64Array>(*times.Finish());
  batch.key = std::static_pointer_cast<arrow::BinaryArray>(*keys.Finish());
  batch.stands_for = std::static_pointer_cast<arrow::Int64Array>(*rows.Finish());
  batch.block = records.Finish();
  return batch;
}

// K2a
TEST(Repartition, PartialAggregatesAreReadAsTheyWereWritten) {
  RepartitionTopic topic(1'048'588);
  ASSERT_TRUE(topic.Write(Partials("tumbling 1m")).ok());
  ASSERT_TRUE(topic.Write(std::vector<std::int64_t>{5}).ok());
  const auto read = topic.TryReadBack("tumbling 1m");
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->items.size(), 3U);
  const auto& partials = std::get<Batch>(read->items[0]);
  CheckBatch(partials);
  EXPECT_TRUE(partials.data->Equals(*Partials("").data));
  EXPECT_EQ(PartialLayoutOf(*partials.data->schema()), "tumbling 1m");
  EXPECT_TRUE(partials.stands_for->Equals(*Partials("").stands_for));
  EXPECT_TRUE(partials.key->Equals(*Partials("").key));
  EXPECT_EQ(partials.OffsetOf(1), Offset(7));
  EXPECT_EQ(partials.event_time->Value(1), 7);
  // Rows are read beside them: those of batches that do not become fewer, and of the pipeline as it was.
  EXPECT_EQ(std::get<Batch>(read->items[2]).stands_for, nullptr);
}

TEST(Repartition, PartialAggregatesOfAnotherWindowAreRefused) {
  for (const char* taken : {"", "tumbling 2m"}) {
    RepartitionTopic topic(1'048'588);
    ASSERT_TRUE(topic.Write(Partials("tumbling 1m")).ok());
    const auto read = topic.TryReadBack(taken);
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(read.status().message(), testing::AllOf(testing::HasSubstr("moved[0] offset 0"),
                                                        testing::HasSubstr("of another window (tumbling 1m)"),
                                                        testing::HasSubstr("run the old pipeline")));
  }
}

}  // namespace
}  // namespace millrace
