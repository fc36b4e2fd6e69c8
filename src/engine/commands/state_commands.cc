#include "engine/commands/state_commands.h"

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "base/counted.h"
#include "base/hex.h"
#include "codec/json/json_codec.h"
#include "columnar/arrow_status.h"
#include "connect/file_format.h"
#include "connectors/parquet/parquet_format.h"
#include "engine/commands/state_directories.h"
#include "env/file.h"
#include "ops/stored_rows.h"
#include "state/store_key.h"

namespace millrace {
namespace {

constexpr std::int64_t kRowsAtOnce = 10'000;
const StateSelection kAllRows{.limit = std::numeric_limits<std::int64_t>::max()};

Result<std::shared_ptr<arrow::Array>> Repeat(const std::string& text, std::int64_t rows) {
  MR_ASSIGN_ARROW(auto array, arrow::MakeArrayFromScalar(arrow::StringScalar(text), rows));
  return array;
}

/// Writes objects in the order of the fields, one per line.
class JsonLines {
 public:
  explicit JsonLines(std::ostream& out) : out_(out) {}

  Status Write(const arrow::RecordBatch& rows) {
    if (encoder_ == nullptr || !rows.schema()->Equals(*schema_)) {
      schema_ = rows.schema();
      MR_ASSIGN_OR_RETURN(encoder_, MakeJsonEncoder(schema_));
    }
    MR_RETURN_IF_ERROR(encoder_->Encode(rows, &encoded_));
    for (std::int64_t i = 0; i < encoded_.num_rows(); ++i) out_ << encoded_.row(i).view() << "\n";
    return Status::Ok();
  }

 private:
  std::ostream& out_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<Encoder> encoder_;
  EncodedRows encoded_;
};

/// `rows` with the columns that say whose state it is.
Result<std::shared_ptr<arrow::RecordBatch>> WithPlace(const TableAt& at,
                                                      const std::shared_ptr<arrow::RecordBatch>& rows) {
  const std::int64_t count = rows->num_rows();
  MR_ASSIGN_OR_RETURN(auto step, Repeat(at.table.name, count));
  MR_ASSIGN_ARROW(auto partition, arrow::MakeArrayFromScalar(arrow::Int64Scalar(at.partition()), count));
  MR_ASSIGN_ARROW(auto placed, rows->AddColumn(0, "partition", partition));
  MR_ASSIGN_ARROW(placed, placed->AddColumn(0, "step", step));
  return placed;
}

Status WriteCell(const std::string& name, const arrow::Array& column, std::int64_t row, std::ostream& out) {
  if (column.type_id() == arrow::Type::STRUCT) {
    const auto& nested = static_cast<const arrow::StructArray&>(column);
    for (int i = 0; i < nested.num_fields(); ++i) {
      MR_RETURN_IF_ERROR(WriteCell(nested.struct_type()->field(i)->name(), *nested.field(i), row, out));
    }
    return Status::Ok();
  }
  MR_ASSIGN_ARROW(const auto value, column.GetScalar(row));
  out << " " << name << "=" << (value->is_valid ? value->ToString() : "null");
  return Status::Ok();
}

Status WriteText(const TableAt& at, const arrow::RecordBatch& rows, std::ostream& out) {
  for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
    out << at.table.name << "[" << at.partition() << "]";
    for (int c = 0; c < rows.num_columns(); ++c) {
      MR_RETURN_IF_ERROR(WriteCell(rows.schema()->field(c)->name(), *rows.column(c), row, out));
    }
    out << "\n";
  }
  return Status::Ok();
}

Status DumpRaw(const TableAt& at, std::ostream& out) {
  std::string changelog_key;
  return at.state.Scan(at.table.name, [&](std::int64_t slice, std::string_view key, std::string_view row) {
    changelog_key.clear();
    AppendSlice(slice, &changelog_key);
    changelog_key.append(key);
    out << R"({"step":")" << at.table.name << R"(","partition":)" << at.partition() << R"(,"key":")"
        << Hex(changelog_key) << R"(","row":")" << Hex(row) << "\"}\n";
    return Status::Ok();
  });
}

Result<std::unique_ptr<StoredRows>> RowsOf(const TableAt& at) {
  auto rows = StoredRows::Make(at.table.layout);
  if (!rows.ok())
    return rows.status().WithContext("step '" + at.table.name + "': dump --raw shows its bytes");
  return rows;
}

using BatchVisitor = std::function<Status(const std::shared_ptr<arrow::RecordBatch>&)>;

/// Shows the rows of one table in batches, at most `query.limit` of those that match; `shown` counts them.
Status ShowRows(const TableAt& at, StoredRows& rows, const RowQuery& query, std::int64_t* shown,
                const BatchVisitor& visit) {
  const auto flush = [&]() -> Status {
    if (rows.num_rows() == 0) return Status::Ok();
    MR_ASSIGN_OR_RETURN(const auto batch, rows.Take());
    return visit(batch);
  };
  const auto add = [&](std::int64_t slice, std::string_view key, std::string_view row) -> Status {
    if (query.slice.value_or(slice) != slice || !query.Matches(key) || *shown == query.limit)
      return Status::Ok();
    const std::int64_t before = rows.num_rows();
    MR_RETURN_IF_ERROR(rows.Add(slice, key, row));
    *shown += rows.num_rows() - before;
    return rows.num_rows() < kRowsAtOnce ? Status::Ok() : flush();
  };
  MR_RETURN_IF_ERROR(at.state.Scan(at.table.name, add));
  return flush();
}

/// Prints the rows of one table that match.
Status PrintRows(const TableAt& at, const StateSelection& selection, bool json, std::int64_t* shown,
                 std::ostream& out) {
  MR_ASSIGN_OR_RETURN(const auto rows, RowsOf(at));
  MR_ASSIGN_OR_RETURN(const RowQuery query, MakeRowQuery(*rows, selection));
  JsonLines lines(out);
  return ShowRows(at, *rows, query, shown, [&](const auto& batch) -> Status {
    if (!json) return WriteText(at, *batch, out);
    MR_ASSIGN_OR_RETURN(const auto placed, WithPlace(at, batch));
    return lines.Write(*placed);
  });
}

Status NoSuchStep(const std::string& step, const std::string& directory) {
  return Status::NotFound("no step '" + step + "' has state in " + directory);
}

/// The Parquet files of an export, one per step, finished by Close.
class ExportedFiles {
 public:
  explicit ExportedFiles(std::string folder) : folder_(std::move(folder)) {}

  Status Write(const TableAt& at, const std::shared_ptr<arrow::RecordBatch>& rows) {
    MR_ASSIGN_OR_RETURN(const auto placed, WithPlace(at, rows));
    File& file = files_[at.table.name];
    if (file.writer == nullptr) {
      file.path = folder_ + "/" + at.table.name + ".parquet";
      if (PathExists(file.path)) return Status::AlreadyExists(file.path + " exists already");
      MR_ASSIGN_OR_RETURN(file.writer, format_->Create(file.path, placed->schema()));
    }
    file.rows += placed->num_rows();
    return file.writer->Write(*placed);
  }

  Status Close(std::ostream& out) {
    if (files_.empty()) out << "there are no rows\n";
    for (auto& [step, file] : files_) {
      MR_RETURN_IF_ERROR(file.writer->Finish());
      out << file.path << "  " << Counted(file.rows, "row") << "\n";
    }
    return Status::Ok();
  }

 private:
  struct File {
    std::string path;
    std::unique_ptr<FileWriter> writer;
    std::int64_t rows = 0;
  };
  const std::string folder_;
  const std::unique_ptr<FileFormat> format_ = MakeParquetFormat();
  std::map<std::string, File> files_;  // by step
};

struct TableStats {
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
};

void WriteStats(const TableAt& at, const TableStats& stats, bool json, std::ostream& out) {
  const std::string offset = at.table.changelog_offset ? std::to_string(at.table.changelog_offset->value())
                                                       : (json ? "null" : "none");
  const std::string committed = at.state.last_committed() ? std::to_string(at.state.last_committed()->value())
                                                          : (json ? "null" : "never");
  if (!json) {
    out << at.table.name << "[" << at.partition() << "]  " << Counted(stats.rows, "row") << "  "
        << Counted(stats.bytes, "byte") << "  changelog offset " << offset << "  last commit (ms) "
        << committed << "  " << at.directory << "\n";
    return;
  }
  out << R"({"step":")" << at.table.name << R"(","partition":)" << at.partition() << R"(,"rows":)"
      << stats.rows << R"(,"bytes":)" << stats.bytes << R"(,"changelog_offset":)" << offset
      << R"(,"last_commit_ms":)" << committed << R"(,"directory":")" << at.directory << "\"}\n";
}

Exit Ended(CommandIo& io, const Status& status) {
  io.out.flush();
  return status.ok() ? Exit::kOk : Report(io, status, Exit::kFailed);
}

}  // namespace

Exit StateDumpCommand(const StateDumpOptions& options, CommandIo& io) {
  bool known = options.step.empty();
  const Status status = ForEachTable(options.directory, [&](const TableAt& at) -> Status {
    if (!options.step.empty() && at.table.name != options.step) return Status::Ok();
    known = true;
    std::int64_t shown = 0;
    return options.raw ? DumpRaw(at, io.out) : PrintRows(at, kAllRows, options.json, &shown, io.out);
  });
  if (status.ok() && !known) return Report(io, NoSuchStep(options.step, options.directory), Exit::kFailed);
  return Ended(io, status);
}

Exit StateGetCommand(const StateGetOptions& options, CommandIo& io) {
  if (options.selection.limit < 1) {
    return Report(
        io,
        Status::InvalidArgument("--limit must be at least 1, not " + std::to_string(options.selection.limit)),
        Exit::kUsage);
  }
  bool known = false;
  std::int64_t shown = 0;
  const Status status = ForEachTable(options.directory, [&](const TableAt& at) -> Status {
    if (at.table.name != options.step) return Status::Ok();
    known = true;
    return PrintRows(at, options.selection, options.json, &shown, io.out);
  });
  if (status.ok() && !known) return Report(io, NoSuchStep(options.step, options.directory), Exit::kFailed);
  if (status.ok() && shown == 0)
    return Report(io, Status::NotFound("no row of step '" + options.step + "' matches"), Exit::kFailed);
  return Ended(io, status);
}

Exit StateExportCommand(const StateExportOptions& options, CommandIo& io) {
  if (const Status made = CreateDirectories(options.folder); !made.ok())
    return Report(io, made, Exit::kFailed);
  bool known = options.step.empty();
  ExportedFiles files(options.folder);
  Status status = ForEachTable(options.directory, [&](const TableAt& at) -> Status {
    if (!options.step.empty() && at.table.name != options.step) return Status::Ok();
    known = true;
    MR_ASSIGN_OR_RETURN(const auto rows, RowsOf(at));
    MR_ASSIGN_OR_RETURN(const RowQuery query, MakeRowQuery(*rows, kAllRows));
    std::int64_t shown = 0;
    return ShowRows(at, *rows, query, &shown, [&](const auto& batch) { return files.Write(at, batch); });
  });
  if (status.ok() && !known) return Report(io, NoSuchStep(options.step, options.directory), Exit::kFailed);
  if (status.ok()) status = files.Close(io.out);
  return Ended(io, status);
}

Exit StateStatsCommand(const StateStatsOptions& options, CommandIo& io) {
  const auto count = [&](const TableAt& at) -> Status {
    TableStats stats;
    const auto add = [&stats](std::int64_t, std::string_view key, std::string_view row) {
      ++stats.rows;
      stats.bytes += static_cast<std::int64_t>(kSliceBytes + key.size() + row.size());
      return Status::Ok();
    };
    MR_RETURN_IF_ERROR(at.state.Scan(at.table.name, add));
    WriteStats(at, stats, options.json, io.out);
    return Status::Ok();
  };
  return Ended(io, ForEachTable(options.directory, count));
}

}  // namespace millrace
