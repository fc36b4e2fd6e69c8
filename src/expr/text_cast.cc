#include "expr/text_cast.h"

#include <optional>
#include <string_view>

#include <arrow/api.h>
#include <arrow/util/value_parsing.h>

#include "expr/node.h"
#include "expr/time_text.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;
using arrow::Type;

/// parse(text) gives an optional value of the builder.
template <typename Builder, typename Parse>
arrow::Result<Datum> ReadRows(const KernelCall& call, const TypePtr& target, const Parse& parse) {
  ARROW_ASSIGN_OR_RAISE(const auto text, Argument<arrow::StringType>::Make(call.arguments[0]));
  Builder builder(target, arrow::default_memory_pool());
  ARROW_RETURN_NOT_OK(builder.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (text.IsNull(row)) {
      builder.UnsafeAppendNull();
    } else if (const auto value = parse(text[row]); value.has_value()) {
      builder.UnsafeAppend(*value);
    } else {
      builder.UnsafeAppendNull();
      call.Fail(row, "cast", "cannot read " + QuoteString(text[row]) + " as " + TypeName(*target));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto out, builder.Finish());
  return Datum(out);
}

template <typename ArrowType>
arrow::Result<Datum> ReadPlain(const KernelCall& call, const TypePtr& target) {
  using Converter = arrow::internal::StringConverter<ArrowType>;
  using Value = typename Converter::value_type;
  return ReadRows<typename arrow::TypeTraits<ArrowType>::BuilderType>(
      call, target, [](std::string_view text) -> std::optional<Value> {
        Value value{};
        if (!arrow::internal::ParseValue<ArrowType>(text.data(), text.size(), &value)) return std::nullopt;
        return value;
      });
}

arrow::Result<Datum> ReadTimestamp(const KernelCall& call, const TypePtr& target) {
  const auto unit = static_cast<const arrow::TimestampType&>(*target).unit();
  return ReadRows<arrow::TimestampBuilder>(call, target,
                                           [unit](std::string_view text) -> std::optional<std::int64_t> {
                                             const auto time = ParseTime(text);
                                             return time.has_value() ? time->In(unit) : std::nullopt;
                                           });
}

arrow::Result<Datum> ReadDate(const KernelCall& call, const TypePtr& target) {
  return ReadRows<arrow::Date32Builder>(call, target,
                                        [](std::string_view text) -> std::optional<std::int32_t> {
                                          const auto time = ParseTime(text);
                                          if (!time.has_value() || !time->date_only) return std::nullopt;
                                          return static_cast<std::int32_t>(time->seconds / 86'400);
                                        });
}

}  // namespace

bool ReadsText(const arrow::DataType& target) {
  return target.id() == Type::BOOL || IsInteger(target) || IsFloat(target) ||
         target.id() == Type::TIMESTAMP || target.id() == Type::DATE32;
}

arrow::Result<Datum> CastText(const KernelCall& call, const TypePtr& target) {
  switch (target->id()) {
    case Type::BOOL:
      return ReadPlain<arrow::BooleanType>(call, target);
    case Type::INT8:
      return ReadPlain<arrow::Int8Type>(call, target);
    case Type::INT16:
      return ReadPlain<arrow::Int16Type>(call, target);
    case Type::INT32:
      return ReadPlain<arrow::Int32Type>(call, target);
    case Type::INT64:
      return ReadPlain<arrow::Int64Type>(call, target);
    case Type::UINT8:
      return ReadPlain<arrow::UInt8Type>(call, target);
    case Type::UINT16:
      return ReadPlain<arrow::UInt16Type>(call, target);
    case Type::UINT32:
      return ReadPlain<arrow::UInt32Type>(call, target);
    case Type::UINT64:
      return ReadPlain<arrow::UInt64Type>(call, target);
    case Type::FLOAT:
      return ReadPlain<arrow::FloatType>(call, target);
    case Type::DOUBLE:
      return ReadPlain<arrow::DoubleType>(call, target);
    case Type::TIMESTAMP:
      return ReadTimestamp(call, target);
    case Type::DATE32:
      return ReadDate(call, target);
    default:
      return arrow::Status::TypeError("texts are not read as ", target->ToString());
  }
}

}  // namespace millrace::expr_internal
