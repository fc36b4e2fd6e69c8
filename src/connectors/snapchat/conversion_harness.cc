#include "connectors/snapchat/conversion_harness.h"

#include <arrow/api.h>

#include "codec/json/json_codec.h"
#include "columnar/record_block.h"
#include "columnar/schema_text.h"
#include "connectors/snapchat/conversion_events.h"
#include "expr/builder.h"

namespace millrace {
namespace {

std::shared_ptr<arrow::Schema> SchemaOf(const std::string& columns) {
  arrow::FieldVector fields;
  for (std::size_t at = 0; at < columns.size();) {
    const std::size_t colon = columns.find(": ", at);
    const std::size_t end = std::min(columns.find("; ", at), columns.size());
    fields.push_back(*ParseField(columns.substr(at, colon - at), columns.substr(colon + 2, end - colon - 2)));
    at = end + 2;
  }
  return arrow::schema(std::move(fields));
}

Result<Batch> Decoded(const std::string& columns, const std::vector<std::string>& lines) {
  RecordBlockBuilder block({"t", Partition(3)});
  for (std::size_t i = 0; i < lines.size(); ++i) {
    block.Append(Offset(70 + static_cast<std::int64_t>(i)), kNowMs, {}, BytesView::Of(lines[i]));
  }
  Batch batch;
  batch.block = block.Finish();
  batch.origin = {{"t", Partition(3)}, Offset(70), Offset(69 + static_cast<std::int64_t>(lines.size()))};
  MR_ASSIGN_OR_RETURN(const auto decoder, MakeJsonDecoder({.schema = SchemaOf(columns)}));
  MR_ASSIGN_OR_RETURN(const DecodedBlock rows, decoder->Decode(*batch.block));
  MR_CHECK(rows.errors.empty()) << rows.errors.front().message;
  batch.data = rows.rows;
  arrow::Int64Builder times;
  for (std::size_t i = 0; i < lines.size(); ++i) MR_CHECK(times.Append(kNowMs).ok());
  batch.event_time = std::static_pointer_cast<arrow::Int64Array>(times.Finish().ValueOrDie());
  return batch;
}

Result<Batch> Mapped(const ConversionCase& given, const Batch& batch) {
  ConversionMap map;
  for (const auto& [field, text] : given.map) {
    if (text.empty()) {
      map.left_out.push_back(field);
    } else {
      MR_ASSIGN_OR_RETURN(const Expr value, ParseExpr(text));
      map.values.emplace_back(field, value);
    }
  }
  MR_ASSIGN_OR_RETURN(std::vector<MappedField> fields, MapConversionFields(map, batch.data->schema()));
  if (!given.asset.empty()) fields.push_back({kAssetColumn, *ParseExpr(given.asset)});
  arrow::FieldVector names;
  arrow::ArrayVector columns;
  for (const MappedField& field : fields) {
    MR_ASSIGN_OR_RETURN(const auto bound, BoundExpr::Bind(field.value, batch.data->schema()));
    MR_ASSIGN_OR_RETURN(const auto values, bound.Evaluate(*batch.data));
    MR_CHECK(values.errors.empty()) << values.errors.front().message;
    names.push_back(arrow::field(field.path, bound.type()));
    columns.push_back(values.values);
  }
  return batch.WithData(arrow::RecordBatch::Make(arrow::schema(std::move(names)), batch.num_rows(), columns));
}

Result<Batch> FieldsOf(const ConversionCase& given) {
  MR_RETURN_IF_ERROR(InitializeExpressions());
  MR_ASSIGN_OR_RETURN(const Batch decoded, Decoded(given.columns, given.rows));
  return Mapped(given, decoded);
}

Result<std::vector<std::string>> Build(const ConversionCase& given) {
  MR_ASSIGN_OR_RETURN(const Batch batch, FieldsOf(given));
  MR_ASSIGN_OR_RETURN(const auto events, ConversionEvents::Make(batch.data->schema(), given.rules));
  ConversionBatch made;
  MR_RETURN_IF_ERROR(events->Build(batch, EventTime(kNowMs), &made));
  std::vector<std::string> lines(given.rows.size());
  for (const std::int64_t row : made.rows) lines[static_cast<std::size_t>(row)] = made.json.row(row).view();
  for (const RowError& error : made.errors) {
    MR_CHECK(error.error_class == "event");
    lines[static_cast<std::size_t>(error.row)] = "error: " + error.message;
  }
  for (const LateRow& late : made.late)
    lines[static_cast<std::size_t>(late.row)] = "late by " + std::to_string(late.late_by_ms);
  return lines;
}

}  // namespace

Batch DecodedRows(const std::string& columns, const std::vector<std::string>& rows) {
  MR_CHECK(InitializeExpressions().ok());
  return *Decoded(columns, rows);
}

Batch BatchOf(const ConversionCase& given) { return *FieldsOf(given); }

std::vector<std::string> EventsOf(const ConversionCase& given) {
  auto lines = Build(given);
  return lines.ok() ? *std::move(lines) : std::vector<std::string>{lines.status().message()};
}

}  // namespace millrace
