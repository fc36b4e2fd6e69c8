#include "connectors/ipc/ipc_format.h"

#include <utility>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/api.h>
#include <arrow/util/compression.h>

#include "columnar/arrow_status.h"
#include "connect/arrow_file_writer.h"

namespace millrace {
namespace {

class IpcFormat final : public FileFormat {
 public:
  explicit IpcFormat(std::shared_ptr<arrow::util::Codec> codec)
      : options_(arrow::ipc::IpcWriteOptions::Defaults()) {
    options_.codec = std::move(codec);
  }

  std::string_view extension() const override { return "arrow"; }

  Result<std::unique_ptr<FileWriter>> Create(const std::string& path,
                                             const std::shared_ptr<arrow::Schema>& schema) const override {
    MR_ASSIGN_ARROW(auto file, arrow::io::FileOutputStream::Open(path));
    MR_ASSIGN_ARROW(auto writer, arrow::ipc::MakeFileWriter(file, schema, options_));
    return std::unique_ptr<FileWriter>(std::make_unique<ArrowFileWriter<arrow::ipc::RecordBatchWriter>>(
        path, std::move(file), std::move(writer)));
  }

 private:
  arrow::ipc::IpcWriteOptions options_;
};

}  // namespace

Result<std::unique_ptr<FileFormat>> MakeIpcFormat() {
  MR_ASSIGN_ARROW(std::shared_ptr<arrow::util::Codec> codec,
                  arrow::util::Codec::Create(arrow::Compression::ZSTD));
  return std::unique_ptr<FileFormat>(std::make_unique<IpcFormat>(std::move(codec)));
}

}  // namespace millrace
