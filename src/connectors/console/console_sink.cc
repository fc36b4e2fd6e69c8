#include "connectors/console/console_sink.h"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

// Rows wait for their checkpoint; beyond this they are printed early, so that memory stays bounded.
constexpr std::size_t kMaxWaitingBytes = 1 << 20;
constexpr std::int64_t kRowsPerHeader = 40;
constexpr std::size_t kMaxCellWidth = 40;  // characters

/// Counts characters, not bytes, of UTF-8.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// At most `width` characters on one line; control characters become spaces.
std::string Shorten(std::string_view text, std::size_t width) {
  std::string shortened;
  std::size_t count = 0;
  const bool too_long = Width(text) > width;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) {
      if (too_long && count + 1 >= width) break;
      ++count;
    }
    shortened += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  return too_long ? shortened + "…" : shortened;
}

/// What both forms share: the limit, and waiting for the checkpoint.
class ConsoleSink : public Sink {
 public:
  explicit ConsoleSink(std::shared_ptr<ConsoleOutput> output) : output_(std::move(output)) {}

  Status Write(const Batch& batch, SinkContext& context) final {
    const std::int64_t allowed = output_->Claim(batch.num_rows());
    if (allowed == 0) return Status::Ok();
    const std::size_t before = waiting_.size();
    MR_RETURN_IF_ERROR(Render(*batch.data->Slice(0, allowed), &waiting_));
    context.bytes += static_cast<std::int64_t>(waiting_.size() - before);
    return waiting_.size() > kMaxWaitingBytes ? Flush() : Status::Ok();
  }
  Status Commit() final { return Flush(); }
  Status Rollback() final {
    waiting_.clear();
    return Status::Ok();
  }

 protected:
  virtual Status Render(const arrow::RecordBatch& rows, std::string* out) = 0;

 private:
  Status Flush() {
    if (waiting_.empty()) return Status::Ok();
    const std::string lines = std::exchange(waiting_, {});
    return output_->Print(lines);
  }

  const std::shared_ptr<ConsoleOutput> output_;
  std::string waiting_;
};

class TableSink final : public ConsoleSink {
 public:
  TableSink(const arrow::Schema& schema, std::shared_ptr<ConsoleOutput> output)
      : ConsoleSink(std::move(output)) {
    for (const auto& field : schema.fields()) {
      names_.push_back(Shorten(field->name(), kMaxCellWidth));
      widths_.push_back(Width(names_.back()));
      right_.push_back(arrow::is_numeric(field->type()->id()) || arrow::is_decimal(field->type()->id()));
    }
  }

 private:
  Status Render(const arrow::RecordBatch& rows, std::string* out) override {
    MR_ASSIGN_OR_RETURN(const auto cells, Cells(rows));
    for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
      if (rows_since_header_ == 0) Header(out);
      rows_since_header_ = (rows_since_header_ + 1) % kRowsPerHeader;
      for (std::size_t c = 0; c < cells.size(); ++c) Cell(cells[c][static_cast<std::size_t>(row)], c, out);
      EndLine(out);
    }
    return Status::Ok();
  }

  Result<std::vector<std::vector<std::string>>> Cells(const arrow::RecordBatch& rows) {
    std::vector<std::vector<std::string>> cells(static_cast<std::size_t>(rows.num_columns()));
    for (int c = 0; c < rows.num_columns(); ++c) {
      const auto at = static_cast<std::size_t>(c);
      for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
        std::string text = "null";
        if (!rows.column(c)->IsNull(row)) {
          MR_ASSIGN_ARROW(const auto value, rows.column(c)->GetScalar(row));
          text = Shorten(value->ToString(), kMaxCellWidth);
        }
        widths_[at] = std::max(widths_[at], Width(text));
        cells[at].push_back(std::move(text));
      }
    }
    return cells;
  }

  void Header(std::string* out) const {
    for (std::size_t c = 0; c < names_.size(); ++c) Cell(names_[c], c, out);
    EndLine(out);
    for (std::size_t c = 0; c < names_.size(); ++c) Cell(std::string(widths_[c], '-'), c, out);
    EndLine(out);
  }

  void Cell(const std::string& text, std::size_t column, std::string* out) const {
    const std::string space(widths_[column] - Width(text), ' ');
    if (column > 0) *out += "  ";
    *out += right_[column] ? space + text : text + space;
  }

  static void EndLine(std::string* out) {
    while (!out->empty() && out->back() == ' ') out->pop_back();
    *out += '\n';
  }

  std::vector<std::string> names_;
  std::vector<bool> right_;
  std::vector<std::size_t> widths_;
  std::int64_t rows_since_header_ = 0;
};

class LineSink final : public ConsoleSink {
 public:
  LineSink(std::unique_ptr<Encoder> encoder, std::shared_ptr<ConsoleOutput> output)
      : ConsoleSink(std::move(output)), encoder_(std::move(encoder)) {}

 private:
  Status Render(const arrow::RecordBatch& rows, std::string* out) override {
    MR_RETURN_IF_ERROR(encoder_->Encode(rows, &encoded_));
    for (std::int64_t i = 0; i < encoded_.num_rows(); ++i) {
      const BytesView line = encoded_.row(i);
      *out += line.is_null() ? std::string_view("null") : line.view();
      *out += '\n';
    }
    return Status::Ok();
  }

  const std::unique_ptr<Encoder> encoder_;
  EncodedRows encoded_;
};

}  // namespace

std::int64_t ConsoleOutput::Claim(std::int64_t rows) {
  if (limit_ <= 0) return rows;
  const MutexLock lock(mutex_);
  const std::int64_t allowed = std::min(rows, limit_ - claimed_);
  claimed_ += allowed;
  return allowed;
}

Status ConsoleOutput::Print(std::string_view lines) {
  if (stream_ == nullptr) return Status::Ok();
  const MutexLock lock(mutex_);
  stream_->write(lines.data(), static_cast<std::streamsize>(lines.size()));
  stream_->flush();
  return stream_->good() ? Status::Ok() : Status::Io("the console takes no more output; was it closed?");
}

std::unique_ptr<Sink> MakeConsoleTableSink(const std::shared_ptr<arrow::Schema>& schema,
                                           std::shared_ptr<ConsoleOutput> output) {
  return std::make_unique<TableSink>(*schema, std::move(output));
}

std::unique_ptr<Sink> MakeConsoleLineSink(std::unique_ptr<Encoder> encoder,
                                          std::shared_ptr<ConsoleOutput> output) {
  return std::make_unique<LineSink>(std::move(encoder), std::move(output));
}

}  // namespace millrace
