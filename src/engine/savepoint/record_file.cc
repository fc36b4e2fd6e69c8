#include "engine/savepoint/record_file.h"

#include <optional>
#include <utility>

#include <arrow/api.h>

#include "base/counted.h"
#include "columnar/arrow_status.h"
#include "connectors/parquet/parquet_format.h"
#include "connectors/parquet/parquet_reader.h"

namespace millrace {
namespace {

// Headers are one binary column: name and value of each, with their lengths before them. Names need not be
// UTF-8, and values may be null.
constexpr std::size_t kLengthBytes = 4;
constexpr std::int32_t kNull = -1;

void AppendPart(std::string_view bytes, bool null, std::string* out) {
  const std::int32_t length = null ? kNull : static_cast<std::int32_t>(bytes.size());
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    out->push_back(static_cast<char>(static_cast<std::uint32_t>(length) >> (8 * i)));
  out->append(bytes);
}

bool ReadPart(std::string_view* from, BytesView* part) {
  if (from->size() < kLengthBytes) return false;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>((*from)[i])) << (8 * i);
  from->remove_prefix(kLengthBytes);
  *part = BytesView{};
  if (static_cast<std::int32_t>(length) == kNull) return true;
  if (from->size() < length) return false;
  *part = BytesView::Of(from->substr(0, length));
  from->remove_prefix(length);
  return true;
}

std::shared_ptr<arrow::Schema> FileSchema() {
  return arrow::schema(
      {arrow::field("partition", arrow::int32(), false), arrow::field("offset", arrow::int64(), false),
       arrow::field("timestamp", arrow::int64(), false), arrow::field("key", arrow::binary()),
       arrow::field("value", arrow::binary()), arrow::field("headers", arrow::binary(), false)});
}

arrow::Status AppendBytes(BytesView bytes, arrow::BinaryBuilder* to) {
  return bytes.is_null() ? to->AppendNull() : to->Append(bytes.view());
}

class Writer final : public RecordFileWriter {
 public:
  Status Open(const std::string& path) {
    MR_ASSIGN_OR_RETURN(file_,
                        MakeParquetFormat({.row_group_bytes = kRowGroupBytes})->Create(path, FileSchema()));
    return Status::Ok();
  }

  Status Add(const RecordBlock& block) override {
    arrow::Int32Builder partitions;
    arrow::Int64Builder offsets;
    arrow::Int64Builder timestamps;
    arrow::BinaryBuilder keys;
    arrow::BinaryBuilder values;
    arrow::BinaryBuilder headers;
    for (std::int64_t i = 0; i < block.num_records(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      std::string parts;
      for (const HeaderView& header : block.headers(i)) {
        AppendPart(header.name, false, &parts);
        AppendPart(header.value.view(), header.value.is_null(), &parts);
      }
      MR_RETURN_IF_ARROW_ERROR(partitions.Append(block.partition().partition.value()));
      MR_RETURN_IF_ARROW_ERROR(offsets.Append(block.offsets()[at]));
      MR_RETURN_IF_ARROW_ERROR(timestamps.Append(block.timestamps_ms()[at]));
      MR_RETURN_IF_ARROW_ERROR(AppendBytes(block.keys()[at], &keys));
      MR_RETURN_IF_ARROW_ERROR(AppendBytes(block.values()[at], &values));
      MR_RETURN_IF_ARROW_ERROR(headers.Append(parts));
    }
    arrow::ArrayVector columns(6);
    MR_ASSIGN_ARROW(columns[0], partitions.Finish());
    MR_ASSIGN_ARROW(columns[1], offsets.Finish());
    MR_ASSIGN_ARROW(columns[2], timestamps.Finish());
    MR_ASSIGN_ARROW(columns[3], keys.Finish());
    MR_ASSIGN_ARROW(columns[4], values.Finish());
    MR_ASSIGN_ARROW(columns[5], headers.Finish());
    num_rows_ += block.num_records();
    return file_->Write(*arrow::RecordBatch::Make(FileSchema(), block.num_records(), std::move(columns)));
  }

  Status Finish() override { return file_->Finish(); }
  std::int64_t num_rows() const override { return num_rows_; }

 private:
  std::unique_ptr<FileWriter> file_;
  std::int64_t num_rows_ = 0;
};

BytesView BytesAt(const arrow::BinaryArray& array, std::int64_t row) {
  return array.IsNull(row) ? BytesView{} : BytesView::Of(array.GetView(row));
}

/// The columns of a part of the file.
struct Columns {
  std::shared_ptr<arrow::Int32Array> partitions;
  std::shared_ptr<arrow::Int64Array> offsets;
  std::shared_ptr<arrow::Int64Array> timestamps;
  std::shared_ptr<arrow::BinaryArray> keys;
  std::shared_ptr<arrow::BinaryArray> values;
  std::shared_ptr<arrow::BinaryArray> headers;
};

Status AppendRecord(const Columns& columns, std::int64_t row, RecordBlockBuilder* block) {
  block->Append(Offset(columns.offsets->Value(row)), columns.timestamps->Value(row),
                BytesAt(*columns.keys, row), BytesAt(*columns.values, row));
  std::string_view parts = columns.headers->GetView(row);
  while (!parts.empty()) {
    BytesView name;
    BytesView value;
    if (!ReadPart(&parts, &name) || !ReadPart(&parts, &value))
      return Status::Corrupt("the headers of a record are cut short");
    block->AppendHeader(name.view(), value);
  }
  return Status::Ok();
}

Columns ColumnsOf(const arrow::RecordBatch& batch) {
  return {std::static_pointer_cast<arrow::Int32Array>(batch.column(0)),
          std::static_pointer_cast<arrow::Int64Array>(batch.column(1)),
          std::static_pointer_cast<arrow::Int64Array>(batch.column(2)),
          std::static_pointer_cast<arrow::BinaryArray>(batch.column(3)),
          std::static_pointer_cast<arrow::BinaryArray>(batch.column(4)),
          std::static_pointer_cast<arrow::BinaryArray>(batch.column(5))};
}

/// The records of one partition that stand together from `*row` on, which is behind them afterwards.
Result<std::shared_ptr<const RecordBlock>> BlockFrom(const Columns& columns, const std::string& topic,
                                                     std::int32_t partitions, std::int64_t* row) {
  const std::int32_t partition = columns.partitions->Value(*row);
  if (columns.partitions->IsNull(*row) || partition < 0 || partition >= partitions) {
    return Status::Corrupt("a record is of partition " + std::to_string(partition) + ", but its topic had " +
                           Counted(partitions, "partition"));
  }
  RecordBlockBuilder block({topic, Partition(partition)});
  for (; *row < columns.partitions->length() && columns.partitions->Value(*row) == partition; ++*row) {
    MR_RETURN_IF_ERROR(AppendRecord(columns, *row, &block));
  }
  return block.Finish();
}

}  // namespace

Result<std::unique_ptr<RecordFileWriter>> RecordFileWriter::Create(const std::string& path) {
  auto writer = std::make_unique<Writer>();
  MR_RETURN_IF_ERROR(writer->Open(path));
  return std::unique_ptr<RecordFileWriter>(std::move(writer));
}

Status ReadRecordFile(const std::string& path, const std::string& topic, std::int32_t partitions,
                      const std::function<Status(std::shared_ptr<const RecordBlock>)>& visit) {
  MR_ASSIGN_OR_RETURN(const auto file, ParquetReader::Open(path));
  while (true) {
    MR_ASSIGN_OR_RETURN(const auto batch, file->Next());
    if (batch == nullptr) return Status::Ok();
    if (!batch->schema()->Equals(*FileSchema(), false))
      return Status::Corrupt(path + " has other columns than a savepoint's records");
    const Columns columns = ColumnsOf(*batch);
    for (std::int64_t row = 0; row < batch->num_rows();) {
      auto block = BlockFrom(columns, topic, partitions, &row);
      if (!block.ok()) return block.status().WithContext(path);
      MR_RETURN_IF_ERROR(visit(*std::move(block)));
    }
  }
}

}  // namespace millrace
