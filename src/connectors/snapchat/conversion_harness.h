#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/batch.h"
#include "connectors/snapchat/conversion_check.h"
#include "connectors/snapchat/conversion_mapping.h"

namespace millrace {

/// The wall clock of the tests, and the event time of all rows: 2026-01-01T12:00:00Z.
inline constexpr std::int64_t kNowMs = 1'767'268'800'000;

struct ConversionCase {
  /// "em: string; value: double".
  std::string columns;
  /// Field and expression; "": the field is not sent.
  std::vector<std::pair<std::string, std::string>> map;
  /// One JSON object per row.
  std::vector<std::string> rows;
  ConversionRules rules{};
  /// asset_id, an expression; "": there is no such column.
  std::string asset{};
};

/// Rows of JSON with `columns` ("em: string; value: double"): the records of "t", partition 3, from offset 70
/// on.
Batch DecodedRows(const std::string& columns, const std::vector<std::string>& rows);

/// The fields of its rows, as a sink gets them. Precondition: nothing is wrong with the mapping.
Batch BatchOf(const ConversionCase& given);

/// Row by row: the JSON that is sent, "error: <message>" or "late by <ms>"; or one line for what is wrong
/// with the mapping.
std::vector<std::string> EventsOf(const ConversionCase& given);

}  // namespace millrace
