#include "columnar/key_encoding.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <arrow/api.h>
#include <arrow/visit_type_inline.h>

#include "base/check.h"
#include "columnar/arrow_status.h"

namespace millrace {
namespace {

constexpr char kNull = '\x00';
constexpr char kValue = '\x01';
constexpr char kEscaped = '\xFF';  // after a 00 byte inside a string
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63U;

void StoreBigEndian(std::uint64_t value, char* out) {
  const std::uint64_t swapped = __builtin_bswap64(value);
  std::memcpy(out, &swapped, sizeof(swapped));
}

std::uint64_t LoadBigEndian(const char* in) {
  std::uint64_t value = 0;
  std::memcpy(&value, in, sizeof(value));
  return __builtin_bswap64(value);
}

std::uint64_t OrderedBits(double value) {
  if (value == 0) value = 0;  // -0 and +0 are one key
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

double FromOrderedBits(std::uint64_t bits) {
  return std::bit_cast<double>((bits & kSignBit) != 0 ? bits ^ kSignBit : ~bits);
}

template <typename T, typename... Types>
constexpr bool kIsOneOf = (std::is_same_v<T, Types> || ...);
template <typename T>
constexpr bool kIsSigned = kIsOneOf<T, arrow::Int8Type, arrow::Int16Type, arrow::Int32Type, arrow::Int64Type,
                                    arrow::Date32Type, arrow::Date64Type, arrow::Time32Type,
                                    arrow::Time64Type, arrow::TimestampType, arrow::DurationType>;
template <typename T>
constexpr bool kIsUnsigned =
    kIsOneOf<T, arrow::UInt8Type, arrow::UInt16Type, arrow::UInt32Type, arrow::UInt64Type>;
template <typename T>
constexpr bool kIsFloat = kIsOneOf<T, arrow::FloatType, arrow::DoubleType>;
template <typename T>
constexpr bool kIsWord = kIsSigned<T> || kIsUnsigned<T> || kIsFloat<T>;
template <typename T>
constexpr bool kIsDecimal = kIsOneOf<T, arrow::Decimal128Type, arrow::Decimal256Type>;
template <typename T>
constexpr bool kIsBytes =
    kIsOneOf<T, arrow::StringType, arrow::BinaryType, arrow::LargeStringType, arrow::LargeBinaryType>;
template <typename T>
constexpr bool kIsKey = kIsWord<T> || kIsDecimal<T> || kIsBytes<T> || std::is_same_v<T, arrow::BooleanType>;

/// The 64 bits whose big-endian order is the order of `value`.
template <typename T>
std::uint64_t ToWord(typename T::c_type value) {
  if constexpr (kIsFloat<T>) return OrderedBits(static_cast<double>(value));
  if constexpr (kIsSigned<T>) return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) ^ kSignBit;
  return static_cast<std::uint64_t>(value);
}

template <typename T>
typename T::c_type FromWord(std::uint64_t word) {
  using C = typename T::c_type;
  if constexpr (kIsFloat<T>) return static_cast<C>(FromOrderedBits(word));
  if constexpr (kIsSigned<T>) return static_cast<C>(static_cast<std::int64_t>(word ^ kSignBit));
  return static_cast<C>(word);
}

std::size_t EscapedSize(std::string_view text) {
  std::size_t size = text.size() + 2;
  for (const char c : text) size += c == '\0' ? 1U : 0U;
  return size;
}

char* WriteEscaped(std::string_view text, char* out) {
  if (std::memchr(text.data(), 0, text.size()) == nullptr) {
    std::memcpy(out, text.data(), text.size());
    out += text.size();
  } else {
    for (const char c : text) {
      *out++ = c;
      if (c == '\0') *out++ = kEscaped;
    }
  }
  *out++ = '\0';
  *out++ = '\0';
  return out;
}

/// Decimal bytes: Arrow keeps them little endian.
template <std::size_t kWidth>
void StoreDecimal(const std::uint8_t* value, char* out) {
  for (std::size_t i = 0; i < kWidth; ++i) out[i] = static_cast<char>(value[kWidth - 1 - i]);
  out[0] = static_cast<char>(out[0] ^ '\x80');
}

template <std::size_t kWidth>
void LoadDecimal(const char* in, std::uint8_t* value) {
  for (std::size_t i = 0; i < kWidth; ++i) value[kWidth - 1 - i] = static_cast<std::uint8_t>(in[i]);
  value[kWidth - 1] = static_cast<std::uint8_t>(value[kWidth - 1] ^ 0x80U);
}

/// Calls `function` with the concrete type, for arrow::VisitTypeInline.
template <typename Function>
class KeyTypeVisitor {
 public:
  explicit KeyTypeVisitor(Function& function) : function_(function) {}
  template <typename T>
  requires kIsKey<T> arrow::Status Visit(const T& type) {
    status = function_(type);
    return arrow::Status::OK();
  }
  arrow::Status Visit(const arrow::DataType& type) {
    status = Status::InvalidArgument("a column of type " + type.ToString() +
                                     " cannot be a key; use an integer, string, date or decimal column");
    return arrow::Status::OK();
  }
  Status status;

 private:
  Function& function_;
};

template <typename Function>
Status VisitKeyType(const arrow::DataType& type, Function&& function) {
  KeyTypeVisitor visitor(function);
  MR_RETURN_IF_ARROW_ERROR(arrow::VisitTypeInline(type, &visitor));
  return visitor.status;
}

}  // namespace

/// Two passes per column: sizes of all rows first, then every value at its place.
class KeyWriter {
 public:
  KeyWriter(std::span<const std::shared_ptr<arrow::Array>> columns, KeyBuffer* out)
      : columns_(columns), out_(*out) {}

  Status Write() {
    const auto rows = static_cast<std::size_t>(columns_.front()->length());
    out_.offsets_.assign(rows + 1, 0);
    for (const auto& column : columns_) MR_RETURN_IF_ERROR(AddSizes(*column, &column == &columns_.back()));
    std::int64_t total = 0;
    for (std::int32_t& offset : out_.offsets_) {
      const std::int64_t size = offset;
      offset = static_cast<std::int32_t>(total);
      total += size;
      if (total > std::numeric_limits<std::int32_t>::max()) return TooLarge();
    }
    out_.bytes_.resize(static_cast<std::size_t>(total));
    // Each row's offset moves to the row's end while its columns are written, and back afterwards.
    for (const auto& column : columns_) MR_RETURN_IF_ERROR(WriteColumn(*column, &column == &columns_.back()));
    for (std::size_t i = rows; i > 0; --i) out_.offsets_[i] = out_.offsets_[i - 1];
    out_.offsets_[0] = 0;
    return Status::Ok();
  }

  /// One int64 column without nulls: nine bytes each.
  Status WriteInt64(const arrow::Int64Array& column) {
    const auto rows = static_cast<std::size_t>(column.length());
    if (rows > std::numeric_limits<std::int32_t>::max() / 9) return TooLarge();
    out_.bytes_.resize(rows * 9);
    out_.offsets_.resize(rows + 1);
    const std::int64_t* values = column.raw_values();
    char* to = out_.bytes_.data();
    for (std::size_t i = 0; i < rows; ++i, to += 9) {
      out_.offsets_[i] = static_cast<std::int32_t>(i * 9);
      *to = kValue;
      StoreBigEndian(ToWord<arrow::Int64Type>(values[i]), to + 1);
    }
    out_.offsets_[rows] = static_cast<std::int32_t>(rows * 9);
    return Status::Ok();
  }

  /// One string or binary column: a tag and the bytes.
  Status WriteBinary(const arrow::BinaryArray& column) {
    const auto rows = static_cast<std::size_t>(column.length());
    const std::int64_t total = column.total_values_length() + column.length();
    if (total > std::numeric_limits<std::int32_t>::max()) return TooLarge();
    out_.bytes_.resize(static_cast<std::size_t>(total));
    out_.offsets_.resize(rows + 1);
    char* const start = out_.bytes_.data();
    char* to = start;
    const bool nulls = column.null_count() > 0;
    for (std::size_t i = 0; i < rows; ++i) {
      out_.offsets_[i] = static_cast<std::int32_t>(to - start);
      if (nulls && column.IsNull(static_cast<std::int64_t>(i))) {
        *to++ = kNull;
        continue;
      }
      const std::string_view value = column.GetView(static_cast<std::int64_t>(i));
      *to++ = kValue;
      std::memcpy(to, value.data(), value.size());
      to += value.size();
    }
    out_.offsets_[rows] = static_cast<std::int32_t>(to - start);
    out_.bytes_.resize(static_cast<std::size_t>(to - start));  // bytes under nulls were not used
    return Status::Ok();
  }

 private:
  static Status TooLarge() {
    return Status::ResourceExhausted("the keys of one batch exceed 2 GiB; lower batch.rows or batch.bytes");
  }

  /// Calls visit(row, is_valid) for every row.
  template <typename Visit>
  static void EachRow(const arrow::Array& column, Visit&& visit) {
    const std::int64_t rows = column.length();
    if (column.null_count() == 0) {
      for (std::int64_t i = 0; i < rows; ++i) visit(i, true);
    } else {
      for (std::int64_t i = 0; i < rows; ++i) visit(i, column.IsValid(i));
    }
  }

  Status AddSizes(const arrow::Array& column, bool last) {
    std::int32_t* sizes = out_.offsets_.data();
    bool overflow = false;
    MR_RETURN_IF_ERROR(VisitKeyType(*column.type(), [&]<typename T>(const T&) {
      const auto& typed = static_cast<const typename arrow::TypeTraits<T>::ArrayType&>(column);
      EachRow(column, [&](std::int64_t i, bool valid) {
        std::int64_t size = sizes[i] + 1;
        if (valid) size += ValueSize<T>(typed, i, last);
        overflow = overflow || size > std::numeric_limits<std::int32_t>::max();
        sizes[i] = static_cast<std::int32_t>(size);
      });
      return Status::Ok();
    }));
    return overflow ? TooLarge() : Status::Ok();
  }

  template <typename T, typename Array>
  static std::int64_t ValueSize(const Array& array, std::int64_t i, bool last) {
    if constexpr (kIsWord<T>) {
      return 8;
    } else if constexpr (kIsDecimal<T>) {
      return T::kByteWidth;
    } else if constexpr (kIsBytes<T>) {
      const std::string_view value = array.GetView(i);
      return static_cast<std::int64_t>(last ? value.size() : EscapedSize(value));
    } else {
      return 1;
    }
  }

  Status WriteColumn(const arrow::Array& column, bool last) {
    std::int32_t* ends = out_.offsets_.data();
    char* const start = out_.bytes_.data();
    return VisitKeyType(*column.type(), [&]<typename T>(const T&) {
      const auto& typed = static_cast<const typename arrow::TypeTraits<T>::ArrayType&>(column);
      EachRow(column, [&](std::int64_t i, bool valid) {
        char* to = start + ends[i];
        *to++ = valid ? kValue : kNull;
        if (valid) to = WriteValue<T>(typed, i, last, to);
        ends[i] = static_cast<std::int32_t>(to - start);
      });
      return Status::Ok();
    });
  }

  template <typename T, typename Array>
  static char* WriteValue(const Array& array, std::int64_t i, bool last, char* to) {
    if constexpr (kIsWord<T>) {
      StoreBigEndian(ToWord<T>(array.Value(i)), to);
      return to + 8;
    } else if constexpr (kIsDecimal<T>) {
      StoreDecimal<static_cast<std::size_t>(T::kByteWidth)>(array.Value(i), to);
      return to + T::kByteWidth;
    } else if constexpr (kIsBytes<T>) {
      const std::string_view value = array.GetView(i);
      if (!last) return WriteEscaped(value, to);
      std::memcpy(to, value.data(), value.size());
      return to + value.size();
    } else {
      *to = array.Value(i) ? '\x01' : '\x00';
      return to + 1;
    }
  }

  std::span<const std::shared_ptr<arrow::Array>> columns_;
  KeyBuffer& out_;
};

namespace {

/// Reads the columns of keys one after the other; `at_` is where each row's next column starts.
class KeyReader {
 public:
  KeyReader(const char* data, std::span<const std::int32_t> offsets)
      : data_(data), at_(offsets.begin(), offsets.end() - 1), ends_(offsets.subspan(1)) {}

  Result<std::shared_ptr<arrow::Array>> ReadColumn(const arrow::Field& field, bool last) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    MR_RETURN_IF_ARROW_ERROR(arrow::MakeBuilder(arrow::default_memory_pool(), field.type(), &builder));
    MR_RETURN_IF_ARROW_ERROR(builder->Reserve(static_cast<std::int64_t>(at_.size())));
    const Status read = VisitKeyType(*field.type(), [&]<typename T>(const T&) {
      auto& typed = static_cast<typename arrow::TypeTraits<T>::BuilderType&>(*builder);
      for (std::size_t i = 0; i < at_.size(); ++i) MR_RETURN_IF_ERROR((ReadOne<T>(typed, i, last)));
      return Status::Ok();
    });
    MR_RETURN_IF_ERROR(read);
    std::shared_ptr<arrow::Array> array;
    MR_RETURN_IF_ARROW_ERROR(builder->Finish(&array));
    return array;
  }

  Status CheckAtEnd() const {
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (at_[i] != ends_[i]) return Corrupt();
    }
    return Status::Ok();
  }

 private:
  static Status Corrupt() {
    return Status::Corrupt(
        "a stored key does not read as the key columns of this step; was their type changed?");
  }

  template <typename T, typename Builder>
  Status ReadOne(Builder& builder, std::size_t row, bool last) {
    std::string_view rest(data_ + at_[row], static_cast<std::size_t>(ends_[row] - at_[row]));
    if (rest.empty() || (rest[0] != kNull && rest[0] != kValue)) return Corrupt();
    const bool valid = rest[0] == kValue;
    rest.remove_prefix(1);
    if (valid) {
      MR_RETURN_IF_ERROR((ReadValue<T>(builder, rest, last)));
    } else {
      MR_RETURN_IF_ARROW_ERROR(builder.AppendNull());
    }
    at_[row] = ends_[row] - static_cast<std::int32_t>(rest.size());
    return Status::Ok();
  }

  template <typename T, typename Builder>
  Status ReadValue(Builder& builder, std::string_view& rest, bool last) {
    if constexpr (kIsWord<T>) {
      if (rest.size() < 8) return Corrupt();
      MR_RETURN_IF_ARROW_ERROR(builder.Append(FromWord<T>(LoadBigEndian(rest.data()))));
      rest.remove_prefix(8);
    } else if constexpr (kIsDecimal<T>) {
      constexpr auto kWidth = static_cast<std::size_t>(T::kByteWidth);
      if (rest.size() < kWidth) return Corrupt();
      std::uint8_t value[kWidth];
      LoadDecimal<kWidth>(rest.data(), value);
      MR_RETURN_IF_ARROW_ERROR(builder.Append(reinterpret_cast<const char*>(value)));
      rest.remove_prefix(kWidth);
    } else if constexpr (kIsBytes<T>) {
      if (last) {
        MR_RETURN_IF_ARROW_ERROR(builder.Append(rest));
        rest = {};
        return Status::Ok();
      }
      MR_RETURN_IF_ERROR(Unescape(rest));
      MR_RETURN_IF_ARROW_ERROR(builder.Append(unescaped_));
    } else {
      if (rest.empty()) return Corrupt();
      MR_RETURN_IF_ARROW_ERROR(builder.Append(rest[0] != '\0'));
      rest.remove_prefix(1);
    }
    return Status::Ok();
  }

  /// Takes one escaped string off `rest` into unescaped_.
  Status Unescape(std::string_view& rest) {
    unescaped_.clear();
    while (true) {
      const std::size_t zero = rest.find('\0');
      if (zero == std::string_view::npos || zero + 1 >= rest.size()) return Corrupt();
      unescaped_.append(rest.substr(0, zero));
      const char mark = rest[zero + 1];
      rest.remove_prefix(zero + 2);
      if (mark == '\0') return Status::Ok();
      if (mark != kEscaped) return Corrupt();
      unescaped_.push_back('\0');
    }
  }

  const char* data_;
  std::vector<std::int32_t> at_;
  std::span<const std::int32_t> ends_;
  std::string unescaped_;
};

}  // namespace

void KeyBuffer::Clear() {
  bytes_.clear();
  offsets_.assign(1, 0);
}

void KeyBuffer::Append(std::string_view begin, std::string_view rest) {
  MR_CHECK(bytes_.size() + begin.size() + rest.size() <= std::numeric_limits<std::int32_t>::max());
  bytes_.append(begin).append(rest);
  offsets_.push_back(static_cast<std::int32_t>(bytes_.size()));
}

std::shared_ptr<arrow::BinaryArray> KeyBuffer::ToBinaryArray() && {
  const std::int64_t rows = num_rows();
  auto offsets = arrow::Buffer::FromVector(std::exchange(offsets_, {0}));
  auto bytes = arrow::Buffer::FromString(std::exchange(bytes_, {}));
  return std::make_shared<arrow::BinaryArray>(rows, std::move(offsets), std::move(bytes));
}

bool IsKeyType(const arrow::DataType& type) {
  return VisitKeyType(type, [](const auto&) { return Status::Ok(); }).ok();
}

Status EncodeKeys(std::span<const std::shared_ptr<arrow::Array>> columns, KeyBuffer* out) {
  MR_CHECK(!columns.empty());
  KeyWriter writer(columns, out);
  if (columns.size() == 1) {
    const arrow::Array& only = *columns.front();
    const arrow::Type::type id = only.type_id();
    if (id == arrow::Type::INT64 && only.null_count() == 0) {
      return writer.WriteInt64(static_cast<const arrow::Int64Array&>(only));
    }
    if (id == arrow::Type::STRING || id == arrow::Type::BINARY) {
      return writer.WriteBinary(static_cast<const arrow::BinaryArray&>(only));
    }
  }
  return writer.Write();
}

Result<std::vector<std::shared_ptr<arrow::Array>>> DecodeKeys(
    const char* data, std::span<const std::int32_t> offsets,
    std::span<const std::shared_ptr<arrow::Field>> fields) {
  MR_CHECK(!offsets.empty());
  KeyReader reader(data, offsets);
  std::vector<std::shared_ptr<arrow::Array>> columns;
  columns.reserve(fields.size());
  for (const auto& field : fields) {
    MR_ASSIGN_OR_RETURN(auto column, reader.ReadColumn(*field, &field == &fields.back()));
    columns.push_back(std::move(column));
  }
  MR_RETURN_IF_ERROR(reader.CheckAtEnd());
  return columns;
}

Result<std::shared_ptr<arrow::BooleanArray>> RowsWithNull(
    std::span<const std::shared_ptr<arrow::Array>> columns) {
  bool any = false;
  for (const auto& column : columns) any = any || column->null_count() > 0;
  if (!any) return std::shared_ptr<arrow::BooleanArray>();
  const std::int64_t rows = columns.front()->length();
  arrow::BooleanBuilder builder;
  MR_RETURN_IF_ARROW_ERROR(builder.Reserve(rows));
  for (std::int64_t i = 0; i < rows; ++i) {
    bool null = false;
    for (const auto& column : columns) null = null || column->IsNull(i);
    builder.UnsafeAppend(null);
  }
  std::shared_ptr<arrow::BooleanArray> out;
  MR_RETURN_IF_ARROW_ERROR(builder.Finish(&out));
  return out;
}

}  // namespace millrace
