#include "snap_server/leads_service.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "http/hmac.h"
#include "http/server.h"
#include "snap_server/snap_server_harness.h"

namespace millrace::snap {
namespace {

using testing::HasSubstr;

/// A webhook that refuses each lead `refusals` times.
class Webhook {
 public:
  explicit Webhook(int refusals = 0) : refusals_(refusals) {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    routes.push_back({"POST", "/leads", [this](const HttpRequest& request) { return Take(request); }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  std::string url() const { return "http://" + server_->address() + "/leads"; }

  struct Taken {
    std::string body;
    std::string signature;
  };
  /// Waits until so many were taken.
  std::vector<Taken> Await(std::size_t count) {
    MutexLock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return taken_.size() >= count; });
    return taken_;
  }

 private:
  HttpResponse Take(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    if (tries_[request.body]++ < refusals_) return {503, "later"};
    const std::string* const signature = FindHeader(request.headers, "X-Snap-Signature");
    taken_.push_back({request.body, signature == nullptr ? "" : *signature});
    changed_.notify_all();
    return {200, ""};
  }

  const int refusals_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::map<std::string, int> tries_;
  std::vector<Taken> taken_;
  std::unique_ptr<HttpServer> server_;
};

class Leads : public SnapServerTest {
 protected:
  json::object Register(const std::string& url, const std::string& form = "form-7") {
    const Answered answered =
        Post("/v1/lead_gen/integrations/public_webhook",
             R"({"webhook_integrations":[{"form_id":")" + form + R"(","webhook_url":")" + url + "\"}]}");
    EXPECT_EQ(answered.status, 200) << answered.text;
    return answered["webhook_integrations"].as_array()[0].at("webhook_integration").as_object();
  }
  /// Moves the clock until what `/_received` says of the leads has come true.
  void AwaitDelivered(std::int64_t count) {
    for (int i = 0; i < 2'000; ++i) {
      const Answered received = Received();
      if (received["leads"].at("delivered") == count) return;
      clock_.Advance(Duration(1'000));
    }
    ADD_FAILURE() << Received().text;
  }
};

TEST_F(Leads, ATestLeadComesSigned) {
  Webhook webhook;
  Start();
  const json::object integration = Register(webhook.url());
  EXPECT_EQ(Get("/v1/lead_gen/integrations/" + TextMember(integration, "integrationId") + "/test").status,
            200);
  const std::vector<Webhook::Taken> taken = webhook.Await(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(VerifyHmac({}, TextMember(integration, "hmacSecret"), taken[0].body, taken[0].signature));
  const json::object lead = json::parse(taken[0].body).as_object();
  EXPECT_EQ(lead.at("form_id"), "form-7");
  EXPECT_THAT(TextMember(lead, "lead_id"), HasSubstr("test-lead-"));
  EXPECT_EQ(lead.at("create_time"), std::to_string(kTestNow.value()).c_str());  // ms, as a text
  for (const char* field :
       {"ad_account_id", "campaign_name", "ad_squad_id", "ad_id", "email", "phone_number"}) {
    EXPECT_FALSE(TextMember(lead, field).empty()) << field;
  }
}

TEST_F(Leads, AreSentAgainUntilTheyAreTaken) {
  Webhook webhook(3);
  Start();
  Register(webhook.url());
  EXPECT_EQ(Post("/_leads?count=20&duplicates=0", "").status, 202);
  AwaitDelivered(20);
  EXPECT_EQ(webhook.Await(20).size(), 20U);
  const Answered received = Received();
  EXPECT_EQ(received["leads"].at("tries"), 80);
  EXPECT_EQ(received["leads"].at("pending"), 0);
  EXPECT_EQ(received["leads"].at("leads").as_array()[0].at("tries"), 4);
}

TEST_F(Leads, SomeComeTwice) {
  Webhook webhook;
  Start();
  Register(webhook.url());
  const Answered answered = Post("/_leads?count=100&duplicates=0.3", "");
  const std::int64_t twice = answered["sent_twice"].as_int64();
  EXPECT_GT(twice, 10);
  EXPECT_LT(twice, 60);
  std::map<std::string, int> times;
  for (const Webhook::Taken& taken : webhook.Await(static_cast<std::size_t>(100 + twice))) {
    ++times[TextMember(json::parse(taken.body).as_object(), "lead_id")];
  }
  EXPECT_EQ(times.size(), 100U);
  EXPECT_EQ(std::count_if(times.begin(), times.end(), [](const auto& lead) { return lead.second == 2; }),
            twice);
}

TEST_F(Leads, AFormHasOneWebhook) {
  Start();
  const std::string path = "/v1/lead_gen/integrations/public_webhook";
  const std::string id = TextMember(Register("http://127.0.0.1:1/x"), "integrationId");
  const struct {
    const char* body;
    const char* why;
  } cases[] = {
      {"{}", "must be a list"},
      {R"({"webhook_integrations":[{"webhook_url":"https://x"}]})", "form_id"},
      {R"({"webhook_integrations":[{"form_id":"f","webhook_url":"ftp://x"}]})", "webhook_url"},
      {R"({"webhook_integrations":[{"form_id":"form-7","webhook_url":"https://x"}]})",
       "has a webhook already"},
  };
  for (const auto& c : cases) {
    const Answered answered = Post(path, c.body);
    EXPECT_EQ(answered.status, 400) << c.body;
    EXPECT_THAT(answered.Text("debug_message"), HasSubstr(c.why));
  }
  const std::string of_form = "/v1/lead_gen/forms/form-7/integrations?partner_type=PUBLIC_WEBHOOK";
  ASSERT_EQ(Get(of_form)["webhook_integrations"].as_array().size(), 1U);
  EXPECT_THAT(Get(of_form).text, testing::Not(HasSubstr("hmacSecret")));  // is shown once
  EXPECT_EQ(Call("DELETE", "/v1/lead_gen/integrations/" + id).status, 200);
  EXPECT_EQ(Get("/v1/lead_gen/integrations/" + id + "/test").status, 404);
  EXPECT_EQ(Post("/_leads", "").status, 409);
}

TEST_F(Leads, AWebhookOfTheOptionsIsRegistered) {
  Webhook webhook;
  SnapServerOptions options = WithoutBound();
  options.webhook_url = webhook.url();
  options.webhook_secret = "known";
  options.lead_signature = "X-Snap-Signature:sha512:base64";
  Start(options);
  EXPECT_EQ(server_->facts().webhook_secret, "known");
  EXPECT_EQ(Post("/_leads?count=1&duplicates=0", "").status, 202);
  const std::vector<Webhook::Taken> taken = webhook.Await(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(VerifyHmac({HmacAlgorithm::kSha512, SignatureEncoding::kBase64}, "known", taken[0].body,
                         taken[0].signature));
  for (const char* bad : {"_leads?count=0", "_leads?count=10001", "_leads?count=x", "_leads?duplicates=2"}) {
    EXPECT_EQ(Post(std::string("/") + bad, "").status, 400) << bad;
  }
}

}  // namespace
}  // namespace millrace::snap
