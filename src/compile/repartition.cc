#include "compile/repartition.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>

#include "columnar/arrow_status.h"
#include "connect/murmur2.h"
#include "ops/partial_aggregate.h"

namespace millrace {
namespace {

constexpr std::string_view kWatermarkHeader = "millrace.watermark";
// Topic and partition of the records that the rows came from: "3;bids"; of rows without records
// Batch::origin.
constexpr std::string_view kOriginHeader = "millrace.origin";
// Of a record with several rows: below what a topic takes by default (1,048,588 bytes with all that goes with
// a record), also where message.max.bytes allows more. A row that is larger goes alone.
constexpr std::int64_t kMostBytes = 1'000'000;
constexpr std::int64_t kPieceBytes = kMostBytes * 3 / 4;  // aimed at: rows are not equally large
constexpr const char* kTimeColumn = "__millrace_event_time";
constexpr const char* kKeyColumn = "__millrace_key";
constexpr const char* kOffsetColumn = "__millrace_offset";
constexpr const char* kRowsColumn = "__millrace_rows";  // of partials only: the rows they stand for

/// `payload` tells by its metadata whether it is of partials.
std::shared_ptr<arrow::Schema> WireSchema(const arrow::Schema& payload) {
  arrow::FieldVector fields = payload.fields();
  fields.push_back(arrow::field(kTimeColumn, arrow::int64(), false));
  fields.push_back(arrow::field(kKeyColumn, arrow::binary()));
  fields.push_back(arrow::field(kOffsetColumn, arrow::int64()));
  const bool partials = !PartialLayoutOf(payload).empty();
  if (partials) fields.push_back(arrow::field(kRowsColumn, arrow::int64(), false));
  return arrow::schema(std::move(fields), partials ? payload.metadata() : nullptr);
}

/// The offset of each row's record; all null when there are none.
Result<std::shared_ptr<arrow::Array>> RecordOffsets(const Batch& batch) {
  if (batch.block == nullptr) {
    MR_ASSIGN_ARROW(auto nulls, arrow::MakeArrayOfNull(arrow::int64(), batch.num_rows()));
    return nulls;
  }
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(batch.num_rows()));
  for (std::size_t i = 0; i < offsets.size(); ++i)
    offsets[i] = batch.OffsetOf(static_cast<std::int64_t>(i)).value();
  const auto rows = static_cast<std::int64_t>(offsets.size());
  return std::shared_ptr<arrow::Array>(
      std::make_shared<arrow::Int64Array>(rows, arrow::Buffer::FromVector(std::move(offsets))));
}

/// `batch` with event time, key and offsets as columns.
Result<std::shared_ptr<arrow::RecordBatch>> ToWire(const Batch& batch) {
  arrow::ArrayVector columns = batch.data->columns();
  columns.push_back(batch.event_time);
  columns.push_back(batch.key);
  MR_ASSIGN_OR_RETURN(auto offsets, RecordOffsets(batch));
  columns.push_back(std::move(offsets));
  if (batch.stands_for != nullptr) columns.push_back(batch.stands_for);
  return arrow::RecordBatch::Make(WireSchema(*batch.data->schema()), batch.num_rows(), std::move(columns));
}

Result<std::shared_ptr<arrow::Buffer>> ToIpc(const arrow::RecordBatch& wire) {
  MR_ASSIGN_ARROW(auto out, arrow::io::BufferOutputStream::Create(1 << 12));
  MR_ASSIGN_ARROW(auto writer, arrow::ipc::MakeStreamWriter(out, wire.schema()));
  MR_RETURN_IF_ARROW_ERROR(writer->WriteRecordBatch(wire));
  MR_RETURN_IF_ARROW_ERROR(writer->Close());
  MR_ASSIGN_ARROW(auto buffer, out->Finish());
  return buffer;
}

/// Rows of one batch that go to one partition.
struct Part {
  std::int32_t partition = 0;
  std::shared_ptr<arrow::RecordBatch> wire;
  std::span<const std::int32_t> rows;  // of `wire`, in the batch

  Part Slice(std::int64_t offset, std::int64_t length) const {
    return {partition, wire->Slice(offset, length),
            rows.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length))};
  }
};

class RepartitionSink final : public Sink {
 public:
  RepartitionSink(RepartitionSinkOptions options, const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        rows_of_(static_cast<std::size_t>(options_.partitions)) {}

  Status Write(const Batch& batch, SinkContext& context) override {
    MR_CHECK(batch.key != nullptr);
    for (auto& rows : rows_of_) rows.clear();
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
      rows_of_[static_cast<std::size_t>(PartitionOfKey(batch.key->GetView(i), options_.partitions).value())]
          .push_back(static_cast<std::int32_t>(i));
    }
    const TopicPartition& source = batch.block == nullptr ? batch.origin.partition : batch.block->partition();
    const std::string origin = std::to_string(source.partition.value()) + ";" + source.topic;
    const HeaderView header{kOriginHeader, BytesView::Of(origin)};
    for (std::size_t p = 0; p < rows_of_.size(); ++p) {
      if (rows_of_[p].empty()) continue;
      const auto indices = std::make_shared<arrow::Int32Array>(static_cast<std::int64_t>(rows_of_[p].size()),
                                                               arrow::Buffer::Wrap(rows_of_[p]));
      MR_ASSIGN_OR_RETURN(const Batch part, TakeRows(batch, indices));
      MR_ASSIGN_OR_RETURN(auto wire, ToWire(part));
      MR_RETURN_IF_ERROR(
          SendRows({static_cast<std::int32_t>(p), std::move(wire), rows_of_[p]}, {&header, 1}, context));
    }
    std::sort(context.errors->begin(), context.errors->end(),
              [](const auto& a, const auto& b) { return a.row < b.row; });
    return Status::Ok();
  }

  Status Prepare(SinkContext& context) override {
    if (reported_ && context.watermark == last_watermark_ && context.idle == last_idle_) return Status::Ok();
    const std::string text = std::to_string(options_.upstream.value()) + ";" +
                             std::to_string(context.watermark.value()) + (context.idle ? ";idle" : ";active");
    const HeaderView header{kWatermarkHeader, BytesView::Of(text)};
    for (std::int32_t p = 0; p < options_.partitions; ++p) {
      MR_RETURN_IF_ERROR(Send(context, p, BytesView{}, std::span(&header, 1)));
    }
    reported_ = true;
    last_watermark_ = context.watermark;
    last_idle_ = context.idle;
    return Status::Ok();
  }

 private:
  /// In one record, or in as many as it takes; a single row that is too large becomes a row error.
  Status SendRows(const Part& part, std::span<const HeaderView> headers, SinkContext& context) {
    const std::int64_t rows = part.wire->num_rows();
    MR_ASSIGN_OR_RETURN(const auto bytes, ToIpc(*part.wire));
    if (bytes->size() > kMostBytes && rows > 1)
      return SendInPieces(part, bytes->size() / kPieceBytes + 1, headers, context);
    const std::string_view value(reinterpret_cast<const char*>(bytes->data()),
                                 static_cast<std::size_t>(bytes->size()));
    Status sent = Send(context, part.partition, BytesView::Of(value), headers);
    if (sent.code() != StatusCode::kInvalidArgument) return sent;
    if (rows > 1) return SendInPieces(part, 2, headers, context);  // message.max.bytes is lower
    context.errors->push_back({part.rows.front(), "too_large", sent.message()});
    return Status::Ok();
  }

  Status SendInPieces(const Part& part, std::int64_t pieces, std::span<const HeaderView> headers,
                      SinkContext& context) {
    const std::int64_t rows = part.wire->num_rows();
    const std::int64_t most = (rows + pieces - 1) / pieces;
    for (std::int64_t at = 0; at < rows; at += most)
      MR_RETURN_IF_ERROR(SendRows(part.Slice(at, std::min(most, rows - at)), headers, context));
    return Status::Ok();
  }

  Status Send(SinkContext& context, std::int32_t partition, BytesView value,
              std::span<const HeaderView> headers) {
    OutgoingRecord record;
    record.topic = options_.topic;
    record.partition = Partition(partition);
    record.value = value;
    record.timestamp_ms = clock_.Now().value();
    record.headers = headers;
    MR_RETURN_IF_ERROR(context.producer->Send(record));
    context.bytes += std::max<std::int32_t>(value.size, 0);
    return Status::Ok();
  }

  const RepartitionSinkOptions options_;
  const Clock& clock_;
  std::vector<std::vector<std::int32_t>> rows_of_;  // reused by Write
  bool reported_ = false;
  Watermark last_watermark_ = kNoWatermark;
  bool last_idle_ = false;
};

class RepartitionReader final : public InputReader {
 public:
  RepartitionReader(std::shared_ptr<arrow::Schema> schema, std::string partials)
      : rows_(std::move(schema)), partials_(PartialSchema(partials)), layout_(std::move(partials)) {}

  Result<InputItems> Read(std::shared_ptr<const RecordBlock> block) override {
    InputItems out;
    for (std::int64_t i = 0; i < block->num_records(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::string where =
          block->partition().ToString() + " offset " + std::to_string(block->offsets()[at]);
      if (const auto headers = block->headers(i); !headers.empty() && headers[0].name == kWatermarkHeader) {
        MR_ASSIGN_OR_RETURN(WatermarkReport report, ReadReport(headers[0].value.view()).WithContext(where));
        out.items.emplace_back(report);
      } else {
        MR_ASSIGN_OR_RETURN(Batch batch, ReadRows(block, i).WithContext(where));
        out.items.emplace_back(std::move(batch));
      }
    }
    return out;
  }

 private:
  static Result<WatermarkReport> ReadReport(std::string_view text) {
    WatermarkReport report;
    std::int64_t watermark = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, report.upstream_partition);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ';')
      return Status::Corrupt("not a watermark report");
    const auto second = std::from_chars(first.ptr + 1, end, watermark);
    if (second.ec != std::errc{} || second.ptr == end) return Status::Corrupt("not a watermark report");
    report.watermark = Watermark(watermark);
    report.idle = std::string_view(second.ptr, static_cast<std::size_t>(end - second.ptr)) == ";idle";
    return report;
  }

  /// What a record may hold.
  struct Kind {
    explicit Kind(std::shared_ptr<arrow::Schema> schema)
        : payload(std::move(schema)), wire(WireSchema(*payload)) {}
    std::shared_ptr<arrow::Schema> payload;
    std::shared_ptr<arrow::Schema> wire;
  };

  Result<const Kind*> KindOf(const arrow::RecordBatch* wire) const {
    if (wire != nullptr) {
      const std::string layout = PartialLayoutOf(*wire->schema());
      const Kind& kind = layout.empty() ? rows_ : partials_;
      if ((layout.empty() || layout == layout_) && wire->schema()->Equals(*kind.wire)) return &kind;
      if (!layout.empty()) {
        return Status::InvalidArgument(
            "the repartition topic holds partial aggregates of another window (" + layout +
            "): the pipeline was edited while they were on their way; run the old pipeline until it is "
            "drained, or 'millrace reset' it");
      }
    }
    return Status::InvalidArgument(
        "the rows in the repartition topic have other columns than this pipeline: it was edited while "
        "rows were on their way; run the old pipeline until it is drained, or 'millrace reset' it");
  }

  Result<Batch> ReadRows(const std::shared_ptr<const RecordBlock>& block, std::int64_t record) const {
    const BytesView value = block->values()[static_cast<std::size_t>(record)];
    // Copied: columns need 8-byte alignment, which record values do not have.
    MR_ASSIGN_ARROW(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(value.size));
    std::copy_n(value.data, value.size, buffer->mutable_data());
    MR_ASSIGN_ARROW(auto reader, arrow::ipc::RecordBatchStreamReader::Open(
                                     std::make_shared<arrow::io::BufferReader>(buffer)));
    std::shared_ptr<arrow::RecordBatch> wire;
    MR_RETURN_IF_ARROW_ERROR(reader->ReadNext(&wire));
    MR_ASSIGN_OR_RETURN(const Kind* kind, KindOf(wire.get()));
    const int columns = kind->payload->num_fields();
    Batch batch;
    arrow::ArrayVector payload(wire->columns().begin(), wire->columns().begin() + columns);
    batch.data = arrow::RecordBatch::Make(kind->payload, wire->num_rows(), std::move(payload));
    if (kind == &partials_)
      batch.stands_for = std::static_pointer_cast<arrow::Int64Array>(wire->column(columns + 3));
    batch.event_time = std::static_pointer_cast<arrow::Int64Array>(wire->column(columns));
    batch.key = std::static_pointer_cast<arrow::BinaryArray>(wire->column(columns + 1));
    const Offset offset(block->offsets()[static_cast<std::size_t>(record)]);
    batch.origin = {block->partition(), offset, offset};
    if (const auto headers = block->headers(record); !headers.empty() && headers[0].name == kOriginHeader) {
      const auto offsets = std::static_pointer_cast<arrow::Int64Array>(wire->column(columns + 2));
      MR_RETURN_IF_ERROR(AttachOrigin(headers[0].value.view(), *offsets, &batch));
    }
    return batch;
  }

  /// Tells where the rows came from. Those that were records get records, without the bytes, which stay in
  /// the source topic.
  static Status AttachOrigin(std::string_view origin, const arrow::Int64Array& offsets, Batch* batch) {
    TopicPartition source;
    std::int32_t partition = 0;
    const auto read = std::from_chars(origin.data(), origin.data() + origin.size(), partition);
    const auto digits = static_cast<std::size_t>(read.ptr - origin.data());
    const bool no_records = offsets.null_count() == offsets.length();
    if (read.ec != std::errc{} || digits == origin.size() || origin[digits] != ';' ||
        (offsets.null_count() > 0 && !no_records))
      return Status::Corrupt("not the origin of rows");
    source.partition = Partition(partition);
    source.topic = origin.substr(digits + 1);
    if (no_records) {
      batch->origin = {.partition = std::move(source)};
      return Status::Ok();
    }
    return AttachRecords(std::move(source), offsets, batch);
  }

  static Status AttachRecords(TopicPartition source, const arrow::Int64Array& offsets, Batch* batch) {
    RecordBlockBuilder records(std::move(source));
    std::vector<std::int32_t> record_of(static_cast<std::size_t>(offsets.length()));
    for (std::int64_t i = 0; i < offsets.length(); ++i) {
      if (i > 0 && offsets.Value(i) < offsets.Value(i - 1)) return Status::Corrupt("rows out of order");
      if (i == 0 || offsets.Value(i) > offsets.Value(i - 1)) {
        records.Append(Offset(offsets.Value(i)), batch->event_time->Value(i), BytesView{}, BytesView{});
      }
      record_of[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(records.num_records() - 1);
    }
    batch->block = records.Finish();
    batch->record = std::make_shared<arrow::Int32Array>(offsets.length(),
                                                        arrow::Buffer::FromVector(std::move(record_of)));
    return Status::Ok();
  }

  const Kind rows_;
  const Kind partials_;
  const std::string layout_;  // of partials_; "": none are taken
};

}  // namespace

std::unique_ptr<Sink> MakeRepartitionSink(RepartitionSinkOptions options, const Clock& clock) {
  return std::make_unique<RepartitionSink>(std::move(options), clock);
}

std::unique_ptr<InputReader> MakeRepartitionReader(std::shared_ptr<arrow::Schema> schema,
                                                   std::string partials) {
  return std::make_unique<RepartitionReader>(std::move(schema), std::move(partials));
}

}  // namespace millrace
