#include <algorithm>
#include <array>
#include <utility>

#include "expr/expr.h"
#include "expr/function.h"

namespace millrace::expr_internal {
namespace {

struct Alias {
  std::string_view name;
  std::string_view canonical;
};

constexpr std::array<Alias, 9> kAliases = {{{"len", "length"},
                                            {"char_length", "length"},
                                            {"substr", "substring"},
                                            {"strpos", "position"},
                                            {"initcap", "title"},
                                            {"pow", "power"},
                                            {"ceiling", "ceil"},
                                            {"ifnull", "coalesce"},
                                            {"avg", "mean"}}};

std::string_view Canonical(std::string_view name) {
  const auto* const found =
      std::find_if(kAliases.begin(), kAliases.end(), [&](const Alias& a) { return a.name == name; });
  return found == kAliases.end() ? name : found->canonical;
}

struct Group {
  std::string name;
  std::vector<ScalarFunction> functions;
};

std::vector<Group> MakeGroups() {
  std::vector<Group> groups;
  groups.push_back({"conditional", ConditionalFunctions()});
  groups.push_back({"date", DateFunctions()});
  groups.push_back({"hash", HashFunctions()});
  groups.push_back({"list", ListFunctions()});
  groups.push_back({"math", MathFunctions()});
  groups.push_back({"string", Concatenated({StringFunctions(), PatternFunctions()})});
  for (Group& group : groups) {
    std::sort(group.functions.begin(), group.functions.end(),
              [](const ScalarFunction& a, const ScalarFunction& b) { return a.name < b.name; });
  }
  return groups;
}

const std::vector<Group>& Groups() {
  static const std::vector<Group> kGroups = MakeGroups();
  return kGroups;
}

std::vector<FunctionInfo> Aggregates() {
  return {
      {"approx_count_distinct", "approx_count_distinct(value) -> int64",
       "The number of different values that are not null: exact up to 1024, then within about 2 % in 4 KiB.",
       "aggregate", "approx_count_distinct(user)"},
      {"argmax", "argmax(value, compared) -> value",
       "The value of the row in which the second argument is greatest; of equal ones the earliest row.",
       "aggregate", "argmax(bidder, price)"},
      {"argmin", "argmin(value, compared) -> value",
       "The value of the row in which the second argument is least; of equal ones the earliest row.",
       "aggregate", "argmin(bidder, price)"},
      {"collect", "collect(value) or collect(value, limit) -> list",
       "The values that are not null, by event time: the first `limit` of them, else all, and more than "
       "10000 are "
       "an error of the result.",
       "aggregate", "collect(price, 100)"},
      {"count", "count() or count(value) -> int64",
       "The number of rows, or of rows where the value is not null.", "aggregate", "count(price)"},
      {"count_distinct", "count_distinct(value) -> int64",
       "The number of different values that are not null; more than 65536 are an error of the result.",
       "aggregate", "count_distinct(user)"},
      {"earliest", "earliest(value) -> value", "The same as first.", "aggregate", "earliest(price)"},
      {"first", "first(value) -> value", "The value of the earliest row, by event time, that is not null.",
       "aggregate", "first(price)"},
      {"last", "last(value) -> value", "The value of the latest row, by event time, that is not null.",
       "aggregate", "last(price)"},
      {"latest", "latest(value) -> value", "The same as last.", "aggregate", "latest(price)"},
      {"max", "max(value) -> value", "The greatest value that is not null.", "aggregate", "max(price)"},
      {"mean", "mean(number) -> float64", "The mean of the values that are not null, of decimals too.",
       "aggregate", "mean(price * 2)"},
      {"median", "median(number) -> float64", "The same as quantile(number, 0.5).", "aggregate",
       "median(price)"},
      {"min", "min(value) -> value", "The least value that is not null.", "aggregate", "min(price)"},
      {"quantile", "quantile(number, q) -> float64",
       "The value below which the part q of the values lies; exact for a few hundred values, then from a "
       "t-digest.",
       "aggregate", "quantile(price, 0.99)"},
      {"stddev", "stddev(number) -> float64",
       "The standard deviation of a sample; null for fewer than two values.", "aggregate", "stddev(price)"},
      {"sum", "sum(number) -> number",
       "The sum of the values that are not null; integers stay integers and fail on overflow, decimals keep "
       "their scale and fail beyond 38 digits.",
       "aggregate", "sum(price * quantity)"},
      {"top_k", "top_k(value, k) -> list", "The k greatest values, greatest first.", "aggregate",
       "top_k(price, 3)"},
      {"variance", "variance(number) -> float64", "The variance of a sample; null for fewer than two values.",
       "aggregate", "variance(price)"},
  };
}

/// The summary with the other names of the function.
std::string WithAliases(const std::string& name, std::string summary) {
  std::string others;
  for (const Alias& alias : kAliases) {
    if (alias.canonical == name) others += (others.empty() ? "" : ", ") + std::string(alias.name);
  }
  if (!others.empty()) summary += " Also: " + others + ".";
  return summary;
}

std::vector<FunctionInfo> MakeInfos() {
  std::vector<FunctionInfo> infos = Aggregates();
  for (const Group& group : Groups()) {
    for (const ScalarFunction& function : group.functions) {
      infos.push_back({function.name, function.signature, function.summary, group.name, function.example});
    }
  }
  for (FunctionInfo& info : infos) info.summary = WithAliases(info.name, std::move(info.summary));
  return infos;
}

std::vector<std::string> NamesOf(bool aggregates) {
  std::vector<std::string> names;
  for (const FunctionInfo& info : AllFunctions()) {
    if ((info.group == "aggregate") == aggregates) names.push_back(info.name);
  }
  return names;
}

}  // namespace

const ScalarFunction* FindFunction(std::string_view name) {
  const std::string_view canonical = Canonical(name);
  for (const Group& group : Groups()) {
    for (const ScalarFunction& function : group.functions) {
      if (function.name == canonical) return &function;
    }
  }
  return nullptr;
}

const std::vector<std::string>& ScalarFunctionNames() {
  static const std::vector<std::string> kNames = NamesOf(false);
  return kNames;
}

std::vector<ScalarFunction> Concatenated(std::initializer_list<std::vector<ScalarFunction>> groups) {
  std::vector<ScalarFunction> all;
  for (const std::vector<ScalarFunction>& group : groups) all.insert(all.end(), group.begin(), group.end());
  return all;
}

const std::vector<std::string>& AggregateFunctionNames() {
  static const std::vector<std::string> kNames = NamesOf(true);
  return kNames;
}

std::string CanonicalAggregate(std::string_view name) { return std::string(Canonical(name)); }

}  // namespace millrace::expr_internal

namespace millrace {

const std::vector<FunctionInfo>& AllFunctions() {
  static const std::vector<FunctionInfo> kInfos = expr_internal::MakeInfos();
  return kInfos;
}

}  // namespace millrace
