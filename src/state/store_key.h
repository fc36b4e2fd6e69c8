#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// Layout of the keys on disk and in changelogs.
///
///   row          0x01, table name length (2 bytes big-endian), table name, slice (8 bytes), key
///   reserved     0x00, what, table name length, table name, ...
///   changelog    slice (8 bytes), key
///
/// A slice is big-endian with its sign bit flipped, so that byte order is numeric order.
inline constexpr std::size_t kSliceBytes = 8;

void AppendSlice(std::int64_t slice, std::string* out);
/// Precondition: at least kSliceBytes.
std::int64_t ReadSlice(std::string_view bytes);

/// What all row keys start with.
std::string RowPrefix();
/// The part of a row key that names table and slice; empty when it is none.
std::string_view RowGroup(std::string_view row_key);
/// What all row keys of `table` start with.
std::string RowPrefix(std::string_view table);

/// What a reserved entry holds.
enum class Reserved : char {
  kFormat = 'f',     ///< version of this layout of the disk
  kLayout = 'l',     ///< StateStoreOptions::layout
  kIdentity = 'i',   ///< StateStoreOptions::identity
  kCommitted = 't',  ///< wall clock of the last commit in ms
  kCounted = 'n',    ///< present: the counts are right
  kOffset = 'o',     ///< per table: changelog offset and id
  kCount = 'c',      ///< per table and slice: rows on disk
};
std::string ReservedKey(Reserved what);
std::string ReservedKey(Reserved what, std::string_view table);
std::string ReservedKey(Reserved what, std::string_view table, std::int64_t slice);

/// The smallest string above every string that starts with `prefix`. Precondition: `prefix` has a byte below
/// 0xff.
std::string PrefixEnd(std::string prefix);

void AppendInt64(std::int64_t value, std::string* out);
/// Precondition: at least 8 bytes.
std::int64_t ReadInt64(std::string_view bytes);

}  // namespace millrace
