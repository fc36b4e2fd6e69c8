#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_decimal.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>

#include "base/result.h"
#include "columnar/arrow_status.h"

namespace millrace {

/// Reads the values of an array by physical type C: numbers (dates and times are integers), bool, Decimal128,
/// or string_view with Offset int32 or int64. Nulls hold anything.
template <typename C, typename Offset = std::int32_t>
class ColumnValues {
 public:
  explicit ColumnValues(const arrow::Array& array) : data_(array.data()->GetValues<C>(1)) {}
  C operator[](std::size_t i) const { return data_[i]; }

 private:
  const C* data_;
};

template <typename Offset>
class ColumnValues<bool, Offset> {
 public:
  explicit ColumnValues(const arrow::Array& array)
      : bits_(array.data()->GetValues<std::uint8_t>(1, 0)), offset_(array.offset()) {}
  bool operator[](std::size_t i) const {
    return arrow::bit_util::GetBit(bits_, offset_ + static_cast<std::int64_t>(i));
  }

 private:
  const std::uint8_t* bits_;
  const std::int64_t offset_;
};

template <typename Offset>
class ColumnValues<arrow::Decimal128, Offset> {
 public:
  explicit ColumnValues(const arrow::Array& array)
      : bytes_(array.data()->GetValues<std::uint8_t>(1, array.offset() * 16)) {}
  arrow::Decimal128 operator[](std::size_t i) const { return arrow::Decimal128(bytes_ + i * 16); }

 private:
  const std::uint8_t* bytes_;
};

template <typename Offset>
class ColumnValues<std::string_view, Offset> {
 public:
  explicit ColumnValues(const arrow::Array& array)
      : offsets_(array.data()->GetValues<Offset>(1)), data_(array.data()->GetValues<char>(2, 0)) {}
  std::string_view operator[](std::size_t i) const {
    const auto size = static_cast<std::size_t>(offsets_[i + 1] - offsets_[i]);
    return size == 0 ? std::string_view() : std::string_view(data_ + offsets_[i], size);
  }

 private:
  const Offset* offsets_;
  const char* data_;
};

/// Calls visit(row) for every row of `array` that is not null, ascending.
template <typename Visit>
void ForEachValid(const arrow::Array& array, Visit&& visit) {
  const auto n = static_cast<std::size_t>(array.length());
  if (array.null_count() == 0) {
    for (std::size_t i = 0; i < n; ++i) visit(i);
    return;
  }
  if (array.null_count() == array.length()) return;
  const std::uint8_t* const bits = array.null_bitmap_data();
  for (std::size_t i = 0; i < n; ++i) {
    if (arrow::bit_util::GetBit(bits, array.offset() + static_cast<std::int64_t>(i))) visit(i);
  }
}

/// As ForEachValid, and calls after(row) behind every row, null or not.
template <typename After, typename Visit>
void ForEachRow(const arrow::Array& array, const After& after, Visit&& visit) {
  const auto n = static_cast<std::size_t>(array.length());
  const std::uint8_t* const bits = array.null_count() == 0 ? nullptr : array.null_bitmap_data();
  if (bits == nullptr && array.null_count() == 0) {
    for (std::size_t i = 0; i < n; ++i) {
      visit(i);
      after(i);
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    // Without a bitmap all are null.
    if (bits != nullptr && arrow::bit_util::GetBit(bits, array.offset() + static_cast<std::int64_t>(i)))
      visit(i);
    after(i);
  }
}

/// The Arrow type that stores a physical type, and its builder.
template <typename C>
using PhysicalType = typename arrow::CTypeTraits<C>::ArrowType;

/// Collects values of physical type C into an array of a logical type that stores them.
template <typename C>
class ColumnBuilder {
 public:
  explicit ColumnBuilder(std::shared_ptr<arrow::DataType> type) : type_(std::move(type)) {}

  Status Append(C value) {
    MR_RETURN_IF_ARROW_ERROR(builder_.Append(value));
    return Status::Ok();
  }
  Status AppendNull() {
    MR_RETURN_IF_ARROW_ERROR(builder_.AppendNull());
    return Status::Ok();
  }
  Result<std::shared_ptr<arrow::Array>> Finish() {
    std::shared_ptr<arrow::ArrayData> data;
    MR_RETURN_IF_ARROW_ERROR(builder_.FinishInternal(&data));
    data->type = type_;
    return arrow::MakeArray(data);
  }

 private:
  const std::shared_ptr<arrow::DataType> type_;
  typename arrow::TypeTraits<PhysicalType<C>>::BuilderType builder_;
};

template <>
class ColumnBuilder<arrow::Decimal128> {
 public:
  explicit ColumnBuilder(const std::shared_ptr<arrow::DataType>& type) : builder_(type) {}

  Status Append(const arrow::Decimal128& value) {
    MR_RETURN_IF_ARROW_ERROR(builder_.Append(value));
    return Status::Ok();
  }
  Status AppendNull() {
    MR_RETURN_IF_ARROW_ERROR(builder_.AppendNull());
    return Status::Ok();
  }
  Result<std::shared_ptr<arrow::Array>> Finish() {
    std::shared_ptr<arrow::Array> array;
    MR_RETURN_IF_ARROW_ERROR(builder_.Finish(&array));
    return array;
  }

 private:
  arrow::Decimal128Builder builder_;
};

/// Strings and bytes, with 32 or 64 bit offsets as `type` says.
template <>
class ColumnBuilder<std::string_view> {
 public:
  explicit ColumnBuilder(std::shared_ptr<arrow::DataType> type)
      : type_(std::move(type)),
        large_(type_->id() == arrow::Type::LARGE_STRING || type_->id() == arrow::Type::LARGE_BINARY) {}

  Status Append(std::string_view value) {
    MR_RETURN_IF_ARROW_ERROR(large_ ? large_builder_.Append(value) : builder_.Append(value));
    return Status::Ok();
  }
  Status AppendNull() {
    MR_RETURN_IF_ARROW_ERROR(large_ ? large_builder_.AppendNull() : builder_.AppendNull());
    return Status::Ok();
  }
  Result<std::shared_ptr<arrow::Array>> Finish() {
    std::shared_ptr<arrow::ArrayData> data;
    MR_RETURN_IF_ARROW_ERROR(large_ ? large_builder_.FinishInternal(&data) : builder_.FinishInternal(&data));
    data->type = type_;
    return arrow::MakeArray(data);
  }
  std::int64_t bytes() const {
    return large_ ? large_builder_.value_data_length() : builder_.value_data_length();
  }

 private:
  const std::shared_ptr<arrow::DataType> type_;
  const bool large_;
  arrow::BinaryBuilder builder_;
  arrow::LargeBinaryBuilder large_builder_;
};

/// Calls `make` with std::type_identity of the physical type (and int64_t second for large offsets) of
/// `type`: returns what it returns, or null for nested and other types.
template <typename Made, typename Make>
Made DispatchPhysical(const arrow::DataType& type, Make&& make) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return make(std::type_identity<bool>(), std::int32_t{});
    case arrow::Type::INT8:
      return make(std::type_identity<std::int8_t>(), std::int32_t{});
    case arrow::Type::INT16:
      return make(std::type_identity<std::int16_t>(), std::int32_t{});
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32:
      return make(std::type_identity<std::int32_t>(), std::int32_t{});
    case arrow::Type::INT64:
    case arrow::Type::DATE64:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DURATION:
      return make(std::type_identity<std::int64_t>(), std::int32_t{});
    case arrow::Type::UINT8:
      return make(std::type_identity<std::uint8_t>(), std::int32_t{});
    case arrow::Type::UINT16:
      return make(std::type_identity<std::uint16_t>(), std::int32_t{});
    case arrow::Type::UINT32:
      return make(std::type_identity<std::uint32_t>(), std::int32_t{});
    case arrow::Type::UINT64:
      return make(std::type_identity<std::uint64_t>(), std::int32_t{});
    case arrow::Type::FLOAT:
      return make(std::type_identity<float>(), std::int32_t{});
    case arrow::Type::DOUBLE:
      return make(std::type_identity<double>(), std::int32_t{});
    case arrow::Type::DECIMAL128:
      return make(std::type_identity<arrow::Decimal128>(), std::int32_t{});
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return make(std::type_identity<std::string_view>(), std::int32_t{});
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return make(std::type_identity<std::string_view>(), std::int64_t{});
    default:
      return Made();
  }
}

}  // namespace millrace
