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
  Reader(std::string path, std::unique_ptr<parquet::arrow::FileReader> file,
         std::unique_ptr<arrow::RecordBatchReader> batches, std::int64_t rows)
      : path_(std::move(path)), file_(std::move(file)), batches_(std::move(batches)), rows_(rows) {}

  std::int64_t num_rows() const override { return rows_; }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (const arrow::Status read = batches_->ReadNext(&batch); !read.ok())
      return Status::Corrupt("cannot read " + path_ + ": " + read.message());
    return batch;
  }

 private:
  const std::string path_;
  const std::unique_ptr<parquet::arrow::FileReader> file_;  // outlives batches_
  const std::unique_ptr<arrow::RecordBatchReader> batches_;
  const std::int64_t rows_;
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
  MR_ASSIGN_OR_RETURN(const std::vector<int> indices, IndicesOf(columns, *metadata, path));
  std::vector<int> groups(static_cast<std::size_t>(metadata->num_row_groups()));
  std::iota(groups.begin(), groups.end(), 0);
  builder.properties(properties);
  auto file = builder.Build();
  if (!file.ok()) return Status::Corrupt("cannot read " + path + ": " + file.status().message());
  auto batches = (*file)->GetRecordBatchReader(groups, indices);
  if (!batches.ok()) return Status::Corrupt("cannot read " + path + ": " + batches.status().message());
  return std::unique_ptr<ParquetReader>(
      std::make_unique<Reader>(path, *std::move(file), *std::move(batches), metadata->num_rows()));
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
