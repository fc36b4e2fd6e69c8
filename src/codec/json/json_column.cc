#include "codec/json/json_column.h"

#include <algorithm>
#include <cstring>

#include <arrow/api.h>

#include "base/check.h"
#include "codec/json/json_field.h"
#include "columnar/schema_text.h"
#include "columnar/time_unit.h"
#include "env/exhaustion.h"

namespace millrace::json {
namespace {

void SetBit(std::uint8_t* bits, std::int64_t at) {
  bits[at >> 3] |= static_cast<std::uint8_t>(1U << (at & 7));
}
void ClearBit(std::uint8_t* bits, std::int64_t at) {
  bits[at >> 3] = static_cast<std::uint8_t>(bits[at >> 3] & ~(1U << (at & 7)));
}
bool GetBit(const std::uint8_t* bits, std::int64_t at) { return ((bits[at >> 3] >> (at & 7)) & 1) != 0; }

}  // namespace

void GrowingBuffer::Reserve(std::int64_t bytes) {
  if (bytes <= capacity_) return;
  bytes = (bytes + 63) / 64 * 64;
  if (buffer_ == nullptr) {
    // malloc and not Arrow's own pool: that one gives large blocks back to the system at once, and each batch
    // would take page faults for all of its columns.
    auto made = arrow::AllocateResizableBuffer(bytes, arrow::system_memory_pool());
    if (!made.ok()) EndForLackOfMemory();
    buffer_ = std::move(made).ValueUnsafe();
  } else {
    if (!buffer_->Resize(bytes, false).ok()) EndForLackOfMemory();
  }
  data_ = buffer_->mutable_data();
  capacity_ = bytes;
}

std::shared_ptr<arrow::Buffer> GrowingBuffer::Take(std::int64_t bytes) {
  Reserve(std::max<std::int64_t>(bytes, 1));
  const arrow::Status status = buffer_->Resize(bytes, false);
  MR_CHECK(status.ok()) << status.ToString();
  data_ = nullptr;
  capacity_ = 0;
  return std::exchange(buffer_, nullptr);
}

Column::Column() = default;
Column::~Column() = default;

Result<std::unique_ptr<Column>> Column::Make(const arrow::Field& field, std::string path) {
  std::unique_ptr<Column> column(new Column());
  column->path = std::move(path);
  MR_RETURN_IF_ERROR(column->Init(field));
  return column;
}

Status Column::Init(const arrow::Field& field) {
  type = field.type();
  type_text = FormatOf(field) == "json" ? "json" : TypeText(*type);
  not_null = !field.nullable();
  switch (type->id()) {
    case arrow::Type::BOOL:
      kind = Kind::kBool;
      width = 0;
      return {};
    case arrow::Type::STRING:
      kind = FormatOf(field) == "json" ? Kind::kRawJson : Kind::kString;
      width = 4;
      return {};
    case arrow::Type::BINARY:
      kind = Kind::kBinary;
      width = 4;
      return {};
    case arrow::Type::TIMESTAMP:
      units_per_second = UnitsPerSecond(static_cast<const arrow::TimestampType&>(*type).unit());
      kind = FormatOf(field) == "rfc3339" ? Kind::kTimestampText : Kind::kInt64;
      int_min = std::numeric_limits<std::int64_t>::min();
      int_max = std::numeric_limits<std::int64_t>::max();
      return {};
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(*type);
      kind = Kind::kDecimal;
      width = static_cast<std::int8_t>(decimal.byte_width());
      precision = decimal.precision();
      scale = decimal.scale();
      return {};
    }
    case arrow::Type::LIST:
    case arrow::Type::STRUCT:
    case arrow::Type::MAP:
      return InitNested(*type);
    default:
      return InitNumber(*type);
  }
}

Status Column::InitNumber(const arrow::DataType& data_type) {
  const auto limits = [this](Kind as, std::int8_t bytes, auto zero) {
    kind = as;
    width = bytes;
    int_min = std::numeric_limits<decltype(zero)>::min();
    int_max = std::numeric_limits<decltype(zero)>::max();
    return Status::Ok();
  };
  switch (data_type.id()) {
    case arrow::Type::INT8:
      return limits(Kind::kLimitedInt, 1, std::int8_t{});
    case arrow::Type::INT16:
      return limits(Kind::kLimitedInt, 2, std::int16_t{});
    case arrow::Type::INT32:
      return limits(Kind::kLimitedInt, 4, std::int32_t{});
    case arrow::Type::INT64:
      return limits(Kind::kInt64, 8, std::int64_t{});
    case arrow::Type::UINT8:
      return limits(Kind::kLimitedInt, 1, std::uint8_t{});
    case arrow::Type::UINT16:
      return limits(Kind::kLimitedInt, 2, std::uint16_t{});
    case arrow::Type::UINT32:
      return limits(Kind::kLimitedInt, 4, std::uint32_t{});
    case arrow::Type::UINT64:
      kind = Kind::kUint64;
      return {};
    case arrow::Type::FLOAT:
      kind = Kind::kFloat32;
      width = 4;
      return {};
    case arrow::Type::DOUBLE:
      kind = Kind::kFloat64;
      return {};
    case arrow::Type::DATE32:
      kind = Kind::kDate;
      width = 4;
      return {};
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      width = data_type.id() == arrow::Type::TIME32 ? 4 : 8;
      kind = Kind::kLimitedInt;
      int_min = 0;
      int_max = 86'400 * UnitsPerSecond(static_cast<const arrow::TimeType&>(data_type).unit()) - 1;
      return {};
    default:
      return Status::InvalidArgument("column '" + path + "': JSON has no form for the type " +
                                     data_type.ToString() + "; declare one of the types JSON columns take");
  }
}

Status Column::InitNested(const arrow::DataType& data_type) {
  width = data_type.id() == arrow::Type::STRUCT ? 0 : 4;
  const auto add = [this](const arrow::Field& field, std::string child_path) -> Status {
    MR_ASSIGN_OR_RETURN(auto child, Make(field, std::move(child_path)));
    children.push_back(std::move(child));
    return {};
  };
  if (data_type.id() == arrow::Type::LIST) {
    kind = Kind::kList;
    return add(*data_type.field(0), path + "[]");
  }
  if (data_type.id() == arrow::Type::MAP) {
    kind = Kind::kMap;
    const auto& map = static_cast<const arrow::MapType&>(data_type);
    MR_RETURN_IF_ERROR(add(*map.key_field(), path + " (key)"));
    if (children[0]->kind != Kind::kString) {
      return Status::InvalidArgument("column '" + path + "': the keys of a map in JSON are strings, not " +
                                     map.key_type()->ToString());
    }
    return add(*map.item_field(), path + "[]");
  }
  kind = Kind::kStruct;
  cells = 0;
  std::vector<std::string> names;
  for (const auto& field : data_type.fields()) {
    if (std::find(names.begin(), names.end(), field->name()) != names.end()) {
      return Status::InvalidArgument((path.empty() ? "the schema" : "column '" + path + "'") +
                                     " has the field '" + field->name() + "' twice");
    }
    names.push_back(field->name());
    MR_RETURN_IF_ERROR(add(*field, path.empty() ? field->name() : path + "." + field->name()));
    cells += children.back()->cells;
  }
  cells = std::max<std::int64_t>(cells, 1);
  shape = std::make_unique<Shape>(names, children);
  return {};
}

bool Column::has_offsets() const { return has_text() || kind == Kind::kList || kind == Kind::kMap; }

std::int64_t Column::ValueBytes(std::int64_t rows) const {
  if (kind == Kind::kBool) return (rows + 7) / 8;
  return (rows + (has_offsets() ? 1 : 0)) * width;
}

void Column::Reserve(std::int64_t rows) {
  if (rows > capacity) {
    if (kind != Kind::kStruct) values_buffer_.Reserve(ValueBytes(rows));
    values = values_buffer_.data();
    if (capacity == 0 && has_offsets()) As<std::int32_t>()[0] = 0;
    capacity = rows;
  }
  if (validity_.capacity() > 0 && validity_.capacity() * 8 < capacity) {
    const std::int64_t before = validity_.capacity();
    validity_.Reserve((capacity + 7) / 8);
    std::memset(validity_.data() + before, 0xFF, static_cast<std::size_t>(validity_.capacity() - before));
  }
}

void Column::ReserveText(std::int64_t bytes) {
  text_buffer_.Reserve(std::max(bytes, text_capacity * 2));
  text = text_buffer_.data();
  text_capacity = text_buffer_.capacity();
}

void Column::MarkNull(std::int64_t row) {
  if (validity_.capacity() == 0) {
    validity_.Reserve((capacity + 7) / 8);
    std::memset(validity_.data(), 0xFF, static_cast<std::size_t>(validity_.capacity()));
  }
  ClearBit(validity_.data(), row);
  ++null_count;
}

void Column::AppendNull() {
  GrowIfFull();
  MarkNull(length);
  if (kind == Kind::kStruct) {
    for (const auto& child : children) child->AppendNull();
  } else if (has_offsets()) {
    As<std::int32_t>()[length + 1] = As<std::int32_t>()[length];
  } else if (width > 0) {
    std::memset(values + length * width, 0, static_cast<std::size_t>(width));
  }
  ++length;
}

void Column::Truncate(std::int64_t rows) {
  if (kind != Kind::kStruct && values == nullptr) return;  // never written to
  if (rows < length) {
    for (std::int64_t row = rows; null_count > 0 && row < length; ++row) {
      if (GetBit(validity_.data(), row)) continue;
      SetBit(validity_.data(), row);
      --null_count;
    }
    length = rows;
  }
  if (has_text()) text_size = As<std::int32_t>()[rows];
  for (const auto& child : children) {
    child->Truncate(kind == Kind::kStruct ? rows : As<std::int32_t>()[rows]);
  }
}

std::shared_ptr<arrow::ArrayData> Column::Finish() {
  if (capacity == 0) Reserve(1);  // never written to: even no row has a first offset
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {nullptr};
  if (null_count > 0) buffers[0] = validity_.Take((length + 7) / 8);
  const std::int64_t rows = std::exchange(length, 0);
  const std::int64_t nulls = std::exchange(null_count, 0);
  const std::int64_t text_bytes = std::exchange(text_size, 0);
  validity_ = {};
  if (kind != Kind::kStruct) buffers.push_back(values_buffer_.Take(ValueBytes(rows)));
  if (has_text()) buffers.push_back(text_buffer_.Take(text_bytes));
  std::vector<std::shared_ptr<arrow::ArrayData>> parts;
  for (const auto& child : children) parts.push_back(child->Finish());
  if (kind == Kind::kMap) {
    const std::int64_t entries = parts[0]->length;
    parts = {arrow::ArrayData::Make(type->field(0)->type(), entries, {nullptr}, std::move(parts), 0)};
  }
  capacity = 0;
  values = nullptr;
  text = nullptr;
  text_capacity = 0;
  // Room for a batch as large as the largest of late: growing copies.
  rows_expected_ = std::max(rows + rows / 8 + 1, rows_expected_ - rows_expected_ / 8);
  text_expected_ = std::max(text_bytes + text_bytes / 8 + 64, text_expected_ - text_expected_ / 8);
  Reserve(rows_expected_);
  if (has_text()) ReserveText(text_expected_);
  return arrow::ArrayData::Make(type, rows, std::move(buffers), std::move(parts), nulls);
}

}  // namespace millrace::json
