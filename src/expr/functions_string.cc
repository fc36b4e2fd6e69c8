#include <algorithm>
#include <cstddef>
#include <optional>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "expr/function.h"
#include "expr/string_rows.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;
using arrow::StringType;
using arrow::compute::CallFunction;

/// trim, ltrim, rtrim: white space, or the characters of a constant second argument.
Kernel TrimKernel(std::string function) {
  return [function = std::move(function)](const KernelCall& call) -> arrow::Result<Datum> {
    if (call.arguments.size() == 1) return CallFunction(function + "_whitespace", {call.arguments[0]});
    const arrow::compute::TrimOptions options(OptionText(call.arguments[1]));
    return CallFunction(function, {call.arguments[0]}, &options);
  };
}

arrow::Result<Datum> Length(const KernelCall& call) {
  const bool list = call.arguments[0].type()->id() == arrow::Type::LIST;
  ARROW_ASSIGN_OR_RAISE(const Datum length,
                        CallFunction(list ? "list_value_length" : "utf8_length", {call.arguments[0]}));
  return arrow::compute::Cast(length, arrow::int64());
}

/// Characters [start, start + length) with SQL's 1-based start; what lies before the text counts as length.
std::string_view Substring(std::string_view text, std::int64_t start, std::optional<std::int64_t> length) {
  std::int64_t last = 0;  // 1-based, exclusive
  if (!length.has_value()) {
    last = std::numeric_limits<std::int64_t>::max();
  } else if (__builtin_add_overflow(start, std::max<std::int64_t>(*length, 0), &last)) {
    last = start > 0 ? std::numeric_limits<std::int64_t>::max() : 0;
  }
  const std::int64_t first = std::max<std::int64_t>(start, 1);
  return last <= first ? std::string_view() : Characters(text, first - 1, last - first);
}

arrow::Result<Datum> SubstringKernel(const KernelCall& call) {
  if (call.arguments.size() == 2) {
    return MapToString<StringType, arrow::Int64Type>(
        call, [](std::int64_t, auto* out, std::string_view text, std::int64_t start) {
          return out->Append(Substring(text, start, std::nullopt));
        });
  }
  return MapToString<StringType, arrow::Int64Type, arrow::Int64Type>(
      call, [](std::int64_t, auto* out, std::string_view text, std::int64_t start, std::int64_t length) {
        return out->Append(Substring(text, start, length));
      });
}

arrow::Result<Datum> Left(const KernelCall& call) {
  return MapToString<StringType, arrow::Int64Type>(call, [](std::int64_t, auto* out, std::string_view text,
                                                            std::int64_t count) {
    const std::int64_t wanted = count >= 0 ? count : std::max<std::int64_t>(CountCharacters(text) + count, 0);
    return out->Append(Characters(text, 0, wanted));
  });
}

arrow::Result<Datum> Right(const KernelCall& call) {
  return MapToString<StringType, arrow::Int64Type>(
      call, [](std::int64_t, auto* out, std::string_view text, std::int64_t count) {
        const std::int64_t total = CountCharacters(text);
        // Beyond the ends: the whole text or nothing.
        const std::int64_t skipped = count >= 0 ? total - std::min(count, total) : -std::max(count, -total);
        return out->Append(Characters(text, skipped, total));
      });
}

arrow::Result<Datum> Pad(const KernelCall& call, bool at_left) {
  const auto pad = [&](std::int64_t row, auto* out, std::string_view text, std::int64_t width,
                       std::string_view fill) -> arrow::Status {
    if (width > kMaxTextBytesPerRow) {
      call.Fail(row, "overflow", "a width of " + std::to_string(width) + " is beyond the limit of 1 MiB");
      return out->AppendNull();
    }
    const std::int64_t length = CountCharacters(text);
    if (length >= width || fill.empty())
      return out->Append(Characters(text, 0, std::max<std::int64_t>(width, 0)));
    std::string padding;
    const std::int64_t fill_length = CountCharacters(fill);
    std::int64_t missing = width - length;
    for (; missing >= fill_length; missing -= fill_length) padding += fill;
    padding += Characters(fill, 0, missing);
    return out->Append(at_left ? padding + std::string(text) : std::string(text) + padding);
  };
  if (call.arguments.size() == 3) return MapToString<StringType, arrow::Int64Type, StringType>(call, pad);
  return MapToString<StringType, arrow::Int64Type>(
      call, [&](std::int64_t row, auto* out, std::string_view text, std::int64_t width) {
        return pad(row, out, text, width, " ");
      });
}

arrow::Result<Datum> Replace(const KernelCall& call) {
  return MapToString<StringType, StringType, StringType>(
      call, [](std::int64_t, auto* out, std::string_view text, std::string_view from, std::string_view to) {
        if (from.empty()) return out->Append(text);
        std::string replaced;
        std::size_t begin = 0;
        for (std::size_t found = text.find(from); found != std::string_view::npos;
             found = text.find(from, begin)) {
          replaced.append(text.substr(begin, found - begin)).append(to);
          begin = found + from.size();
        }
        return out->Append(replaced.append(text.substr(begin)));
      });
}

arrow::Result<Datum> Repeat(const KernelCall& call) {
  return MapToString<StringType, arrow::Int64Type>(
      call, [&](std::int64_t row, auto* out, std::string_view text, std::int64_t count) -> arrow::Status {
        const auto size = static_cast<std::int64_t>(text.size());
        if (count > 0 && size > 0 && count > kMaxTextBytesPerRow / size) {
          call.Fail(row, "overflow", "the result is beyond the limit of 1 MiB");
          return out->AppendNull();
        }
        std::string repeated;
        for (std::int64_t i = 0; size > 0 && i < count; ++i) repeated += text;
        return out->Append(repeated);
      });
}

arrow::Result<Datum> SplitPart(const KernelCall& call) {
  return MapToString<StringType, StringType, arrow::Int64Type>(
      call,
      [](std::int64_t, auto* out, std::string_view text, std::string_view separator, std::int64_t wanted) {
        std::int64_t part = 1;
        while (!separator.empty() && part < wanted) {
          const std::size_t found = text.find(separator);
          if (found == std::string_view::npos) break;
          text.remove_prefix(found + separator.size());
          ++part;
        }
        if (part != wanted) return out->Append(std::string_view());
        return out->Append(separator.empty() ? text : text.substr(0, text.find(separator)));
      });
}

/// The parts of the text; the whole text when the separator is empty.
arrow::Status AppendParts(std::string_view text, std::string_view separator, arrow::StringBuilder* parts) {
  for (std::size_t found = separator.empty() ? std::string_view::npos : text.find(separator);
       found != std::string_view::npos; found = text.find(separator)) {
    if (arrow::Status status = parts->Append(text.substr(0, found)); !status.ok()) return status;
    text.remove_prefix(found + separator.size());
  }
  return parts->Append(text);
}

arrow::Result<Datum> Split(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto texts, Argument<StringType>::Make(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const auto separators, Argument<StringType>::Make(call.arguments[1]));
  const auto parts = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), parts);
  ARROW_RETURN_NOT_OK(lists.Reserve(call.num_rows));
  ARROW_RETURN_NOT_OK(parts->Reserve(call.num_rows));
  ARROW_RETURN_NOT_OK(ForEachRow(call, [&](std::int64_t row) {
    const bool null = texts.IsNull(row) || separators.IsNull(row);
    arrow::Status status = lists.Append(!null);
    if (status.ok() && !null) status = AppendParts(texts[row], separators[row], parts.get());
    return status;
  }));
  ARROW_ASSIGN_OR_RAISE(auto out, lists.Finish());
  return Datum(out);
}

arrow::Result<Datum> StartsWith(const KernelCall& call) {
  return MapStringsToBool(
      call, [](std::string_view text, std::string_view part) { return text.starts_with(part); });
}

arrow::Result<Datum> EndsWith(const KernelCall& call) {
  return MapStringsToBool(call,
                          [](std::string_view text, std::string_view part) { return text.ends_with(part); });
}

arrow::Result<Datum> Position(const KernelCall& call) {
  ARROW_ASSIGN_OR_RAISE(const auto texts, Argument<StringType>::Make(call.arguments[0]));
  ARROW_ASSIGN_OR_RAISE(const auto parts, Argument<StringType>::Make(call.arguments[1]));
  arrow::Int64Builder out;
  ARROW_RETURN_NOT_OK(out.Reserve(call.num_rows));
  for (std::int64_t row = 0; row < call.num_rows; ++row) {
    if (texts.IsNull(row) || parts.IsNull(row)) {
      out.UnsafeAppendNull();
      continue;
    }
    const std::size_t found = texts[row].find(parts[row]);
    out.UnsafeAppend(found == std::string_view::npos ? 0 : CountCharacters(texts[row].substr(0, found)) + 1);
  }
  ARROW_ASSIGN_OR_RAISE(auto array, out.Finish());
  return Datum(array);
}

std::vector<ScalarFunction> CaseAndTrimFunctions() {
  using P = Param;
  return {
      {"upper",
       "upper(string) -> string",
       "All letters in upper case.",
       "upper('aé') = 'AÉ'",
       {P::kString},
       1,
       false,
       ArrowKernel("utf8_upper")},
      {"lower",
       "lower(string) -> string",
       "All letters in lower case.",
       "lower('AÉ') = 'aé'",
       {P::kString},
       1,
       false,
       ArrowKernel("utf8_lower")},
      {"title",
       "title(string) -> string",
       "The first letter of each word in upper case, the others in lower case.",
       "title('big apple') = 'Big Apple'",
       {P::kString},
       1,
       false,
       ArrowKernel("utf8_title")},
      {"trim",
       "trim(string [, constant characters]) -> string",
       "Without white space, or those characters, at both ends.",
       "trim('  a ') = 'a'",
       {P::kString, P::kOptionString},
       1,
       false,
       TrimKernel("utf8_trim")},
      {"ltrim",
       "ltrim(string [, constant characters]) -> string",
       "Without white space, or those characters, at the left end.",
       "ltrim('xxa', 'x') = 'a'",
       {P::kString, P::kOptionString},
       1,
       false,
       TrimKernel("utf8_ltrim")},
      {"rtrim",
       "rtrim(string [, constant characters]) -> string",
       "Without white space, or those characters, at the right end.",
       "rtrim('a  ') = 'a'",
       {P::kString, P::kOptionString},
       1,
       false,
       TrimKernel("utf8_rtrim")},
  };
}

std::vector<ScalarFunction> LengthFunctions() {
  using P = Param;
  return {
      {"length",
       "length(string or list) -> int64",
       "Number of characters, or of list elements.",
       "length('añb') = 3",
       {P::kStringOrList},
       1,
       false,
       Length},
      {"substring",
       "substring(string, int64 start [, int64 length]) -> string",
       "The characters from `start` on, counted from 1.",
       "substring('stream', 2, 3) = 'tre'",
       {P::kString, P::kInt, P::kInt},
       2,
       false,
       SubstringKernel},
      {"left",
       "left(string, int64 n) -> string",
       "The first n characters; for n < 0 all but the last -n.",
       "left('stream', 2) = 'st'",
       {P::kString, P::kInt},
       2,
       false,
       Left},
      {"right",
       "right(string, int64 n) -> string",
       "The last n characters; for n < 0 all but the first -n.",
       "right('stream', 2) = 'am'",
       {P::kString, P::kInt},
       2,
       false,
       Right},
      {"lpad",
       "lpad(string, int64 width [, string fill]) -> string",
       "Filled at the left, or cut at the right, to `width` characters.",
       "lpad('7', 3, '0') = '007'",
       {P::kString, P::kInt, P::kString},
       2,
       false,
       [](const KernelCall& call) { return Pad(call, true); },
       "overflow"},
      {"rpad",
       "rpad(string, int64 width [, string fill]) -> string",
       "Filled or cut at the right to `width` characters.",
       "rpad('7', 3) = '7  '",
       {P::kString, P::kInt, P::kString},
       2,
       false,
       [](const KernelCall& call) { return Pad(call, false); },
       "overflow"},
  };
}

std::vector<ScalarFunction> RewritingFunctions() {
  using P = Param;
  return {
      {"replace",
       "replace(string, string from, string to) -> string",
       "Every `from` replaced by `to`.",
       "replace('a-b-c', '-', '+') = 'a+b+c'",
       {P::kString, P::kString, P::kString},
       3,
       false,
       Replace},
      {"reverse",
       "reverse(string) -> string",
       "The characters in reverse order.",
       "reverse('abc') = 'cba'",
       {P::kString},
       1,
       false,
       ArrowKernel("utf8_reverse")},
      {"repeat",
       "repeat(string, int64 n) -> string",
       "The text n times.",
       "repeat('ab', 3) = 'ababab'",
       {P::kString, P::kInt},
       2,
       false,
       Repeat,
       "overflow"},
      {"concat",
       "concat(value, ...) -> string",
       "All values joined as text, nulls left out; `a || b` gives null when one is null.",
       "concat('a', null, 1) = 'a1'",
       {P::kAny},
       1,
       true,
       nullptr},
      {"split",
       "split(string, string separator) -> list<string>",
       "The parts between the separators.",
       "split('a,b,c', ',')[1] = 'b'",
       {P::kString, P::kString},
       2,
       false,
       Split},
      {"split_part",
       "split_part(string, string separator, int64 n) -> string",
       "The n-th part between the separators, counted from 1; '' when there is none.",
       "split_part('a,b,c', ',', 2) = 'b'",
       {P::kString, P::kString, P::kInt},
       3,
       false,
       SplitPart},
  };
}

std::vector<ScalarFunction> SearchFunctions() {
  using P = Param;
  return {
      {"starts_with",
       "starts_with(string, string) -> bool",
       "Whether the text begins with the other.",
       "starts_with('stream', 'str')",
       {P::kString, P::kString},
       2,
       false,
       StartsWith},
      {"ends_with",
       "ends_with(string, string) -> bool",
       "Whether the text ends with the other.",
       "ends_with('stream', 'eam')",
       {P::kString, P::kString},
       2,
       false,
       EndsWith},
      {"position",
       "position(string, string part) -> int64",
       "Where `part` is found first, counted in characters from 1; 0 when it is not.",
       "position('stream', 'r') = 3",
       {P::kString, P::kString},
       2,
       false,
       Position},
  };
}

}  // namespace

std::vector<ScalarFunction> StringFunctions() {
  return Concatenated({CaseAndTrimFunctions(), LengthFunctions(), RewritingFunctions(), SearchFunctions()});
}

}  // namespace millrace::expr_internal
