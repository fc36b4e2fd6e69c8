#include "connect/murmur2.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace {
namespace {

// The vectors of Kafka's own UtilsTest.testMurmur2.
TEST(Murmur2, EqualsTheJavaClient) {
  struct Case {
    std::string bytes;
    std::int32_t hash;
  };
  const std::vector<Case> cases = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const Case& c : cases) EXPECT_EQ(static_cast<std::int32_t>(Murmur2(c.bytes)), c.hash) << c.bytes;
}

TEST(Murmur2, PartitionIsNeverNegative) {
  for (const std::string key : {"21", "foobar", "", "a", "ab", "abc", "\xff\xfe\xfd"}) {
    for (const std::int32_t partitions : {1, 2, 6, 7}) {
      const Partition p = PartitionOfKey(key, partitions);
      EXPECT_GE(p.value(), 0);
      EXPECT_LT(p.value(), partitions);
    }
  }
}

}  // namespace
}  // namespace millrace
