#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "expr/expr.h"

namespace millrace {

/// What a user says of fields, by path or by name alone.
struct ConversionMap {
  std::vector<std::pair<std::string, Expr>> values;
  std::vector<std::string> left_out;  ///< not sent, whatever columns there are
};

/// A column to be computed for the events.
struct MappedField {
  std::string path;  ///< ConversionField::path
  Expr value;
};

/// What is wrong with one field: a user error that names it.
struct FieldMistake {
  std::string path;  ///< ConversionField::path
  Status error;
};

/// Where the fields of events come from: what the map says; else a column that is called like the path or is
/// a struct like the section with the field in it; else a column that is called like the name alone. A name
/// of two sections (country) means the first; one that Snap has another name for goes by both. Personal data
/// is normalised and hashed on the way; texts of 64 hexadecimal digits pass through. In the order of
/// ConversionFields.
///
/// Errors: user error for a field that does not exist or is mapped twice, an expression that cannot be
/// bound, and a value whose type the field cannot take; names the field.
Result<std::vector<MappedField>> MapConversionFields(const ConversionMap& map,
                                                     const std::shared_ptr<arrow::Schema>& input);

/// All fields of which MapConversionFields would say that their value cannot be bound or has a type that they
/// cannot take; none when the map speaks of fields that do not exist.
std::vector<FieldMistake> FindFieldMistakes(const ConversionMap& map,
                                            const std::shared_ptr<arrow::Schema>& input);

/// What `fields` lack so that Snap could take any event with them: somebody it can be attributed to; extinfo
/// where all events are of apps. `action_source`: of events that do not say theirs. "" when nothing.
std::string MissingForAll(std::span<const MappedField> fields, std::string_view action_source);

}  // namespace millrace
