#include "connectors/kafka/kafka_sink.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// "a|b" for a row with the columns a and b.
class JoinEncoder final : public Encoder {
 public:
  Status Encode(const arrow::RecordBatch& rows, EncodedRows* out) override {
    out->bytes.clear();
    out->offsets = {0};
    for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
      for (int column = 0; column < rows.num_columns(); ++column) {
        if (column > 0) out->bytes += '|';
        out->bytes += rows.column(column)->GetScalar(row).ValueOrDie()->ToString();
      }
      out->offsets.push_back(static_cast<std::int64_t>(out->bytes.size()));
    }
    return Status::Ok();
  }
};

/// Writes down what it is given; refuses records whose value contains "huge".
class RecordingProducer final : public Producer {
 public:
  Status Init() override { return Status::Ok(); }
  Status Begin() override { return Status::Ok(); }
  Status Send(const OutgoingRecord& record) override {
    if (record.value.view().find("huge") != std::string_view::npos)
      return Status::InvalidArgument("too large");
    std::string line(record.topic);
    line += "[" + std::to_string(record.partition.value()) + "] ";
    line += record.key.is_null() ? "null" : std::string(record.key.view());
    line += " = ";
    line += record.value.is_null() ? "null" : std::string(record.value.view());
    line += " @" + std::to_string(record.timestamp_ms);
    for (const HeaderView& header : record.headers) line += " " + std::string(header.name);
    sent.push_back(line);
    return Status::Ok();
  }
  Status Flush() override { return Status::Ok(); }
  Status SendOffsets(std::span<const CommittedOffset>, const GroupToken&) override { return Status::Ok(); }
  Status Commit() override { return Status::Ok(); }
  Status Abort() override { return Status::Ok(); }
  Offset AcknowledgedEnd(const TopicPartition&) const override { return kNoOffset; }

  std::vector<std::string> sent;
};

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> ArrayOf(const std::vector<Value>& values) {
  Builder builder;
  for (const Value& value : values) EXPECT_TRUE(builder.Append(value).ok());
  return builder.Finish().ValueOrDie();
}

Batch MakeBatch(const std::vector<std::string>& texts) {
  std::vector<std::int64_t> numbers(texts.size());
  std::vector<std::string> keys(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    numbers[i] = static_cast<std::int64_t>(i);
    keys[i] = "key" + std::to_string(i);
  }
  const auto schema = arrow::schema({arrow::field("n", arrow::int64()), arrow::field("text", arrow::utf8())});
  Batch batch;
  batch.data =
      arrow::RecordBatch::Make(schema, static_cast<std::int64_t>(texts.size()),
                               {ArrayOf<arrow::Int64Builder>(numbers), ArrayOf<arrow::StringBuilder>(texts)});
  batch.event_time = std::static_pointer_cast<arrow::Int64Array>(ArrayOf<arrow::Int64Builder>(numbers));
  batch.key = std::static_pointer_cast<arrow::BinaryArray>(ArrayOf<arrow::BinaryBuilder>(keys));
  return batch;
}

Batch WithTombstones(Batch batch, const std::vector<bool>& tombstones) {
  batch.tombstone = std::static_pointer_cast<arrow::BooleanArray>(ArrayOf<arrow::BooleanBuilder>(tombstones));
  return batch;
}

struct Fixture {
  explicit Fixture(KafkaSinkOptions options) {
    options.topic = "out";
    options.value = std::make_unique<JoinEncoder>();
    auto made = MakeKafkaSink(std::move(options), *MakeBatch({}).data->schema());
    status = made.status();
    if (made.ok()) sink = *std::move(made);
  }
  void Write(const Batch& batch) {
    SinkContext context{.producer = &producer, .errors = &errors};
    status = sink->Write(batch, context);
    bytes = context.bytes;
  }
  std::unique_ptr<Sink> sink;
  RecordingProducer producer;
  std::vector<RowError> errors;
  std::int64_t bytes = 0;
  Status status;
};

TEST(KafkaSink, RowsKeepTheirKeyAndEventTimeWithoutKeyColumns) {
  Fixture f({});
  f.Write(MakeBatch({"a", "b"}));
  EXPECT_THAT(f.producer.sent, ElementsAre("out[-1] key0 = 0|a @0", "out[-1] key1 = 1|b @1"));
  EXPECT_EQ(f.bytes, 2 * 7);  // keys and values: "key0" and "0|a"
}

TEST(KafkaSink, KeyColumnsMakeTheKey) {
  KafkaSinkOptions options;
  options.key_columns = {"text"};
  options.key = std::make_unique<JoinEncoder>();
  options.partition = Partition(3);
  Fixture f(std::move(options));
  f.Write(MakeBatch({"a"}));
  EXPECT_THAT(f.producer.sent, ElementsAre("out[3] a = 0|a @0"));
}

TEST(KafkaSink, ATombstoneIsWrittenAsANullValue) {
  Fixture f({});
  f.Write(WithTombstones(MakeBatch({"a", "b"}), {true, false}));
  EXPECT_THAT(f.producer.sent, ElementsAre("out[-1] key0 = null @0", "out[-1] key1 = 1|b @1"));
}

TEST(KafkaSink, ATombstoneHasTheKeyOfItsColumnsAndWithoutOneIsARowError) {
  KafkaSinkOptions options;
  options.key_columns = {"text"};
  options.key = std::make_unique<JoinEncoder>();
  Fixture f(std::move(options));
  Batch batch = WithTombstones(MakeBatch({"a", "b", "c"}), {true, true, false});
  arrow::StringBuilder texts;
  ASSERT_TRUE(texts.Append("a").ok() && texts.AppendNull().ok() && texts.AppendNull().ok());
  batch.data = *batch.data->SetColumn(1, batch.data->schema()->field(1), texts.Finish().ValueOrDie());
  const Batch from_state = batch;
  RecordBlockBuilder block({"in", Partition(0)});
  for (int i = 0; i < 3; ++i) block.Append(Offset(i), 1, {}, {});
  batch.block = block.Finish();
  f.Write(batch);
  EXPECT_TRUE(f.status.ok());
  EXPECT_THAT(f.producer.sent, ElementsAre("out[-1] a = null @0", "out[-1] null = 2|null @2"));
  ASSERT_EQ(f.errors.size(), 1U);
  EXPECT_EQ(f.errors[0].row, 1);
  EXPECT_EQ(f.errors[0].error_class, "unknown_key");
  EXPECT_THAT(f.errors[0].message, HasSubstr("`text`"));

  f.producer.sent.clear();
  f.Write(from_state);
  EXPECT_EQ(f.errors.size(), 1U) << "what was kept in state has its key, and null may be one";
  EXPECT_THAT(f.producer.sent,
              ElementsAre("out[-1] a = null @0", "out[-1] null = null @1", "out[-1] null = 2|null @2"));
}

TEST(KafkaSink, ARowThatIsTooLargeIsARowErrorAndTheOthersAreWritten) {
  Fixture f({});
  f.Write(MakeBatch({"a", "huge", "c"}));
  EXPECT_TRUE(f.status.ok());
  EXPECT_EQ(f.producer.sent.size(), 2U);
  ASSERT_EQ(f.errors.size(), 1U);
  EXPECT_EQ(f.errors[0].row, 1);
  EXPECT_EQ(f.errors[0].error_class, "too_large");
}

TEST(KafkaSink, TraceHeadersAreCarriedAndOthersAreNot) {
  Fixture f({});
  Batch batch = MakeBatch({"a", "b"});
  RecordBlockBuilder block({"in", Partition(0)});
  block.Append(Offset(1), 1, {}, {});
  block.AppendHeader("traceparent", BytesView::Of("00-1-2-01"));
  block.AppendHeader("other", BytesView::Of("x"));
  block.Append(Offset(2), 1, {}, {});
  batch.block = block.Finish();
  f.Write(batch);
  EXPECT_THAT(f.producer.sent, ElementsAre("out[-1] key0 = 0|a @0 traceparent", "out[-1] key1 = 1|b @1"));
}

TEST(KafkaSink, AKeyColumnThatIsMissingIsRefusedWithTheNearestName) {
  KafkaSinkOptions options;
  options.key_columns = {"txet"};
  options.key = std::make_unique<JoinEncoder>();
  const Fixture f(std::move(options));
  EXPECT_EQ(f.status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(f.status.message(), HasSubstr("text"));
}

}  // namespace
}  // namespace millrace
