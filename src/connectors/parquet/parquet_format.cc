#include "connectors/parquet/parquet_format.h"

#include <utility>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/byte_size.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "columnar/arrow_status.h"
#include "connect/arrow_file_writer.h"

namespace millrace {
namespace {

/// Ends a row group also when it has so many bytes.
class GroupedWriter {
 public:
  GroupedWriter(std::unique_ptr<parquet::arrow::FileWriter> writer, ByteCount group_bytes)
      : writer_(std::move(writer)), group_bytes_(group_bytes.value()) {}

  arrow::Status WriteRecordBatch(const arrow::RecordBatch& rows) {
    ARROW_RETURN_NOT_OK(EndFullGroup());
    ARROW_ASSIGN_OR_RAISE(const std::int64_t added, arrow::util::ReferencedBufferSize(rows));
    bytes_ += added;
    return writer_->WriteRecordBatch(rows);
  }
  arrow::Status Close() { return writer_->Close(); }

 private:
  arrow::Status EndFullGroup() {
    if (bytes_ < group_bytes_) return arrow::Status::OK();
    bytes_ = 0;
    return writer_->NewBufferedRowGroup();
  }

  const std::unique_ptr<parquet::arrow::FileWriter> writer_;
  const std::int64_t group_bytes_;
  std::int64_t bytes_ = 0;  // of the row group that is open
};

class ParquetFormat final : public FileFormat {
 public:
  explicit ParquetFormat(const ParquetOptions& options)
      : properties_(parquet::WriterProperties::Builder()
                        .version(parquet::ParquetVersion::PARQUET_2_6)
                        ->compression(parquet::Compression::ZSTD)
                        ->compression_level(options.zstd_level)
                        ->max_row_group_length(options.row_group_rows)
                        ->build()),
        group_bytes_(options.row_group_bytes),
        arrow_properties_(parquet::ArrowWriterProperties::Builder().store_schema()->build()) {}

  std::string_view extension() const override { return "parquet"; }

  Result<std::unique_ptr<FileWriter>> Create(const std::string& path,
                                             const std::shared_ptr<arrow::Schema>& schema) const override {
    MR_ASSIGN_ARROW(auto file, arrow::io::FileOutputStream::Open(path));
    MR_ASSIGN_ARROW(auto writer, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), file,
                                                                  properties_, arrow_properties_));
    auto grouped = std::make_shared<GroupedWriter>(std::move(writer), group_bytes_);
    return std::unique_ptr<FileWriter>(
        std::make_unique<ArrowFileWriter<GroupedWriter>>(path, std::move(file), std::move(grouped)));
  }

 private:
  const std::shared_ptr<parquet::WriterProperties> properties_;
  const ByteCount group_bytes_;
  const std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties_;
};

}  // namespace

std::unique_ptr<FileFormat> MakeParquetFormat(ParquetOptions options) {
  return std::make_unique<ParquetFormat>(options);
}

}  // namespace millrace
