#include <cstddef>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "expr/function.h"
#include "expr/string_rows.h"

namespace millrace::expr_internal {
namespace {

using arrow::Datum;
using arrow::compute::CallFunction;

/// The texts to search. Arrow compiles a pattern only when there is a row; for none, as when types are
/// checked, one is given so that a bad pattern is found.
Datum Texts(const KernelCall& call) { return call.num_rows == 0 ? Datum("") : call.arguments[0]; }

/// The result of a call on Texts().
arrow::Result<Datum> ForRows(const KernelCall& call, Datum found) {
  if (call.num_rows > 0) return found;
  ARROW_ASSIGN_OR_RAISE(auto empty, arrow::MakeEmptyArray(found.type()));
  return Datum(empty);
}

arrow::Result<Datum> RegexpLike(const KernelCall& call) {
  const arrow::compute::MatchSubstringOptions options(OptionText(call.arguments[1]));
  ARROW_ASSIGN_OR_RAISE(Datum found, CallFunction("match_substring_regex", {Texts(call)}, &options));
  return ForRows(call, std::move(found));
}

arrow::Result<Datum> RegexpReplace(const KernelCall& call) {
  const arrow::compute::ReplaceSubstringOptions options(OptionText(call.arguments[1]),
                                                        OptionText(call.arguments[2]));
  ARROW_ASSIGN_OR_RAISE(Datum replaced, CallFunction("replace_substring_regex", {Texts(call)}, &options));
  return ForRows(call, std::move(replaced));
}

/// The pattern with its unnamed groups named g1, g2, ... as Arrow's extract_regex wants them; the whole is
/// g0. Names that the pattern gives are dropped. `groups` counts them.
std::string NameGroups(std::string_view pattern, int* groups) {
  std::string out = "(?P<g0>";
  bool in_class = false;
  *groups = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      out.append(pattern.substr(i++, 2));
      continue;
    }
    if (c == '[' && !in_class) {
      in_class = true;
      out += c;
      // A bracket right at the start of a class is a member of it.
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') out += pattern[++i];
      continue;
    }
    if (c == ']') in_class = false;
    if (c != '(' || in_class) {
      out += c;
      continue;
    }
    const std::string_view rest = pattern.substr(i + 1);
    const bool named = rest.starts_with("?P<") || rest.starts_with("?<");
    if (rest.starts_with("?") && !named) {
      out += c;
      continue;
    }
    out += "(?P<g" + std::to_string(++*groups) + ">";
    if (named) i += rest.find('>') == std::string_view::npos ? 0 : rest.find('>') + 1;
  }
  return out + ")";
}

arrow::Result<Datum> RegexpExtract(const KernelCall& call) {
  int groups = 0;
  const std::string pattern = NameGroups(OptionText(call.arguments[1]), &groups);
  const std::int64_t wanted = call.arguments.size() > 2 ? OptionInt(call.arguments[2]) : (groups > 0 ? 1 : 0);
  if (wanted < 0 || wanted > groups) {
    return arrow::Status::Invalid("the pattern has ", groups, " groups, there is no group ", wanted);
  }
  const arrow::compute::ExtractRegexOptions options(pattern);
  ARROW_ASSIGN_OR_RAISE(const Datum found, CallFunction("extract_regex", {Texts(call)}, &options));
  const arrow::compute::StructFieldOptions field({static_cast<int>(wanted)});
  ARROW_ASSIGN_OR_RAISE(Datum group, CallFunction("struct_field", {found}, &field));
  return ForRows(call, std::move(group));
}

}  // namespace

std::vector<ScalarFunction> PatternFunctions() {
  using P = Param;
  return {
      {"regexp_like",
       "regexp_like(string, constant pattern) -> bool",
       "Whether the RE2 pattern matches anywhere; also written `text regexp pattern`.",
       "regexp_like('b42', '[0-9]+$')",
       {P::kString, P::kOptionString},
       2,
       false,
       RegexpLike},
      {"regexp_extract",
       "regexp_extract(string, constant pattern [, constant group]) -> string",
       "What the RE2 pattern or its group (0: all; default: 1 if there is one) matches first; null without a "
       "match.",
       "regexp_extract('id=42', 'id=([0-9]+)') = '42'",
       {P::kString, P::kOptionString, P::kOptionInt},
       2,
       false,
       RegexpExtract},
      {"regexp_replace",
       "regexp_replace(string, constant pattern, constant replacement) -> string",
       "Every match of the RE2 pattern replaced; \\1 stands for the first group.",
       "regexp_replace('a1b22', '[0-9]+', '#') = 'a#b#'",
       {P::kString, P::kOptionString, P::kOptionString},
       3,
       false,
       RegexpReplace},
  };
}

}  // namespace millrace::expr_internal
