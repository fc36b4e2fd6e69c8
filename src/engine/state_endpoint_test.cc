// GET /state on pipelines that run on a log in memory.
#include "engine/state_endpoint.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <arrow/compute/initialize.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columnar/key_encoding.h"

namespace millrace {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTumbling = "tumbling 10s offset 0ms by user:string region:int64 aggregate n = count()";
const StateStep kStep{kTumbling, 3};

std::string KeyBytes(const std::string& user, std::int64_t region) {
  const auto text = *arrow::MakeArrayFromScalar(arrow::StringScalar(user), 1);
  const auto number = *arrow::MakeArrayFromScalar(arrow::Int64Scalar(region), 1);
  const std::vector<std::shared_ptr<arrow::Array>> columns{text, number};
  KeyBuffer bytes;
  EXPECT_TRUE(EncodeKeys(columns, &bytes).ok());
  return std::string(bytes[0]);
}

class StateRequestTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(arrow::compute::Initialize().ok()); }

  static RowQuery Asked(const std::string& query) {
    const auto read = StateRequest::Read("clicks", kStep, query);
    EXPECT_TRUE(read.ok()) << read.status().message();
    return read.ok() ? read->query().rows : RowQuery();
  }
  static std::string Refused(const std::string& query) {
    const auto read = StateRequest::Read("clicks", kStep, query);
    EXPECT_FALSE(read.ok()) << query;
    return read.status().message();
  }
};

TEST_F(StateRequestTest, AWholeKeyIsLookedUp) {
  const RowQuery asked = Asked("key=a%20b&key=-7&window=20000&limit=5");
  EXPECT_TRUE(asked.whole_key);
  EXPECT_EQ(asked.key, KeyBytes("a b", -7));
  EXPECT_EQ(asked.slice, 20'000);
  EXPECT_EQ(asked.limit, 5);
}

TEST_F(StateRequestTest, FewerKeysAndAPrefixNameAllRowsThatBeginSo) {
  const struct {
    const char* query;
    bool anna, annabel, bob;
  } cases[] = {{"", true, true, true},
               {"key=anna", true, false, false},
               {"prefix=anna", true, true, false},
               {"prefix=ann%61b", false, true, false},
               {"prefix=", true, true, true}};
  for (const auto& tried : cases) {
    SCOPED_TRACE(tried.query);
    const RowQuery asked = Asked(tried.query);
    EXPECT_FALSE(asked.whole_key);
    EXPECT_EQ(asked.Matches(KeyBytes("anna", 1)), tried.anna);
    EXPECT_EQ(asked.Matches(KeyBytes("annabel", 1)), tried.annabel);
    EXPECT_EQ(asked.Matches(KeyBytes("bob", 1)), tried.bob);
  }
}

TEST_F(StateRequestTest, WhatCannotBeReadIsNamed) {
  EXPECT_THAT(Refused("key=a&key=b"), AllOf(HasSubstr("'b'"), HasSubstr("'region'"), HasSubstr("int64")));
  EXPECT_THAT(Refused("key=a&key=1&key=2"), HasSubstr("a key too many"));
  EXPECT_THAT(Refused("key=a&prefix=1"), HasSubstr("'region' is int64"));
  EXPECT_THAT(Refused("key=a&key=1&prefix=1"), HasSubstr("leave prefix out"));
  EXPECT_THAT(Refused("window=soon"), HasSubstr("window is 'soon'"));
  EXPECT_THAT(Refused("limit=0"), HasSubstr("limit must be"));
  for (const char* query : {"key=%zz", "key=a%4", "key=%", "key=%4g&limit=1", "k%zz=a"})
    EXPECT_THAT(Refused(query), HasSubstr("% takes two hexadecimal digits"));
  EXPECT_THAT(Refused("key=a%zz"), HasSubstr("'%zz'"));
  EXPECT_THAT(Refused("format=xml"), HasSubstr("json or arrow"));
  EXPECT_THAT(Refused("kee=a"), AllOf(HasSubstr("'kee'"), HasSubstr("there is key")));
  const auto other =
      StateRequest::Read("s", {"session 5s by user:string aggregate n = count()", 1}, "window=1");
  EXPECT_THAT(other.status().message(), HasSubstr("tumbling"));
}

TEST_F(StateRequestTest, TheAnswerSaysWhatIsElsewhereAndWhetherThereIsMore) {
  const auto read = StateRequest::Read("clicks", kStep, "limit=1");
  ASSERT_TRUE(read.ok());
  StateAnswer answer;
  answer.partitions = {Partition(2), Partition(0)};
  std::string counted(8, '\0');
  counted[0] = 5;
  answer.rows = {{Partition(2), 10'000, KeyBytes("anna", 1), counted},
                 {Partition(0), 10'000, KeyBytes("bob", 1), counted}};
  EXPECT_THAT(read->Elsewhere(answer), testing::ElementsAre(Partition(1)));
  const HttpResponse response = read->Respond(answer, {{Partition(1), "other:8080"}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body,
            "{\"step\":\"clicks\",\"partitions\":[0,2],\"elsewhere\":[{\"partition\":1,"
            "\"address\":\"other:8080\"}],\"more\":true,\"rows\":[\n"
            "{\"partition\":2,\"window_start\":10000,\"window_end\":20000,\"key\":{\"user\":\"anna\","
            "\"region\":1},\"values\":{\"n\":5}}]}\n");
}

TEST_F(StateRequestTest, ArrowIsAStreamOfTheSameColumns) {
  const auto read = StateRequest::Read("clicks", kStep, "format=arrow");
  ASSERT_TRUE(read.ok());
  StateAnswer answer;
  answer.partitions = {Partition(2), Partition(0)};
  answer.more = true;
  const HttpResponse response = read->Respond(answer, {{Partition(1), "other:8080"}});
  EXPECT_EQ(response.content_type, "application/vnd.apache.arrow.stream");
  const auto reader = *arrow::ipc::RecordBatchStreamReader::Open(
      std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(response.body)));
  EXPECT_THAT(reader->schema()->field_names(),
              testing::ElementsAre("partition", "window_start", "window_end", "key", "values"));
  const auto metadata = reader->schema()->metadata();
  ASSERT_NE(metadata, nullptr);
  EXPECT_EQ(*metadata->Get("step"), "\"clicks\"");
  EXPECT_EQ(*metadata->Get("partitions"), "[0,2]");
  EXPECT_EQ(*metadata->Get("elsewhere"), "[{\"partition\":1,\"address\":\"other:8080\"}]");
  EXPECT_EQ(*metadata->Get("more"), "true");
}

TEST_F(StateRequestTest, EveryKindOfStepHasAnAnswerInBothFormats) {
  for (const char* layout :
       {"hopping 10s 2s offset 0ms by user:string aggregate n = count()",
        "running by user:string aggregate n = count()", "session 10s by user:string aggregate n = count()",
        "latest ttl 1h by user:string of user:string v:list<int64>", "changes of v:float64 by user:string",
        "deduplicate within 1m by user:string", "expire by user:string", "values by user:string"}) {
    for (const char* format : {"json", "arrow"}) {
      SCOPED_TRACE(layout);
      const auto read = StateRequest::Read("s", {layout, 1}, std::string("key=x&format=") + format);
      ASSERT_TRUE(read.ok()) << read.status().message();
      const HttpResponse response = read->Respond({}, {});
      EXPECT_EQ(response.status, 200) << response.body;
    }
  }
}

TEST_F(StateRequestTest, StepsAreListedWithTheirLayout) {
  const HttpResponse response = ListStateSteps({{"clicks", kStep}});
  EXPECT_THAT(response.body,
              AllOf(HasSubstr("\"clicks\""), HasSubstr("\"partitions\":3"), HasSubstr(kTumbling)));
}

}  // namespace
}  // namespace millrace
