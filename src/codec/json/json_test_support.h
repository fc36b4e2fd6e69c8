#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "codec/json/json_codec.h"
#include "columnar/schema_text.h"

namespace millrace {

using Columns = std::vector<std::pair<std::string, std::string>>;

/// A schema from names and type texts.
inline std::shared_ptr<arrow::Schema> SchemaOf(const Columns& columns) {
  arrow::FieldVector fields;
  for (const auto& [name, type] : columns) {
    auto field = ParseField(name, type);
    EXPECT_TRUE(field.ok()) << field.status().ToString();
    fields.push_back(*field);
  }
  return arrow::schema(std::move(fields));
}

/// A block of these values; "<null>" is a null value. Each value is followed at once by the next one, so that
/// a reader that goes too far reads wrong bytes instead of zeros.
inline std::shared_ptr<const RecordBlock> BlockOf(const std::vector<std::string>& values) {
  RecordBlockBuilder builder({"t", Partition(0)});
  for (std::size_t i = 0; i < values.size(); ++i) {
    const BytesView value = values[i] == "<null>" ? BytesView{} : BytesView::Of(values[i]);
    builder.Append(Offset(static_cast<std::int64_t>(i)), 0, {}, value);
  }
  return builder.Finish();
}

inline std::unique_ptr<Decoder> DecoderOf(const Columns& columns) {
  auto decoder = MakeJsonDecoder({.schema = SchemaOf(columns)});
  EXPECT_TRUE(decoder.ok()) << decoder.status().ToString();
  return *std::move(decoder);
}

/// Decodes and checks that Arrow finds the rows valid.
inline DecodedBlock DecodeAll(Decoder& decoder, const std::vector<std::string>& values) {
  auto decoded = decoder.Decode(*BlockOf(values));
  EXPECT_TRUE(decoded.ok()) << decoded.status().ToString();
  const arrow::Status valid = decoded->rows->ValidateFull();
  EXPECT_TRUE(valid.ok()) << valid.ToString();
  return *std::move(decoded);
}

/// Rows as JSON lines by the encoder.
inline std::vector<std::string> Lines(const arrow::RecordBatch& rows) {
  auto encoder = MakeJsonEncoder(rows.schema());
  EXPECT_TRUE(encoder.ok()) << encoder.status().ToString();
  EncodedRows encoded;
  EXPECT_TRUE((*encoder)->Encode(rows, &encoded).ok());
  std::vector<std::string> lines;
  for (std::int64_t i = 0; i < encoded.num_rows(); ++i) lines.emplace_back(encoded.row(i).view());
  return lines;
}

}  // namespace millrace
