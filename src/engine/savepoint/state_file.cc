#include "engine/savepoint/state_file.h"

#include <optional>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "base/counted.h"
#include "columnar/arrow_status.h"
#include "connectors/parquet/parquet_format.h"
#include "connectors/parquet/parquet_reader.h"
#include "engine/savepoint/record_file.h"
#include "ops/stored_rows.h"
#include "state/store_key.h"

namespace millrace {
namespace {

constexpr std::int64_t kRowsAtOnce = 10'000;
constexpr std::int64_t kBytesAtOnce = 16 << 20;

constexpr const char* kPartition = "partition";
constexpr const char* kStateKey = "state_key";
constexpr const char* kStateRow = "state_row";

/// Parquet has no struct without fields.
bool HasParquetForm(const arrow::Field& field) {
  return field.type()->id() != arrow::Type::STRUCT || field.type()->num_fields() > 0;
}

class Writer final : public StateFileWriter {
 public:
  explicit Writer(std::unique_ptr<StoredRows> shown) : shown_(std::move(shown)) {
    arrow::FieldVector fields{arrow::field(kPartition, arrow::int32(), false)};
    if (shown_ != nullptr) {
      for (const auto& field : shown_->schema()->fields()) {
        if (HasParquetForm(*field)) fields.push_back(field);
      }
    }
    fields.push_back(arrow::field(kStateKey, arrow::binary(), false));
    fields.push_back(arrow::field(kStateRow, arrow::binary(), false));
    schema_ = arrow::schema(std::move(fields));
  }

  Status Open(const std::string& path) {
    MR_ASSIGN_OR_RETURN(file_, MakeParquetFormat({.row_group_bytes = kRowGroupBytes})->Create(path, schema_));
    return Status::Ok();
  }

  Status Add(std::int32_t partition, std::string_view key, std::string_view row) override {
    if (key.size() < kSliceBytes) return Status::Corrupt("a key in the changelog is cut short");
    MR_RETURN_IF_ARROW_ERROR(partitions_.Append(partition));
    MR_RETURN_IF_ARROW_ERROR(keys_.Append(key));
    MR_RETURN_IF_ARROW_ERROR(rows_.Append(row));
    if (shown_ != nullptr) {
      const std::int64_t before = shown_->num_rows();
      MR_RETURN_IF_ERROR(shown_->Add(ReadSlice(key), key.substr(kSliceBytes), row));
      MR_RETURN_IF_ARROW_ERROR(shown_->num_rows() > before ? shown_at_.Append(before)
                                                           : shown_at_.AppendNull());
    }
    ++num_rows_;
    const bool full = partitions_.length() >= kRowsAtOnce ||
                      keys_.value_data_length() + rows_.value_data_length() >= kBytesAtOnce;
    return full ? Flush() : Status::Ok();
  }

  Status Finish() override {
    MR_RETURN_IF_ERROR(Flush());
    return file_->Finish();
  }
  std::int64_t num_rows() const override { return num_rows_; }

 private:
  Status Flush() {
    if (partitions_.length() == 0) return Status::Ok();
    arrow::ArrayVector columns;
    MR_ASSIGN_ARROW(columns.emplace_back(), partitions_.Finish());
    if (shown_ != nullptr) {
      MR_ASSIGN_ARROW(const auto at, shown_at_.Finish());
      MR_ASSIGN_OR_RETURN(const auto shown, shown_->Take());
      for (int i = 0; i < shown->num_columns(); ++i) {
        if (!HasParquetForm(*shown->schema()->field(i))) continue;
        MR_ASSIGN_ARROW(columns.emplace_back(), arrow::compute::Take(*shown->column(i), *at));
      }
    }
    MR_ASSIGN_ARROW(columns.emplace_back(), keys_.Finish());
    MR_ASSIGN_ARROW(columns.emplace_back(), rows_.Finish());
    const std::int64_t count = columns.front()->length();
    return file_->Write(*arrow::RecordBatch::Make(schema_, count, std::move(columns)));
  }

  const std::unique_ptr<StoredRows> shown_;  // null: the layout is not known
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<FileWriter> file_;
  arrow::Int32Builder partitions_;
  arrow::Int64Builder shown_at_;  // row of shown_; null: not shown
  arrow::BinaryBuilder keys_;
  arrow::BinaryBuilder rows_;
  std::int64_t num_rows_ = 0;
};

bool HaveValues(const StateRows& rows) {
  return rows.partitions->null_count() + rows.keys->null_count() + rows.rows->null_count() == 0;
}

}  // namespace

Result<std::unique_ptr<StateFileWriter>> StateFileWriter::Create(const std::string& path,
                                                                 std::string_view layout) {
  auto shown = StoredRows::Make(layout);
  auto writer = std::make_unique<Writer>(shown.ok() ? *std::move(shown) : nullptr);
  MR_RETURN_IF_ERROR(writer->Open(path));
  return std::unique_ptr<StateFileWriter>(std::move(writer));
}

Status ReadStateFile(const std::string& path, std::int32_t partitions,
                     const std::function<Status(const StateRows&)>& visit) {
  MR_ASSIGN_OR_RETURN(const auto file, ParquetReader::Open(path, {kPartition, kStateKey, kStateRow}));
  while (true) {
    MR_ASSIGN_OR_RETURN(const auto batch, file->Next());
    if (batch == nullptr) return Status::Ok();
    StateRows rows;
    rows.partitions = std::dynamic_pointer_cast<arrow::Int32Array>(batch->GetColumnByName(kPartition));
    rows.keys = std::dynamic_pointer_cast<arrow::BinaryArray>(batch->GetColumnByName(kStateKey));
    rows.rows = std::dynamic_pointer_cast<arrow::BinaryArray>(batch->GetColumnByName(kStateRow));
    if (rows.partitions == nullptr || rows.keys == nullptr || rows.rows == nullptr)
      return Status::Corrupt(path + " has other columns than a savepoint's state");
    if (!HaveValues(rows)) return Status::Corrupt(path + " has nulls where a savepoint's state has none");
    for (std::int64_t i = 0; i < rows.partitions->length(); ++i) {
      const std::int32_t partition = rows.partitions->Value(i);
      if (partition >= 0 && partition < partitions) continue;
      return Status::Corrupt(path + " has a row of partition " + std::to_string(partition) +
                             ", but its stage has " + Counted(partitions, "partition"));
    }
    MR_RETURN_IF_ERROR(visit(rows));
  }
}

}  // namespace millrace
