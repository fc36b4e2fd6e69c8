#pragma once

#include <memory>
#include <string>
#include <utility>

#include <arrow/io/file.h>

#include "columnar/arrow_status.h"
#include "connect/file_format.h"

namespace millrace {

/// A FileWriter over one of Arrow's writers, `Writer` (WriteRecordBatch and Close), and the file below it.
/// Owned and used by one thread.
template <typename Writer>
class ArrowFileWriter final : public FileWriter {
 public:
  ArrowFileWriter(std::string path, std::shared_ptr<arrow::io::FileOutputStream> file,
                  std::shared_ptr<Writer> writer)
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
  const std::shared_ptr<Writer> writer_;
};

}  // namespace millrace
