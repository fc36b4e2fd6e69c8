#include "runtime/logged_reason.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(LoggedReason, HasNoValuesOfRecords) {
  const struct {
    const char* reason;
    const char* logged;
  } cases[] = {
      {"cast(email as int64): cannot read 'jane@example.com' as int64",
       "cast(email as int64): cannot read <text of 16 bytes> as int64"},
      {"cannot read 'o''brien' as int64", "cannot read <text of 8 bytes> as int64"},
      {"currency 'o'brien's' is no ISO 4217 code", "currency <text of 9 bytes> is no ISO 4217 code"},
      {"cannot read 'a value that is cut o...", "cannot read <text of 24 bytes>"},
      {"column 'email': expected int64, found string \"jane@example.com\"",
       "column 'email': expected int64, found string <text of 16 bytes>"},
      {"column 'phone': expected string, found number 4915112345678",
       "column 'phone': expected string, found number <13 digits>"},
      {"column 'n': expected int64, found jane rose", "column 'n': expected int64, found <text of 9 bytes>"},
      {"column 'n': expected int64, found object", "column 'n': expected int64, found object"},
      {"the number 4915112345678.5 is beyond int64", "the number <14 digits> is beyond int64"},
      {"no user jane@example.com here", "no user <text of 16 bytes> here"},
      {"a + b: overflow", "a + b: overflow"},
      {"custom_data.value is missing; a PURCHASE needs it",
       "custom_data.value is missing; a PURCHASE needs it"},
      {"timestamp[ms, rfc3339] and decimal(12, 2)", "timestamp[ms, rfc3339] and decimal(12, 2)"},
      {"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(LoggedReason(c.reason), c.logged);
}

}  // namespace
}  // namespace millrace
