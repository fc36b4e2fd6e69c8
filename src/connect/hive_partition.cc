#include "connect/hive_partition.h"

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

constexpr std::string_view kNullDirectory = "__HIVE_DEFAULT_PARTITION__";
// What Hive leaves alone beside letters, digits, '-' and '_'.
constexpr std::string_view kPlainInValues = ".+ @,;$!()&~";

using Texts = std::vector<std::shared_ptr<arrow::StringArray>>;

Result<Texts> PartitionTexts(const arrow::RecordBatch& batch, std::size_t columns) {
  Texts texts;
  for (int i = batch.num_columns() - static_cast<int>(columns); i < batch.num_columns(); ++i) {
    MR_ASSIGN_ARROW(const arrow::Datum text,
                    arrow::compute::Cast(arrow::Datum(batch.column(i)), arrow::utf8()));
    texts.push_back(std::static_pointer_cast<arrow::StringArray>(text.make_array()));
  }
  return texts;
}

bool SameValues(const Texts& texts, std::int64_t a, std::int64_t b) {
  for (const auto& text : texts) {
    if (text->IsNull(a) != text->IsNull(b)) return false;
    if (!text->IsNull(a) && text->GetView(a) != text->GetView(b)) return false;
  }
  return true;
}

std::string DirectoryOf(const arrow::Schema& schema, const Texts& texts, std::int64_t row) {
  std::string directory;
  const std::size_t first = static_cast<std::size_t>(schema.num_fields()) - texts.size();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) directory += '/';
    directory += EscapePathPart(schema.field(static_cast<int>(first + i))->name(), ".");
    directory += '=';
    directory += texts[i]->IsNull(row) ? std::string(kNullDirectory)
                                       : EscapePathPart(texts[i]->GetView(row), kPlainInValues);
  }
  return directory;
}

bool HasShortText(const arrow::DataType& type) {
  return arrow::is_primitive(type.id()) || arrow::is_decimal(type.id()) || type.id() == arrow::Type::STRING;
}

}  // namespace

std::string EscapePathPart(std::string_view text, std::string_view also) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || also.find(c) != std::string_view::npos;
    if (plain) {
      escaped += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

Result<std::shared_ptr<arrow::Schema>> WithoutPartitionColumns(const arrow::Schema& schema,
                                                               std::size_t columns) {
  if (columns >= static_cast<std::size_t>(schema.num_fields())) {
    return Status::InvalidArgument("partition_by leaves no column to write; keep at least one");
  }
  const int kept = schema.num_fields() - static_cast<int>(columns);
  for (int i = kept; i < schema.num_fields(); ++i) {
    if (HasShortText(*schema.field(i)->type())) continue;
    return Status::InvalidArgument("partition_by: column '" + schema.field(i)->name() + "' of type " +
                                   schema.field(i)->type()->ToString() +
                                   " cannot name a directory; cast it to string");
  }
  return arrow::schema(arrow::FieldVector(schema.fields().begin(), schema.fields().begin() + kept),
                       schema.metadata());
}

Result<std::vector<PartitionedRows>> SplitByPartition(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                      std::size_t columns) {
  std::vector<PartitionedRows> parts;
  if (columns == 0) {
    parts.push_back({"", batch});
    return parts;
  }
  MR_ASSIGN_OR_RETURN(const Texts texts, PartitionTexts(*batch, columns));
  std::unordered_map<std::string, std::size_t> part_of;
  std::vector<arrow::Int64Builder> rows_of;
  std::size_t part = 0;
  for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
    // Rows of one directory mostly come in runs: a window's results share their day.
    if (row == 0 || !SameValues(texts, row - 1, row)) {
      std::string directory = DirectoryOf(*batch->schema(), texts, row);
      const auto [it, added] = part_of.try_emplace(std::move(directory), parts.size());
      part = it->second;
      if (added) {
        parts.push_back({it->first, nullptr});
        rows_of.emplace_back();
      }
    }
    MR_RETURN_IF_ARROW_ERROR(rows_of[part].Append(row));
  }
  const int kept = batch->num_columns() - static_cast<int>(columns);
  std::vector<int> indices(static_cast<std::size_t>(kept));
  for (int i = 0; i < kept; ++i) indices[static_cast<std::size_t>(i)] = i;
  MR_ASSIGN_ARROW(const auto file_columns, batch->SelectColumns(indices));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts.size() == 1) {
      parts[i].rows = file_columns;
      break;
    }
    MR_ASSIGN_ARROW(const auto rows, rows_of[i].Finish());
    MR_ASSIGN_ARROW(const arrow::Datum taken,
                    arrow::compute::Take(arrow::Datum(file_columns), arrow::Datum(rows)));
    parts[i].rows = taken.record_batch();
  }
  return parts;
}

}  // namespace millrace
