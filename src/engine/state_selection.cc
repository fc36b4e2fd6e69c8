#include "engine/state_selection.h"

#include <memory>
#include <utility>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "columnar/schema_text.h"

namespace millrace {
namespace {

Result<std::shared_ptr<arrow::Array>> ReadKeyColumn(const arrow::Field& field, const std::string& text) {
  const auto scalar = arrow::Scalar::Parse(field.type(), text);
  if (!scalar.ok()) {
    return Status::InvalidArgument("key '" + text + "' is no value of column '" + field.name() +
                                   "', which is " + TypeText(*field.type()));
  }
  MR_ASSIGN_ARROW(auto column, arrow::MakeArrayFromScalar(**scalar, 1));
  return column;
}

/// The bytes with which a key of these leading columns begins.
Result<std::string> LeadingBytes(std::vector<std::shared_ptr<arrow::Array>> columns) {
  // Only a column that is not the last is written in the form it has there; the null behind it is one byte.
  MR_ASSIGN_ARROW(auto null, arrow::MakeArrayOfNull(arrow::int64(), 1));
  columns.push_back(std::move(null));
  KeyBuffer bytes;
  MR_RETURN_IF_ERROR(EncodeKeys(columns, &bytes));
  return std::string(bytes[0].substr(0, bytes[0].size() - 1));
}

Result<std::string> PrefixBytes(const arrow::Field& field, const std::string& text, bool last_column) {
  if (!arrow::is_base_binary_like(field.type()->id())) {
    return Status::InvalidArgument("prefix is for a column of strings; '" + field.name() + "' is " +
                                   TypeText(*field.type()));
  }
  std::string bytes(1, '\x01');
  for (const char c : text) {
    bytes.push_back(c);
    if (c == '\0' && !last_column) bytes.push_back('\xff');
  }
  return bytes;
}

}  // namespace

Result<RowQuery> MakeRowQuery(const StoredRows& rows, const StateSelection& selection) {
  RowQuery query;
  query.limit = selection.limit;
  query.skip = rows.key_prefix_bytes();
  query.slice = rows.only_slice();
  if (selection.window.has_value()) {
    if (!rows.has_windows()) return Status::InvalidArgument("window is for steps with tumbling windows");
    query.slice = selection.window;
  }
  const auto& fields = rows.key_fields();
  if (selection.key.size() > fields.size()) {
    return Status::InvalidArgument("the step has " + std::to_string(fields.size()) +
                                   " key columns; there is a key too many");
  }
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (const std::string& text : selection.key) {
    MR_ASSIGN_OR_RETURN(auto column, ReadKeyColumn(*fields[columns.size()], text));
    columns.push_back(std::move(column));
  }
  const std::size_t next = columns.size();
  if (next == fields.size() && selection.prefix.has_value())
    return Status::InvalidArgument("the key is complete; leave prefix out");
  if (next == fields.size() && next > 0) {
    KeyBuffer bytes;
    MR_RETURN_IF_ERROR(EncodeKeys(columns, &bytes));
    query.key = bytes[0];
    query.whole_key = true;
    return query;
  }
  if (next > 0) {
    MR_ASSIGN_OR_RETURN(query.key, LeadingBytes(std::move(columns)));
  }
  if (selection.prefix.has_value()) {
    MR_ASSIGN_OR_RETURN(const std::string bytes,
                        PrefixBytes(*fields[next], *selection.prefix, next + 1 == fields.size()));
    query.key += bytes;
  }
  return query;
}

}  // namespace millrace
