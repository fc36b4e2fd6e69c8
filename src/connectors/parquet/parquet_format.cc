#include "connectors/parquet/parquet_format.h"

#include <utility>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "columnar/arrow_status.h"
#include "connect/arrow_file_writer.h"

namespace millrace {
namespace {

class ParquetFormat final : public FileFormat {
 public:
  explicit ParquetFormat(const ParquetOptions& options)
      : properties_(parquet::WriterProperties::Builder()
                        .version(parquet::ParquetVersion::PARQUET_2_6)
                        ->compression(parquet::Compression::ZSTD)
                        ->compression_level(options.zstd_level)
                        ->max_row_group_length(options.row_group_rows)
                        ->build()),
        arrow_properties_(parquet::ArrowWriterProperties::Builder().store_schema()->build()) {}

  std::string_view extension() const override { return "parquet"; }

  Result<std::unique_ptr<FileWriter>> Create(const std::string& path,
                                             const std::shared_ptr<arrow::Schema>& schema) const override {
    MR_ASSIGN_ARROW(auto file, arrow::io::FileOutputStream::Open(path));
    MR_ASSIGN_ARROW(auto writer, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), file,
                                                                  properties_, arrow_properties_));
    return std::unique_ptr<FileWriter>(std::make_unique<ArrowFileWriter<parquet::arrow::FileWriter>>(
        path, std::move(file), std::move(writer)));
  }

 private:
  const std::shared_ptr<parquet::WriterProperties> properties_;
  const std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties_;
};

}  // namespace

std::unique_ptr<FileFormat> MakeParquetFormat(ParquetOptions options) {
  return std::make_unique<ParquetFormat>(options);
}

}  // namespace millrace
