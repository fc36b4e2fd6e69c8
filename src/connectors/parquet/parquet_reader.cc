#include "connectors/parquet/parquet_reader.h"

#include <numeric>
#include <utility>

#include <arrow/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

namespace millrace {
namespace {

constexpr std::int64_t kRowsAtOnce = 8192;

class Reader final : public ParquetReader {
 public:
  Reader(std::string path, std::unique_ptr<parquet::arrow::FileReader> file, std::vector<int> columns)
      : path_(std::move(path)), file_(std::move(file)), columns_(std::move(columns)) {}

  std::int64_t num_rows() const override { return file_->parquet_reader()->metadata()->num_rows(); }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    while (batch == nullptr) {
      if (batches_ == nullptr && next_group_ == file_->num_row_groups()) return batch;
      if (batches_ == nullptr) MR_RETURN_IF_ERROR(OpenGroup());
      if (const arrow::Status read = batches_->ReadNext(&batch); !read.ok()) return Unreadable(read);
      if (batch == nullptr) batches_.reset();
    }
    return batch;
  }

  /// One at a time: a batch never holds rows of several, so it is no larger than they are.
  Status OpenGroup() {
    auto opened = file_->GetRecordBatchReader({next_group_++}, columns_);
    if (!opened.ok()) return Unreadable(opened.status());
    batches_ = *std::move(opened);
    return Status::Ok();
  }

 private:
  Status Unreadable(const arrow::Status& why) const {
    return Status::Corrupt("cannot read " + path_ + ": " + why.message());
  }

  const std::string path_;
  const std::unique_ptr<parquet::arrow::FileReader> file_;  // outlives batches_
  const std::vector<int> columns_;
  int next_group_ = 0;
  std::unique_ptr<arrow::RecordBatchReader>
      batches_;  // of the row group before next_group_; null: at its end
};

Result<std::vector<int>> IndicesOf(const std::vector<std::string>& columns, const parquet::FileMetaData& file,
                                   const std::string& path) {
  std::vector<int> indices;
  for (const std::string& column : columns) {
    indices.push_back(file.schema()->ColumnIndex(column));
    if (indices.back() < 0) return Status::Corrupt(path + " has no column '" + column + "'");
  }
  if (columns.empty()) {
    indices.resize(static_cast<std::size_t>(file.num_columns()));
    std::iota(indices.begin(), indices.end(), 0);
  }
  return indices;
}

Result<std::unique_ptr<ParquetReader>> OpenFile(const std::string& path,
                                                const std::vector<std::string>& columns) {
  parquet::ArrowReaderProperties properties;
  properties.set_batch_size(kRowsAtOnce);
  parquet::arrow::FileReaderBuilder builder;
  if (const arrow::Status opened = builder.OpenFile(path); !opened.ok())
    return opened.IsIOError() ? Status::NotFound(opened.message())
                              : Status::Corrupt("cannot read " + path + ": " + opened.message());
  const auto metadata = builder.raw_reader()->metadata();
  MR_ASSIGN_OR_RETURN(std::vector<int> indices, IndicesOf(columns, *metadata, path));
  builder.properties(properties);
  auto file = builder.Build();
  if (!file.ok()) return Status::Corrupt("cannot read " + path + ": " + file.status().message());
  auto reader = std::make_unique<Reader>(path, *std::move(file), std::move(indices));
  if (metadata->num_row_groups() > 0) MR_RETURN_IF_ERROR(reader->OpenGroup());
  return std::unique_ptr<ParquetReader>(std::move(reader));
}

}  // namespace

Result<std::unique_ptr<ParquetReader>> ParquetReader::Open(const std::string& path,
                                                           const std::vector<std::string>& columns) {
  try {
    return OpenFile(path, columns);
  } catch (const parquet::ParquetException& e) {
    return Status::Corrupt("cannot read " + path + ": " + e.what());
  }
}

}  // namespace millrace
