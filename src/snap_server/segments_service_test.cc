#include "snap_server/segments_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

/// The hash number `number`.
std::string Hash(std::size_t number) {
  std::string digits = std::to_string(number);
  return std::string(64 - digits.size(), '0') + digits;
}

std::string Block(const std::string& schema, std::size_t begin, std::size_t end) {
  std::string data;
  for (std::size_t i = begin; i < end; ++i) data += (data.empty() ? "[\"" : ",[\"") + Hash(i) + "\"]";
  return R"({"schema":[")" + schema + R"("],"data":[)" + data + "]}";
}

class Segments : public SnapServerTest {
 protected:
  void SetUp() override { Start(); }

  std::string Path() { return AccountPath("Berlin") + "/segments"; }
  std::string Make(const std::string& name = "buyers") {
    const Answered made = Post(Path(), R"({"segments":[{"name":")" + name +
                                           R"(","source_type":"FIRST_PARTY","retention_in_days":180}]})");
    EXPECT_EQ(made.status, 200) << made.text;
    return TextMember(made["segments"].as_array()[0].at("segment").as_object(), "id");
  }
  json::object Shown(const std::string& id) {
    return Get("/v1/segments/" + id)["segments"].as_array()[0].at("segment").as_object();
  }
  Answered Users(const std::string& method, const std::string& id, const std::string& blocks) {
    return Call(method, "/v1/segments/" + id + "/users", R"({"users":[)" + blocks + "]}");
  }
};

TEST_F(Segments, AnUploadIsWorkedOnForAWhile) {
  const std::string id = Make();
  EXPECT_EQ(Shown(id).at("upload_status"), "NO_UPLOAD");
  EXPECT_EQ(Shown(id).at("targetable_status"), "NOT_READY");
  const Answered added = Users("POST", id, Block("EMAIL_SHA256", 0, 3) + "," + Block("PHONE_SHA256", 0, 2));
  EXPECT_EQ(added.status, 200);
  EXPECT_EQ(added["users"].as_array()[0].at("user").at("number_uploaded_users"), 3);
  EXPECT_EQ(added["users"].as_array()[1].at("user").at("number_uploaded_users"), 2);
  EXPECT_EQ(Shown(id).at("upload_status"), "PROCESSING");
  clock_.Advance(SegmentsOptions().processing);
  EXPECT_EQ(Shown(id).at("upload_status"), "COMPLETE");
  EXPECT_EQ(Shown(id).at("targetable_status"), "TOO_FEW_USERS");
  EXPECT_EQ(Shown(id).at("approximate_number_users"), 5);
}

TEST_F(Segments, AddingTwiceAndRemovingIsByIdentifier) {
  const std::string id = Make();
  EXPECT_EQ(Users("POST", id, Block("EMAIL_SHA256", 0, 1'500)).status, 200);
  EXPECT_EQ(Users("POST", id, Block("EMAIL_SHA256", 0, 10)).status, 200);
  EXPECT_EQ(Users("DELETE", id, Block("EMAIL_SHA256", 0, 100)).status, 200);
  clock_.Advance(SegmentsOptions().processing);
  EXPECT_EQ(Shown(id).at("approximate_number_users"), 1'400);
  EXPECT_EQ(Shown(id).at("targetable_status"), "READY");
  const json::object received = Get("/_received?limit=2")["segments"].at(id).as_object();
  EXPECT_EQ(received.at("added"), 1'510);
  EXPECT_EQ(received.at("removed"), 100);
  EXPECT_EQ(received.at("uploads"), 3);
  EXPECT_EQ(received.at("counts").at("EMAIL_SHA256"), 1'400);
  EXPECT_EQ(received.at("members").at("EMAIL_SHA256"),
            json::parse("[\"" + Hash(100) + "\",\"" + Hash(101) + "\"]"));
}

TEST_F(Segments, ARequestForUsersIsChecked) {
  const std::string id = Make();
  const struct {
    std::string body;
    std::string why;
  } cases[] = {
      {"{}", "list of blocks"},
      {R"({"users":[]})", "list of blocks"},
      {R"({"users":[{"schema":["EMAIL_SHA256","PHONE_SHA256"],"data":[]}]})", "one kind"},
      {R"({"users":[{"schema":["EMAIL"],"data":[]}]})", "EMAIL_SHA256"},
      {R"({"users":[{"schema":["EMAIL_SHA256"],"data":[]}]})", "list of identifiers"},
      {R"({"users":[{"schema":["EMAIL_SHA256"],"data":[["ada@example.com"]]}]})", "SHA-256"},
      {R"({"users":[{"schema":["EMAIL_SHA256"],"data":[")" + Hash(1) + R"("]}]})", "lists of one"},
      {R"({"users":[{"schema":["EMAIL_SHA256"],"data":[[")" + Hash(1) + R"(",")" + Hash(2) + R"("]]}]})",
       "lists of one"},
      {R"({"users":[)" + Block("EMAIL_SHA256", 0, 60'000) + "," + Block("PHONE_SHA256", 0, 40'001) + "]}",
       "100000 identifiers"},
  };
  for (const auto& c : cases) {
    const Answered answered = Post("/v1/segments/" + id + "/users", c.body);
    EXPECT_EQ(answered.status, 400) << c.why;
    EXPECT_THAT(answered.Text("debug_message"), HasSubstr(c.why));
  }
  EXPECT_EQ(Users("POST", id, Block("MOBILE_AD_ID_SHA256", 0, 100'000)).status, 200);
  EXPECT_EQ(Users("POST", "1", Block("EMAIL_SHA256", 0, 1)).status, 404);
}

TEST_F(Segments, ASegmentThatIsMadeIsChecked) {
  const struct {
    std::string segment;
    std::string why;
  } cases[] = {
      {R"({"source_type":"FIRST_PARTY"})", "name is required"},
      {R"({"name":")" + std::string(376, 'n') + R"(","source_type":"FIRST_PARTY"})", "375"},
      {R"({"name":"a"})", "source_type"},
      {R"({"name":"a","source_type":"FIRST_PARTY","retention_in_days":0})", "retention_in_days"},
      {R"({"name":"a","source_type":"FIRST_PARTY","retention_in_days":10000})", "retention_in_days"},
      {R"({"name":"a","source_type":"FIRST_PARTY","ad_account_id":"other"})", "ad_account_id"},
  };
  for (const auto& c : cases) {
    const Answered answered = Post(Path(), R"({"segments":[)" + c.segment + "]}");
    EXPECT_EQ(answered.status, 400) << c.segment;
    EXPECT_THAT(answered.Text("debug_message"), HasSubstr(c.why));
  }
  const std::string good = R"({"name":")" + std::string(375, 'n') + R"(","source_type":"FIRST_PARTY"})";
  const Answered some = Post(Path(), R"({"segments":[)" + good + R"(,{"name":""}]})");
  EXPECT_EQ(some.status, 200);
  EXPECT_EQ(some.Text("request_status"), "PARTIAL");
  EXPECT_EQ(some["segments"].as_array()[1].at("sub_request_status"), "ERROR");
  EXPECT_EQ(Post(AccountPath("Not ours") + "/segments", R"({"segments":[)" + good + "]}").status, 403);
  std::string sixteen = good;
  for (int i = 1; i < 16; ++i) sixteen += "," + good;
  EXPECT_THAT(Post(Path(), R"({"segments":[)" + sixteen + "]}").Text("debug_message"),
              HasSubstr("15 segments"));
}

TEST_F(Segments, AreListedAndRemoved) {
  const std::string id = Make("one");
  clock_.Advance(Duration(1));
  Make("two");
  const Answered list = Get(Path());
  ASSERT_EQ(list["segments"].as_array().size(), 2U);
  EXPECT_EQ(list["segments"].as_array()[0].at("segment").at("name"), "one");
  EXPECT_EQ(list["segments"].as_array()[0].at("segment").at("retention_in_days"), 180);
  EXPECT_EQ(Get(AccountPath("Sydney") + "/segments")["segments"].as_array().size(), 0U);
  EXPECT_EQ(Call("DELETE", "/v1/segments/" + id).status, 200);
  EXPECT_EQ(Get("/v1/segments/" + id).status, 404);
}

}  // namespace
}  // namespace millrace::snap
