#include "connect/hive_partition.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/arrow_status.h"

namespace millrace {
namespace {

constexpr std::string_view kNullDirectory = "__HIVE_DEFAULT_PARTITION__";
// What Hive leaves alone beside letters, digits, '-' and '_'.
constexpr std::string_view kPlainInValues = ".+ @,;$!()&~";

constexpr std::size_t kMaxPartBytes = 255;    // NAME_MAX of the usual file systems
constexpr std::size_t kShortTextBytes = 128;  // more than any value takes that is no string
constexpr std::size_t kEscapedByteBytes = 3;

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

std::size_t LongestPart(std::string_view directory) {
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin <= directory.size();) {
    const std::size_t end = std::min(directory.find('/', begin), directory.size());
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  return longest;
}

/// False when no row's directory can be too long, judged by the longest value of each column.
bool MayBeTooLong(const arrow::RecordBatch& batch, std::size_t columns, std::size_t max_directory_bytes) {
  std::size_t total = 0;
  for (int i = batch.num_columns() - static_cast<int>(columns); i < batch.num_columns(); ++i) {
    std::size_t longest = kShortTextBytes;
    if (const auto* text = dynamic_cast<const arrow::StringArray*>(batch.column(i).get())) {
      for (std::int64_t row = 0; row < text->length(); ++row)
        longest = std::max(longest, static_cast<std::size_t>(text->value_length(row)) * kEscapedByteBytes);
    }
    const std::size_t part = batch.schema()->field(i)->name().size() * kEscapedByteBytes + 1 + longest;
    if (part > kMaxPartBytes) return true;
    total += part + 1;
  }
  return total > max_directory_bytes;
}

bool HasShortText(const arrow::DataType& type) {
  return arrow::is_primitive(type.id()) || arrow::is_decimal(type.id()) || type.id() == arrow::Type::STRING;
}

}  // namespace

std::string UnescapePathPart(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

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
    if (const std::size_t bytes = EscapePathPart(schema.field(i)->name(), ".").size() + 1;
        bytes + kNullDirectory.size() > kMaxPartBytes) {
      return Status::InvalidArgument("partition_by: the name of column '" + schema.field(i)->name() +
                                     "' is too long for a directory; rename it");
    }
    if (HasShortText(*schema.field(i)->type())) continue;
    return Status::InvalidArgument("partition_by: column '" + schema.field(i)->name() + "' of type " +
                                   schema.field(i)->type()->ToString() +
                                   " cannot name a directory; cast it to string");
  }
  return arrow::schema(arrow::FieldVector(schema.fields().begin(), schema.fields().begin() + kept),
                       schema.metadata());
}

std::uint32_t DirectoryNumbers::NumberOf(std::string directory) {
  const auto [it, added] =
      numbers_.try_emplace(std::move(directory), static_cast<std::uint32_t>(directories_.size()));
  if (added) directories_.push_back(it->first);
  return it->second;
}

Result<std::vector<std::uint32_t>> DirectoryNumbers::Number(const arrow::RecordBatch& batch) {
  const auto rows = static_cast<std::size_t>(batch.num_rows());
  if (columns_ == 0) return std::vector<std::uint32_t>(rows, NumberOf(""));
  MR_ASSIGN_OR_RETURN(const Texts texts, PartitionTexts(batch, columns_));
  std::vector<std::uint32_t> numbers(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    // Rows of one directory mostly come in runs: a window's results share their day.
    numbers[i] = i > 0 && SameValues(texts, row - 1, row)
                     ? numbers[i - 1]
                     : NumberOf(DirectoryOf(*batch.schema(), texts, row));
  }
  return numbers;
}

Result<std::map<std::uint32_t, std::shared_ptr<arrow::RecordBatch>>> TakeDirectories(
    const std::shared_ptr<arrow::RecordBatch>& batch, std::size_t columns,
    std::span<const std::uint32_t> numbers, DirectoryRange range) {
  std::map<std::uint32_t, arrow::Int64Builder> rows_of;
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    if (numbers[row] < range.first || numbers[row] >= range.last) continue;
    MR_RETURN_IF_ARROW_ERROR(rows_of[numbers[row]].Append(static_cast<std::int64_t>(row)));
  }
  std::vector<int> indices(static_cast<std::size_t>(batch->num_columns()) - columns);
  std::iota(indices.begin(), indices.end(), 0);
  MR_ASSIGN_ARROW(const auto file_columns, batch->SelectColumns(indices));
  std::map<std::uint32_t, std::shared_ptr<arrow::RecordBatch>> taken;
  for (auto& [number, builder] : rows_of) {
    if (builder.length() == batch->num_rows()) {
      taken[number] = file_columns;
      break;
    }
    MR_ASSIGN_ARROW(const auto rows, builder.Finish());
    MR_ASSIGN_ARROW(const arrow::Datum part,
                    arrow::compute::Take(arrow::Datum(file_columns), arrow::Datum(rows)));
    taken[number] = part.record_batch();
  }
  return taken;
}

Result<std::vector<RowError>> RowsWithoutDirectory(const arrow::RecordBatch& batch, std::size_t columns,
                                                   std::size_t max_directory_bytes) {
  std::vector<RowError> errors;
  if (columns == 0 || !MayBeTooLong(batch, columns, max_directory_bytes)) return errors;
  MR_ASSIGN_OR_RETURN(const Texts texts, PartitionTexts(batch, columns));
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    const std::string directory = DirectoryOf(*batch.schema(), texts, row);
    const std::size_t longest = LongestPart(directory);
    if (longest <= kMaxPartBytes && directory.size() <= max_directory_bytes) continue;
    errors.push_back({row, "too_long",
                      "partition_by gives a directory of " + std::to_string(directory.size()) +
                          " bytes, with a name of " + std::to_string(longest) + "; at most " +
                          std::to_string(max_directory_bytes) + " and " + std::to_string(kMaxPartBytes) +
                          " can be made here; partition by something shorter"});
  }
  return errors;
}

}  // namespace millrace
