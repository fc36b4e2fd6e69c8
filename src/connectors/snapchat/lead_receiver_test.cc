#include "connectors/snapchat/lead_receiver.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "connectors/snapchat/lead_rows.h"
#include "http/client.h"

namespace millrace {
namespace {

using testing::HasSubstr;

constexpr const char* kLead =
    R"({"lead_id":"l1","form_id":"f","create_time":"1767225600000","email":" Person@Example.com","first_name":"Ann",)"
    R"("custom_field_1":7,"consent_1":true,"surprise":"canary"})";

/// Answers at once as it is told to, or not at all.
class Inlet final : public FeedInlet {
 public:
  Status Write(FeedRecord record, Done done) override {
    const MutexLock lock(mutex_);
    if (!waits.ok()) return waits;
    records.push_back(std::move(record));
    if (answer) done(*answer);
    return Status::Ok();
  }

  Mutex mutex_;
  Status waits;
  std::optional<Status> answer = Status::Ok();
  std::vector<FeedRecord> records;
};

class LeadReceiverTest : public testing::Test {
 protected:
  LeadReceiverTest() : client_(*HttpClient::Start({})) {}

  void Serve(LeadReceiverOptions options = {}) {
    options.source = "source-1";
    // A free port: nobody else asks for one in this range.
    for (int port = 21'700; port < 21'790 && receiver_ == nullptr; ++port) {
      options.listen = "127.0.0.1:" + std::to_string(port);
      options.path = "/leads";
      options.secret = "canary-secret";
      options.header = "X-Signature";
      auto made = MakeLeadReceiver(options, inlet_, clock_, metrics_);
      if (!made.ok()) continue;
      receiver_ = *std::move(made);
      url_ = "http://" + options.listen + "/leads";
    }
    ASSERT_NE(receiver_, nullptr);
  }
  ClientResponse Post(const std::string& body, const std::string& signature) {
    ClientRequest request{
        .method = "POST", .url = url_, .headers = {{"x-signature", signature}}, .body = body};
    auto response = client_->Call(std::move(request));
    EXPECT_TRUE(response.ok()) << response.status().ToString();
    return response.ok() ? *response : ClientResponse{};
  }
  int Signed(const std::string& body) { return Post(body, HmacSignature({}, "canary-secret", body)).status; }

  ManualClock clock_{EventTime(1'767'268'800'000)};
  MetricRegistry metrics_;
  Inlet inlet_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<FeedReceiver> receiver_;
  std::string url_;
};

TEST_F(LeadReceiverTest, ALeadIsAnsweredWhenItIsWritten) {
  Serve();
  EXPECT_EQ(Signed(kLead), 200);
  ASSERT_EQ(inlet_.records.size(), 1U);
  EXPECT_EQ(inlet_.records[0].key, "l1");
  EXPECT_EQ(inlet_.records[0].time, clock_.Now());
  EXPECT_EQ(
      *inlet_.records[0].value,
      R"({"lead_id":"l1","form_id":"f","consent_1":"true","create_time":1767225600000,"first_name":"Ann",)"
      R"("email":" Person@Example.com","custom_field_1":"7"})");
}

TEST_F(LeadReceiverTest, WhatKafkaDoesNotTakeIsNotAnsweredWith200) {
  Serve();
  inlet_.answer = Status::Unavailable("no broker");
  EXPECT_EQ(Signed(kLead), 503);
  inlet_.waits = Status::ResourceExhausted("full");
  const ClientResponse full = Post(kLead, HmacSignature({}, "canary-secret", kLead));
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(*FindHeader(full.headers, "Retry-After"), "5");
}

TEST_F(LeadReceiverTest, OnlyWhatSnapSignedIsRead) {
  Serve();
  const std::string good = HmacSignature({}, "canary-secret", kLead);
  EXPECT_EQ(Post(kLead, "").status, 401);
  EXPECT_EQ(Post(kLead, HmacSignature({}, "another", kLead)).status, 401);
  EXPECT_EQ(Post(std::string(kLead) + " ", good).status, 401);
  EXPECT_EQ(Post("no JSON", "x").status, 401) << "the signature comes first";
  EXPECT_TRUE(inlet_.records.empty());
  EXPECT_EQ(Post(kLead, good).status, 200);
  EXPECT_EQ(metrics_.Sum("millrace_feed_requests_refused_total"), 4);
}

TEST_F(LeadReceiverTest, SignaturesMayBeWrittenInOtherWays) {
  LeadReceiverOptions options;
  options.scheme = {HmacAlgorithm::kSha512, SignatureEncoding::kBase64, "sha512="};
  Serve(options);
  EXPECT_EQ(Post(kLead, HmacSignature(options.scheme, "canary-secret", kLead)).status, 200);
  EXPECT_EQ(Signed(kLead), 401);
}

TEST_F(LeadReceiverTest, WhatIsNoLeadIsRefused) {
  LeadReceiverOptions options;
  options.max_body = ByteCount(500);
  Serve(options);
  for (const char* body : {"", "[]", "{}", "{\"lead_id\":null}", "{\"lead_id\":\"\xff\"}"})
    EXPECT_EQ(Signed(body), 400) << body;
  EXPECT_EQ(Signed(R"({"lead_id":")" + std::string(600, 'x') + "\"}"), 413);
  EXPECT_TRUE(inlet_.records.empty());
}

TEST(LeadRows, PersonsAreHashedBeforeAnythingIsWritten) {
  const auto rows = LeadRows::Make({"email", "first_name", "phone_number", "birthday", "custom_field_1"});
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  const auto record = (*rows)->Read(
      R"({"lead_id":"l1","email":" Person@Example.com","first_name":"ANN","last_name":"Lee","birthday":"soon"})",
      EventTime(5));
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(
      *record->value,
      R"({"lead_id":"l1","first_name":"49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1","last_name":"Lee",)"
      R"("email":"542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"})");
  EXPECT_EQ(record->time, EventTime(5));
}

TEST(LeadRows, WhenALeadWasMadeIsNoReasonToRefuseItOrToHaveItLate) {
  const auto rows = *LeadRows::Make({});
  const auto old = rows->Read(R"({"lead_id":"l1","create_time":"1000"})", EventTime(5'000'000));
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->time, EventTime(5'000'000));
  EXPECT_EQ(old->value, R"({"lead_id":"l1","create_time":1000})");
  for (const char* body :
       {R"({"lead_id":"l1","create_time":"yesterday"})", R"({"lead_id":"l1","create_time":""})"}) {
    const auto odd = rows->Read(body, EventTime(7));
    ASSERT_TRUE(odd.ok()) << body;
    EXPECT_EQ(odd->value, R"({"lead_id":"l1"})");
  }
}

TEST(LeadRows, OnlyFieldsOfAPersonAreHashed) {
  const auto rows = LeadRows::Make({"e_mail"});
  ASSERT_FALSE(rows.ok());
  EXPECT_THAT(rows.status().message(), HasSubstr("did you mean 'email'?"));
}

}  // namespace
}  // namespace millrace
