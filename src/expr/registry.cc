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
  groups.push_back({"list", ListFunctions()});
  groups.push_back({"math", MathFunctions()});
  std::vector<ScalarFunction> texts = StringFunctions();
  for (ScalarFunction& function : PatternFunctions()) texts.push_back(std::move(function));
  groups.push_back({"string", std::move(texts)});
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
      {"count", "count() or count(value) -> int64",
       "The number of rows, or of rows where the value is not null.", "aggregate", "count(price)"},
      {"first", "first(value) -> value", "The value of the earliest row, by event time, that is not null.",
       "aggregate", "first(price)"},
      {"last", "last(value) -> value", "The value of the latest row, by event time, that is not null.",
       "aggregate", "last(price)"},
      {"max", "max(value) -> value", "The greatest value that is not null.", "aggregate", "max(price)"},
      {"mean", "mean(number) -> float64", "The mean of the values that are not null.", "aggregate",
       "mean(price * 2)"},
      {"min", "min(value) -> value", "The least value that is not null.", "aggregate", "min(price)"},
      {"sum", "sum(number) -> number",
       "The sum of the values that are not null; integers stay integers and fail on overflow.", "aggregate",
       "sum(price * quantity)"},
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
