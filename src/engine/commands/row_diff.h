#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// A row as it is compared and as it is shown.
struct DiffRow {
  std::string compared;
  std::string shown;
};

/// The rows of `expected` and `got` as one list in which "- " marks what is only expected, "+ " what only
/// came and two blanks what both have, each line after `indent`; of long equal runs only the ends are shown.
/// "" when the lists are equal. `colour`: with the escape sequences of terminals.
std::string DiffOfRows(const std::vector<DiffRow>& expected, const std::vector<DiffRow>& got,
                       std::string_view indent, bool colour);

}  // namespace millrace
