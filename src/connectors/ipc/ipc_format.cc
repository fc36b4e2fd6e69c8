#include "connectors/ipc/ipc_format.h"

#include <utility>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/api.h>
#include <arrow/util/compression.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

class IpcFileWriter final : public FileWriter {
 public:
  IpcFileWriter(std::string path, std::shared_ptr<arrow::io::FileOutputStream> file,
                std::shared_ptr<arrow::ipc::RecordBatchWriter> writer)
      : path_(std::move(path)), file_(std::move(file)), writer_(std::move(writer)) {}

  Status Write(const arrow::RecordBatch& rows) override { return At(writer_->WriteRecordBatch(rows)); }
  Status Finish() override {
    MR_RETURN_IF_ERROR(At(writer_->Close()));
    return At(file_->Close());
  }

 private:
  Status At(const arrow::Status& status) const {
    return FromArrow(status).WithContext("cannot write " + path_);
  }

  const std::string path_;
  const std::shared_ptr<arrow::io::FileOutputStream> file_;
  const std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
};

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
    return std::unique_ptr<FileWriter>(
        std::make_unique<IpcFileWriter>(path, std::move(file), std::move(writer)));
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
