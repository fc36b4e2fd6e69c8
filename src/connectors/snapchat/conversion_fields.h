#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// What the value of a field is made of.
enum class ConversionType {
  kText,         ///< a string; numbers, bools and times become their text
  kTexts,        ///< a list of strings; a single one is taken as a list of one
  kTextOrTexts,  ///< a string, or a list of strings: as it comes
  kHashed,       ///< a list of SHA-256 in hexadecimal, made from one text or several
  kInteger,      ///< int64
  kNumber,       ///< a number, or a string of one
  kFlag,         ///< true or false
  kBit,          ///< 1 or 0
  kTime,         ///< a point in time
  kContents,     ///< a list of objects
  kObject,       ///< an object of strings
};

/// One field of an event of Snap's Conversions API, version 3.
struct ConversionField {
  std::string_view section;  ///< "user_data", "custom_data", "app_data"; "" for the event itself
  std::string_view name;     ///< "em"
  ConversionType type;
  /// The function that normalises it, and hashes it where type is kHashed; "" for none.
  std::string_view normalise = "";
  /// Another name that Snap has for it; "" when it has none.
  std::string_view also = "";

  /// "user_data.em", "event_name".
  std::string path() const;
};

/// All fields, in the order in which they are written; those of a section stand together.
std::span<const ConversionField> ConversionFields();

/// By path, or by name alone, with either of its names; a name of several sections is that of the first. Null
/// when there is none.
const ConversionField* FindConversionField(std::string_view path_or_name);

/// Paths of all fields and then their names alone, for "did you mean".
const std::vector<std::string>& ConversionFieldNames();

}  // namespace millrace
