#include "codec/json/json_column_writer.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include "codec/json/json_field.h"
#include "columnar/time_unit.h"

namespace millrace::json {
Result<std::unique_ptr<ColumnWriter>> ColumnWriter::Make(const arrow::Field& field) {
  auto writer = std::make_unique<ColumnWriter>();
  MR_RETURN_IF_ERROR(writer->Init(field));
  return writer;
}

Status ColumnWriter::Init(const arrow::Field& field) {
  const arrow::DataType& type = *field.type();
  const auto is = [this](Kind kind) {
    kind_ = kind;
    return Status::Ok();
  };
  switch (type.id()) {
    case arrow::Type::NA:
      return is(Kind::kNull);
    case arrow::Type::BOOL:
      return is(Kind::kBool);
    case arrow::Type::INT8:
      return is(Kind::kInt8);
    case arrow::Type::INT16:
      return is(Kind::kInt16);
    case arrow::Type::TIME32:
    case arrow::Type::INT32:
      return is(Kind::kInt32);
    case arrow::Type::TIME64:
    case arrow::Type::DURATION:
    case arrow::Type::INT64:
      return is(Kind::kInt64);
    case arrow::Type::UINT8:
      return is(Kind::kUint8);
    case arrow::Type::UINT16:
      return is(Kind::kUint16);
    case arrow::Type::UINT32:
      return is(Kind::kUint32);
    case arrow::Type::UINT64:
      return is(Kind::kUint64);
    case arrow::Type::FLOAT:
      return is(Kind::kFloat32);
    case arrow::Type::DOUBLE:
      return is(Kind::kFloat64);
    case arrow::Type::STRING:
      return is(FormatOf(field) == "json" ? Kind::kRawJson : Kind::kString);
    case arrow::Type::BINARY:
      return is(Kind::kBinary);
    case arrow::Type::DATE32:
      return is(Kind::kDate);
    case arrow::Type::TIMESTAMP:
      units_per_second_ = UnitsPerSecond(static_cast<const arrow::TimestampType&>(type).unit());
      return is(FormatOf(field) == "rfc3339" ? Kind::kTimestampText : Kind::kInt64);
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      scale_ = static_cast<const arrow::DecimalType&>(type).scale();
      return is(type.id() == arrow::Type::DECIMAL128 ? Kind::kDecimal128 : Kind::kDecimal256);
    case arrow::Type::LIST:
    case arrow::Type::STRUCT:
    case arrow::Type::MAP:
      return InitNested(type);
    default:
      return Status::InvalidArgument("column '" + field.name() + "': JSON has no form for the type " +
                                     type.ToString() + "; cast it to one that JSON columns take");
  }
}

Status ColumnWriter::InitNested(const arrow::DataType& type) {
  const auto add = [this](const arrow::Field& field) -> Status {
    MR_ASSIGN_OR_RETURN(auto child, Make(field));
    children_.push_back(std::move(child));
    return {};
  };
  if (type.id() == arrow::Type::LIST) {
    kind_ = Kind::kList;
    return add(*type.field(0));
  }
  if (type.id() == arrow::Type::MAP) {
    kind_ = Kind::kMap;
    const auto& map = static_cast<const arrow::MapType&>(type);
    if (map.key_type()->id() != arrow::Type::STRING) {
      return Status::InvalidArgument("the keys of a map in JSON are strings, not " +
                                     map.key_type()->ToString());
    }
    MR_RETURN_IF_ERROR(add(*map.key_field()));
    return add(*map.item_field());
  }
  kind_ = Kind::kStruct;
  for (const auto& field : type.fields()) {
    MR_RETURN_IF_ERROR(add(*field));
    prefixes_.push_back(KeyPrefix(prefixes_.empty() ? '{' : ',', field->name()));
  }
  return {};
}

void ColumnWriter::Bind(const arrow::ArrayData& array) {
  const auto buffer = [&array](std::size_t i) -> const std::uint8_t* {
    return i < array.buffers.size() && array.buffers[i] != nullptr ? array.buffers[i]->data() : nullptr;
  };
  offset_ = array.offset;
  validity_ = array.null_count == 0 ? nullptr : buffer(0);
  values_ = buffer(1);
  text_ = reinterpret_cast<const char*>(buffer(2));
  if (kind_ == Kind::kMap) {
    // Keys and items are children of an entries struct, whose offset they share.
    const arrow::ArrayData& entries = *array.child_data[0];
    for (std::size_t i = 0; i < 2; ++i) {
      children_[i]->Bind(*entries.child_data[i]);
      children_[i]->offset_ += entries.offset;
    }
    return;
  }
  for (std::size_t i = 0; i < children_.size(); ++i) children_[i]->Bind(*array.child_data[i]);
}

void ColumnWriter::Write(std::int64_t row, Writer* out) const {
  if (IsNull(row)) {
    out->Raw("null");
  } else {
    WriteValue(row, out);
  }
}

std::string_view ColumnWriter::Text(std::int64_t row) const {
  const auto begin = At<std::int32_t>(row);
  return {text_ + begin, static_cast<std::size_t>(At<std::int32_t>(row + 1) - begin)};
}

void ColumnWriter::WriteValue(std::int64_t row, Writer* out) const {
  switch (kind_) {
    case Kind::kNull:
      return out->Raw("null");
    case Kind::kBool: {
      const std::int64_t at = row + offset_;
      return out->Raw(((values_[at >> 3] >> (at & 7)) & 1) != 0 ? "true" : "false");
    }
    case Kind::kInt8:
      return out->Int(At<std::int8_t>(row));
    case Kind::kInt16:
      return out->Int(At<std::int16_t>(row));
    case Kind::kInt32:
      return out->Int(At<std::int32_t>(row));
    case Kind::kInt64:
      return out->Int(At<std::int64_t>(row));
    case Kind::kUint8:
      return out->Uint(At<std::uint8_t>(row));
    case Kind::kUint16:
      return out->Uint(At<std::uint16_t>(row));
    case Kind::kUint32:
      return out->Uint(At<std::uint32_t>(row));
    case Kind::kUint64:
      return out->Uint(At<std::uint64_t>(row));
    case Kind::kFloat32:
      return out->Float(At<float>(row));
    case Kind::kFloat64:
      return out->Float(At<double>(row));
    case Kind::kString:
      return out->String(Text(row));
    case Kind::kBinary:
      return out->Base64(Text(row));
    case Kind::kRawJson:
      return out->Raw(Text(row));
    case Kind::kDate:
      return out->Date(At<std::int32_t>(row));
    case Kind::kTimestampText:
      return out->Timestamp(At<std::int64_t>(row), units_per_second_);
    case Kind::kDecimal128:
      return out->Decimal(values_ + (row + offset_) * 16, scale_);
    case Kind::kDecimal256:
      return out->String(arrow::Decimal256(values_ + (row + offset_) * 32).ToString(scale_));
    case Kind::kList:
    case Kind::kStruct:
    case Kind::kMap:
      return WriteNested(row, out);
  }
}

void ColumnWriter::WriteNested(std::int64_t row, Writer* out) const {
  if (kind_ == Kind::kStruct) {
    // A sliced struct keeps its children whole: its offset counts for them too.
    for (std::size_t i = 0; i < children_.size(); ++i) {
      out->Constant(prefixes_[i]);
      children_[i]->Write(row + offset_, out);
    }
    return out->Raw(children_.empty() ? "{}" : "}");
  }
  const auto begin = At<std::int32_t>(row);
  const auto end = At<std::int32_t>(row + 1);
  out->Byte(kind_ == Kind::kList ? '[' : '{');
  for (std::int32_t i = begin; i < end; ++i) {
    if (i > begin) out->Byte(',');
    children_[0]->Write(i, out);
    if (kind_ == Kind::kList) continue;
    out->Byte(':');
    children_[1]->Write(i, out);
  }
  out->Byte(kind_ == Kind::kList ? ']' : '}');
}

bool ColumnWriter::WriteSparse(std::int64_t row, Writer* out) const {
  if (IsNull(row)) return false;
  if (kind_ == Kind::kStruct) return WriteSparseFields(children_, prefixes_, row + offset_, out);
  if (kind_ != Kind::kList) {
    WriteValue(row, out);
    return true;
  }
  const auto begin = At<std::int32_t>(row);
  const auto end = At<std::int32_t>(row + 1);
  out->Byte('[');
  for (std::int32_t i = begin; i < end; ++i) {
    if (i > begin) out->Byte(',');
    if (!children_[0]->WriteSparse(i, out)) out->Raw(children_[0]->IsNull(i) ? "null" : "{}");
  }
  out->Byte(']');
  return true;
}

bool WriteSparseFields(std::span<const std::unique_ptr<ColumnWriter>> fields,
                       std::span<const PaddedText> prefixes, std::int64_t row, Writer* out) {
  bool any = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::int64_t before = out->size();
    out->Constant(prefixes[i]);
    if (fields[i]->WriteSparse(row, out)) {
      out->Put(before, any ? ',' : '{');
      any = true;
    } else {
      out->CutBack(before);
    }
  }
  if (any) out->Byte('}');
  return any;
}

void ColumnWriter::WriteText(std::int64_t row, Writer* out) const {
  switch (kind_) {
    case Kind::kString:
    case Kind::kBinary:
    case Kind::kRawJson:
      return out->Raw(Text(row));
    case Kind::kDate:
    case Kind::kTimestampText:
    case Kind::kDecimal128:
    case Kind::kDecimal256: {
      std::string quoted;
      Writer inner(&quoted);
      WriteValue(row, &inner);
      inner.Finish();
      return out->Raw(std::string_view(quoted).substr(1, quoted.size() - 2));
    }
    default:
      return WriteValue(row, out);
  }
}

bool ColumnWriter::HasKeyForm() const {
  switch (kind_) {
    case Kind::kFloat32:
    case Kind::kFloat64:
    case Kind::kList:
    case Kind::kStruct:
    case Kind::kMap:
    case Kind::kNull:
      return false;
    default:
      return true;
  }
}

PaddedText KeyPrefix(char opening, std::string_view name) {
  std::string prefix;
  Writer writer(&prefix);
  writer.Byte(opening);
  writer.String(name);
  writer.Byte(':');
  writer.Finish();
  return PaddedText(prefix);
}

}  // namespace millrace::json
