#include "engine/commands/time_columns.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <arrow/api.h>

#include "codec/json/json_codec.h"
#include "codec/json/json_field.h"
#include "codec/json/json_time.h"

namespace millrace {
namespace {

constexpr std::int64_t kYear2001 = 978'307'200;    // s since 1970
constexpr std::int64_t kYear2100 = 4'102'444'800;  // where it begins

struct Unit {
  std::int64_t per_second;
  const char* type;
};
constexpr Unit kUnits[] = {{1, "timestamp[s]"},
                           {1'000, "timestamp[ms]"},
                           {1'000'000, "timestamp[us]"},
                           {1'000'000'000, "timestamp[ns]"}};

/// "" when the values are no times, or all null. The ranges of the units do not overlap.
std::string NumberType(const arrow::Int64Array& column) {
  std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
  std::int64_t highest = std::numeric_limits<std::int64_t>::min();
  for (std::int64_t i = 0; i < column.length(); ++i) {
    if (column.IsNull(i)) continue;
    lowest = std::min(lowest, column.Value(i));
    highest = std::max(highest, column.Value(i));
  }
  for (const Unit& unit : kUnits) {
    if (lowest >= kYear2001 * unit.per_second && highest / unit.per_second < kYear2100 && lowest <= highest)
      return unit.type;
  }
  return "";
}

std::string TextType(const arrow::StringArray& column) {
  if (column.null_count() == column.length()) return "";
  for (std::int64_t i = 0; i < column.length(); ++i) {
    std::int64_t ms = 0;
    if (!column.IsNull(i) && !json::ParseRfc3339(column.GetView(i), 1'000, &ms)) return "";
  }
  return "timestamp[ms, rfc3339]";
}

}  // namespace

Result<std::map<std::string, std::string>> TimeColumns(std::span<const BytesView> values,
                                                       const std::shared_ptr<arrow::Schema>& schema) {
  MR_ASSIGN_OR_RETURN(const auto decoder, MakeJsonDecoder({.schema = schema}));
  RecordBlockBuilder builder({"", Partition(0)});
  for (std::size_t i = 0; i < values.size(); ++i)
    builder.Append(Offset(static_cast<std::int64_t>(i)), 0, {}, values[i]);
  std::map<std::string, std::string> found;
  if (values.empty()) return found;
  MR_ASSIGN_OR_RETURN(const DecodedBlock decoded, decoder->Decode(*builder.Finish()));
  for (int i = 0; i < schema->num_fields(); ++i) {
    const arrow::Field& field = *schema->field(i);
    const arrow::Array& column = *decoded.rows->column(i);
    std::string type;
    if (field.type()->id() == arrow::Type::INT64) {
      type = NumberType(static_cast<const arrow::Int64Array&>(column));
    } else if (field.type()->id() == arrow::Type::STRING && json::FormatOf(field).empty()) {
      type = TextType(static_cast<const arrow::StringArray&>(column));
    }
    if (!type.empty()) found.emplace(field.name(), std::move(type));
  }
  return found;
}

}  // namespace millrace
