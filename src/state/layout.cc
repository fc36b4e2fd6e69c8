#include "state/layout.h"

namespace millrace {
namespace {

std::string ResetOf(const std::string& table) { return ": millrace reset FILE --step " + table + " --yes"; }

}  // namespace

std::map<std::string, std::string> ParseLayout(std::string_view text) {
  std::map<std::string, std::string> rows_by_table;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    const std::string_view rows =
        equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
    rows_by_table.emplace(line.substr(0, equals), rows);
  }
  return rows_by_table;
}

Status CheckLayout(std::string_view stored, std::string_view wanted) {
  if (stored == wanted) return Status::Ok();
  const std::map<std::string, std::string> now = ParseLayout(wanted);
  for (const auto& [table, rows] : ParseLayout(stored)) {
    const auto found = now.find(table);
    if (found == now.end()) {
      return Status::InvalidArgument(
          "step '" + table +
          "' has state but is not in the pipeline any more; give the step its name back, " +
          "or drop its state with" + ResetOf(table));
    }
    if (found->second != rows) {
      return Status::InvalidArgument("the state of step '" + table + "' was written as " + rows +
                                     " and would now be " + found->second +
                                     "; undo the change, or start the step empty with" + ResetOf(table));
    }
  }
  return Status::Ok();
}

}  // namespace millrace
