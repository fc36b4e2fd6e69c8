#include "state/store_key.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace millrace {
namespace {

constexpr std::uint64_t kSignBit = 1ULL << 63;
constexpr std::size_t kMaxTableName = 65'535;

static_assert(std::endian::native == std::endian::little, "row layouts on disk are little-endian");

void AppendTable(std::string_view table, std::string* out) {
  MR_CHECK(table.size() <= kMaxTableName) << "table name of " << table.size() << " bytes";
  out->push_back(static_cast<char>(table.size() >> 8));
  out->push_back(static_cast<char>(table.size() & 0xff));
  out->append(table);
}

}  // namespace

void AppendInt64(std::int64_t value, std::string* out) {
  char bytes[8];
  std::memcpy(bytes, &value, sizeof(value));
  out->append(bytes, sizeof(bytes));
}

std::int64_t ReadInt64(std::string_view bytes) {
  MR_CHECK(bytes.size() >= 8) << "8 bytes expected, found " << bytes.size();
  std::int64_t value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

void AppendSlice(std::int64_t slice, std::string* out) {
  const std::uint64_t big_endian = __builtin_bswap64(static_cast<std::uint64_t>(slice) ^ kSignBit);
  AppendInt64(static_cast<std::int64_t>(big_endian), out);
}

std::int64_t ReadSlice(std::string_view bytes) {
  return static_cast<std::int64_t>(__builtin_bswap64(static_cast<std::uint64_t>(ReadInt64(bytes))) ^
                                   kSignBit);
}

std::string RowPrefix() { return {'\x01'}; }

std::string_view RowGroup(std::string_view row_key) {
  constexpr std::size_t kHeadBytes = 3;
  if (row_key.size() < kHeadBytes) return {};
  const auto byte = [&row_key](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(row_key[i]));
  };
  const std::size_t end = kHeadBytes + (byte(1) << 8) + byte(2) + kSliceBytes;
  if (row_key.size() < end) return {};
  return row_key.substr(1, end - 1);
}

std::string RowPrefix(std::string_view table) {
  std::string prefix = RowPrefix();
  AppendTable(table, &prefix);
  return prefix;
}

std::string ReservedKey(Reserved what) { return {'\0', static_cast<char>(what)}; }

std::string ReservedKey(Reserved what, std::string_view table) {
  std::string key = ReservedKey(what);
  AppendTable(table, &key);
  return key;
}

std::string ReservedKey(Reserved what, std::string_view table, std::int64_t slice) {
  std::string key = ReservedKey(what, table);
  AppendSlice(slice, &key);
  return key;
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  MR_CHECK(!prefix.empty());
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace millrace
