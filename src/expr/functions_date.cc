#include <array>
#include <chrono>
#include <optional>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "columnar/time_unit.h"
#include "expr/function.h"
#include "expr/operator_kernels.h"
#include "expr/time_text.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;
using arrow::compute::CalendarUnit;
using arrow::compute::CallFunction;

struct UnitName {
  std::string_view name;
  CalendarUnit unit;
  /// Length in nanoseconds; 0 where it varies.
  std::int64_t nanos;
};

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::array<UnitName, 11> kUnits = {{
    {"microsecond", CalendarUnit::MICROSECOND, 1'000},
    {"millisecond", CalendarUnit::MILLISECOND, 1'000'000},
    {"second", CalendarUnit::SECOND, kSecond},
    {"minute", CalendarUnit::MINUTE, 60 * kSecond},
    {"hour", CalendarUnit::HOUR, 3'600 * kSecond},
    {"day", CalendarUnit::DAY, 86'400 * kSecond},
    {"week", CalendarUnit::WEEK, 7 * 86'400 * kSecond},
    {"month", CalendarUnit::MONTH, 0},
    {"quarter", CalendarUnit::QUARTER, 0},
    {"year", CalendarUnit::YEAR, 0},
    {"nanosecond", CalendarUnit::NANOSECOND, 1},
}};

arrow::Result<UnitName> UnitOf(const Datum& option) {
  const std::string text = OptionText(option);
  std::string known;
  for (const UnitName& unit : kUnits) {
    if (text == unit.name || text == std::string(unit.name) + "s") return unit;
    known += (known.empty() ? "" : ", ") + std::string(unit.name);
  }
  return arrow::Status::Invalid("unknown unit '", text, "' (there is: ", known, ")");
}

const arrow::TimestampType& TimeType(const Datum& value) {
  return static_cast<const arrow::TimestampType&>(*value.type());
}

arrow::Result<Datum> WithType(const Datum& numbers, const std::shared_ptr<arrow::DataType>& type) {
  if (numbers.is_scalar()) {
    ARROW_ASSIGN_OR_RAISE(auto one, arrow::MakeArrayFromScalar(*numbers.scalar(), 1));
    ARROW_ASSIGN_OR_RAISE(auto viewed, one->View(type));
    return Datum(viewed);
  }
  ARROW_ASSIGN_OR_RAISE(auto viewed, numbers.make_array()->View(type));
  return Datum(viewed);
}

/// A part of the date or time as int64.
Kernel PartKernel(std::string function) {
  return [function = std::move(function)](const KernelCall& call) -> arrow::Result<Datum> {
    ARROW_ASSIGN_OR_RAISE(const Datum part, CallFunction(function, {call.arguments[0]}));
    return arrow::compute::Cast(part, arrow::int64());
  };
}

arrow::Result<Datum> DayOfWeek(const KernelCall& call) {
  const arrow::compute::DayOfWeekOptions monday_is_one(/*count_from_zero=*/false, /*week_start=*/1);
  return CallFunction("day_of_week", {call.arguments[0]}, &monday_is_one);
}

arrow::Result<Datum> DateTrunc(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const UnitName unit, UnitOf(call.arguments[0]));
  const arrow::compute::RoundTemporalOptions options(1, unit.unit, /*week_starts_monday=*/true);
  return CallFunction("floor_temporal", {call.arguments[1]}, &options);
}

arrow::Result<Datum> ToDate(const KernelCall& call) {
  return arrow::compute::Cast(call.arguments[0], arrow::compute::CastOptions::Unsafe(arrow::date32()));
}

/// Every number divided by `divisor`, towards minus infinity.
arrow::Result<Datum> FloorDivide(const Datum& numbers, std::int64_t divisor, std::int64_t rows) {
  ARROW_ASSIGN_OR_RAISE(const auto values, Argument<arrow::Int64Type>::Make(numbers));
  arrow::Int64Builder out;
  ARROW_RETURN_NOT_OK(out.Reserve(rows));
  for (std::int64_t row = 0; row < rows; ++row) {
    if (values.IsNull(row)) {
      out.UnsafeAppendNull();
    } else {
      out.UnsafeAppend(values[row] / divisor - (values[row] % divisor < 0 ? 1 : 0));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return Datum(array);
}

/// The instant in units of `per_second`, towards minus infinity.
Kernel EpochKernel(std::int64_t per_second) {
  return [per_second](const KernelCall& call) -> arrow::Result<Datum> {
    const std::int64_t have = UnitsPerSecond(TimeType(call.arguments[0]).unit());
    ARROW_ASSIGN_OR_RAISE(const Datum numbers, AsInt64(call.arguments[0]));
    if (have == per_second) return numbers;
    if (have < per_second) return CallFunction("multiply_checked", {numbers, Datum(per_second / have)});
    return FloorDivide(numbers, have / per_second, call.num_rows);
  };
}

arrow::Result<Datum> ToTimestamp(const KernelCall& call) {
  return WithType(call.arguments[0], arrow::timestamp(arrow::TimeUnit::MILLI));
}

arrow::Result<Datum> Strftime(const KernelCall& call) {
  const arrow::compute::StrftimeOptions options(OptionText(call.arguments[1]));
  // Whole seconds, so that %S is two digits as everywhere else.
  arrow::compute::CastOptions to_seconds = arrow::compute::CastOptions::Safe(
      arrow::timestamp(arrow::TimeUnit::SECOND, TimeType(call.arguments[0]).timezone()));
  to_seconds.allow_time_truncate = true;
  const arrow::compute::RoundTemporalOptions second(1, CalendarUnit::SECOND);
  ARROW_ASSIGN_OR_RAISE(const Datum floored, CallFunction("floor_temporal", {call.arguments[0]}, &second));
  ARROW_ASSIGN_OR_RAISE(const Datum seconds, arrow::compute::Cast(floored, to_seconds));
  return CallFunction("strftime", {seconds}, &options);
}

arrow::Result<Datum> Strptime(const KernelCall& call) {
  // Arrow reads out of bounds on an empty format.
  if (OptionText(call.arguments[1]).empty()) return arrow::Status::Invalid("the format is empty");
  const arrow::compute::StrptimeOptions options(OptionText(call.arguments[1]), arrow::TimeUnit::MILLI,
                                                /*error_is_null=*/false);
  return CallFunction("strptime", {call.arguments[0]}, &options);
}

/// `value` moved by whole months; the day is cut to the last one of the month.
std::optional<std::int64_t> AddMonths(std::int64_t value, std::int64_t months, std::int64_t per_day) {
  namespace chrono = std::chrono;
  if (months > 400'000 || months < -400'000) return std::nullopt;
  const std::int64_t day_number = value / per_day - (value % per_day < 0 ? 1 : 0);
  if (day_number > 3'000'000 || day_number < -3'000'000) return std::nullopt;
  const chrono::year_month_day date{chrono::sys_days{chrono::days{static_cast<int>(day_number)}}};
  const chrono::year_month month = date.year() / date.month() + chrono::months{static_cast<int>(months)};
  if (!month.ok()) return std::nullopt;
  const chrono::year_month_day_last last = month / chrono::last;
  const chrono::year_month_day moved = month / std::min(date.day(), last.day());
  std::int64_t out = 0;
  const std::int64_t in_day = value - day_number * per_day;
  const std::int64_t day = chrono::sys_days{moved}.time_since_epoch().count();
  if (__builtin_mul_overflow(day, per_day, &out) || __builtin_add_overflow(out, in_day, &out))
    return std::nullopt;
  return out;
}

struct Move {
  std::int64_t months = 0;    ///< per step
  std::int64_t multiply = 0;  ///< units of the timestamp per step
};

arrow::Result<Move> MoveOf(const UnitName& unit, std::int64_t per_second) {
  if (unit.unit == CalendarUnit::MONTH) return Move{1, 0};
  if (unit.unit == CalendarUnit::QUARTER) return Move{3, 0};
  if (unit.unit == CalendarUnit::YEAR) return Move{12, 0};
  const std::int64_t nanos_per_unit = kSecond / per_second;
  if (unit.nanos < nanos_per_unit) {
    return arrow::Status::Invalid("a ", unit.name, " is finer than this timestamp; cast it to a finer unit");
  }
  return Move{0, unit.nanos / nanos_per_unit};
}

arrow::Result<Datum> DateAdd(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const UnitName unit, UnitOf(call.arguments[0]));
  const std::int64_t per_second = UnitsPerSecond(TimeType(call.arguments[2]).unit());
  ARROW_ASSIGN_OR_RAISE(const Move move, MoveOf(unit, per_second));
  ARROW_ASSIGN_OR_RAISE(const Datum numbers, AsInt64(call.arguments[2]));
  ARROW_ASSIGN_OR_RAISE(const auto steps, Argument<arrow::Int64Type>::Make(call.arguments[1]));
  ARROW_ASSIGN_OR_RAISE(const auto times, Argument<arrow::Int64Type>::Make(numbers));
  arrow::Int64Builder out;
  ARROW_RETURN_NOT_OK(out.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (steps.IsNull(row) || times.IsNull(row)) {
      out.UnsafeAppendNull();
      continue;
    }
    std::int64_t distance = 0;
    std::optional<std::int64_t> moved;
    if (!__builtin_mul_overflow(steps[row], move.months + move.multiply, &distance)) {
      std::int64_t sum = 0;
      if (move.months != 0) {
        moved = AddMonths(times[row], distance, 86'400 * per_second);
      } else if (!__builtin_add_overflow(times[row], distance, &sum)) {
        moved = sum;
      }
    }
    if (moved.has_value()) {
      out.UnsafeAppend(*moved);
    } else {
      out.UnsafeAppendNull();
      call.Fail(row, "overflow", "overflow");
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return WithType(Datum(array), call.arguments[2].type());
}

/// Whole boundaries of the unit between the two times.
arrow::Result<Datum> DateDiff(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const UnitName unit, UnitOf(call.arguments[0]));
  const arrow::compute::RoundTemporalOptions options(1, unit.unit);
  if (unit.nanos == 0) {
    const std::string function = std::string(unit.name) + "s_between";
    ARROW_ASSIGN_OR_RAISE(const Datum from_days, arrow::compute::Cast(call.arguments[1], arrow::date32()));
    ARROW_ASSIGN_OR_RAISE(const Datum to_days, arrow::compute::Cast(call.arguments[2], arrow::date32()));
    if (unit.unit != CalendarUnit::MONTH) return CallFunction(function, {from_days, to_days});
    // months_between is no Arrow kernel that gives a number.
    ARROW_ASSIGN_OR_RAISE(const Datum years, CallFunction("years_between", {from_days, to_days}));
    ARROW_ASSIGN_OR_RAISE(const Datum from_month, CallFunction("month", {from_days}));
    ARROW_ASSIGN_OR_RAISE(const Datum to_month, CallFunction("month", {to_days}));
    ARROW_ASSIGN_OR_RAISE(const Datum months, CallFunction("subtract", {to_month, from_month}));
    ARROW_ASSIGN_OR_RAISE(const Datum whole, CallFunction("multiply", {years, Datum(std::int64_t{12})}));
    return CallFunction("add", {whole, months});
  }
  return CallFunction(std::string(unit.name) + "s_between", {call.arguments[1], call.arguments[2]});
}

ScalarFunction Part(std::string name, std::string summary, std::string example, std::string kernel) {
  std::string signature = name + "(timestamp or date) -> int64";
  return {std::move(name),
          std::move(signature),
          std::move(summary),
          std::move(example),
          {Param::kTimestamp},
          1,
          false,
          PartKernel(std::move(kernel))};
}

std::vector<ScalarFunction> PartFunctions() {
  return {
      Part("year", "The year.", "year(timestamp '2024-02-29T13:45:10.123Z') = 2024", "year"),
      Part("quarter", "The quarter, 1 to 4.", "quarter(date '2024-05-01') = 2", "quarter"),
      Part("month", "The month, 1 to 12.", "month(date '2024-02-29') = 2", "month"),
      Part("week", "The ISO week of the year, 1 to 53.", "week(date '2024-12-30') = 1", "iso_week"),
      Part("day", "The day of the month, 1 to 31.", "day(date '2024-02-29') = 29", "day"),
      Part("day_of_year", "The day of the year, 1 to 366.", "day_of_year(date '2024-02-01') = 32",
           "day_of_year"),
      Part("hour", "The hour, 0 to 23.", "hour(timestamp '2024-02-29T13:45:10Z') = 13", "hour"),
      Part("minute", "The minute, 0 to 59.", "minute(timestamp '2024-02-29T13:45:10Z') = 45", "minute"),
      Part("second", "The whole second, 0 to 59.", "second(timestamp '2024-02-29T13:45:10.9Z') = 10",
           "second"),
      Part("millisecond", "The milliseconds of the second, 0 to 999.",
           "millisecond(timestamp '2024-02-29T13:45:10.123Z') = 123", "millisecond"),
  };
}

std::vector<ScalarFunction> CalendarFunctions() {
  using P = Param;
  return {
      {"day_of_week",
       "day_of_week(timestamp or date) -> int64",
       "1 for Monday to 7 for Sunday.",
       "day_of_week(date '2024-02-29') = 4",
       {P::kTimestamp},
       1,
       false,
       DayOfWeek},
      {"date",
       "date(timestamp or date) -> date",
       "The day of an instant.",
       "date(timestamp '2024-02-29T13:45:10Z') = date '2024-02-29'",
       {P::kTimestamp},
       1,
       false,
       ToDate},
      {"date_trunc",
       "date_trunc(constant unit, timestamp or date) -> timestamp",
       "The start of the microsecond, millisecond, second, minute, hour, day, week (Monday), month, quarter "
       "or year.",
       "date_trunc('hour', timestamp '2024-02-29T13:45:10Z') = timestamp '2024-02-29T13:00:00Z'",
       {P::kOptionString, P::kTimestamp},
       2,
       false,
       DateTrunc,
       "overflow"},
      {"date_add",
       "date_add(constant unit, int64 n, timestamp or date) -> timestamp",
       "n units later; months, quarters and years keep the day or take the last one of the month.",
       "date_add('month', 1, date '2024-01-31') = date '2024-02-29'",
       {P::kOptionString, P::kInt, P::kTimestamp},
       3,
       false,
       DateAdd,
       "overflow"},
      {"date_diff",
       "date_diff(constant unit, from, to) -> int64",
       "How many starts of a unit lie between two times; negative when `to` is earlier.",
       "date_diff('day', date '2024-02-28', date '2024-03-01') = 2",
       {P::kOptionString, P::kTimestamp, P::kTimestamp},
       3,
       false,
       DateDiff,
       "overflow"},
  };
}

std::vector<ScalarFunction> ConversionFunctions() {
  using P = Param;
  return {
      {"epoch_ms",
       "epoch_ms(timestamp or date) -> int64",
       "Milliseconds since 1970-01-01T00:00:00Z.",
       "epoch_ms(timestamp '1970-01-01T00:00:01.5Z') = 1500",
       {P::kTimestamp},
       1,
       false,
       EpochKernel(1'000),
       "overflow"},
      {"epoch_s",
       "epoch_s(timestamp or date) -> int64",
       "Whole seconds since 1970-01-01T00:00:00Z.",
       "epoch_s(timestamp '1970-01-01T00:00:01.5Z') = 1",
       {P::kTimestamp},
       1,
       false,
       EpochKernel(1)},
      {"to_timestamp",
       "to_timestamp(int64 ms) -> timestamp[ms]",
       "The instant so many milliseconds after the epoch.",
       "to_timestamp(1500) = timestamp '1970-01-01T00:00:01.5Z'",
       {P::kInt},
       1,
       false,
       ToTimestamp},
      {"strftime",
       "strftime(timestamp or date, constant format) -> string",
       "The time as text by the format of C's strftime; %S are whole seconds.",
       "strftime(timestamp '2024-02-29T13:45:10Z', '%d.%m.%Y %H:%M') = '29.02.2024 13:45'",
       {P::kTimestamp, P::kOptionString},
       2,
       false,
       Strftime},
      {"strptime",
       "strptime(string, constant format) -> timestamp[ms]",
       "The time read from text by the format of C's strptime, as UTC.",
       "strptime('29.02.2024', '%d.%m.%Y') = date '2024-02-29'",
       {P::kString, P::kOptionString},
       2,
       false,
       Strptime,
       "cast"},
  };
}

}  // namespace

std::vector<ScalarFunction> DateFunctions() {
  return Concatenated({PartFunctions(), CalendarFunctions(), ConversionFunctions()});
}

}  // namespace millrace::expr_internal
