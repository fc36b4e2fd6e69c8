#include "connectors/snapchat/entity_version.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace millrace {
namespace {

std::string VersionOf(const char* text) { return EntityVersion(boost::json::parse(text).get_object()); }

TEST(EntityVersion, IsTheSameForTheSameContentInAnyOrder) {
  const std::string version = VersionOf(R"({"id":"1","n":{"a":1,"b":[1,2]},"updated_at":"x"})");
  EXPECT_EQ(version, VersionOf(R"({"updated_at":"x","n":{"b":[1,2],"a":1},"id":"1"})"));
  EXPECT_EQ(version, "343683e39dcccbbd") << "positions of earlier runs hold it";
}

TEST(EntityVersion, IsAnotherForEveryChange) {
  const char* const others[] = {
      R"({"id":"1","n":{"a":1},"l":[1,2]})",   R"({"id":"1","n":{"a":2},"l":[1,2]})",
      R"({"id":"1","n":{"a":"1"},"l":[1,2]})", R"({"id":"1","n":{"b":1},"l":[1,2]})",
      R"({"id":"1","n":{"a":1},"l":[2,1]})",   R"({"id":"1","n":{"a":1},"l":[12]})",
      R"({"id":"1","n":{"a":1},"l":[[1],2]})", R"({"id":"1","n":{},"a":1,"l":[1,2]})",
      R"({"id":"1","n":{"a":1},"l":null})",    R"({"id":"1","n":{"a":1}})",
  };
  for (const char* left : others) {
    for (const char* right : others) {
      EXPECT_EQ(VersionOf(left) == VersionOf(right), left == right) << left << " " << right;
    }
  }
}

}  // namespace
}  // namespace millrace
