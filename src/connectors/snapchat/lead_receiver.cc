#include "connectors/snapchat/lead_receiver.h"

#include <utility>

#include "base/log.h"
#include "connectors/snapchat/lead_rows.h"
#include "http/server.h"

namespace millrace {
namespace {

HttpResponse Answer(int status, const std::string& text) {
  HttpResponse response{status, text + "\n"};
  constexpr int kUnavailable = 503;
  if (status == kUnavailable) response.headers.emplace_back("Retry-After", "5");
  return response;
}

class LeadReceiver final : public FeedReceiver {
 public:
  LeadReceiver(LeadReceiverOptions options, std::unique_ptr<LeadRows> rows, FeedInlet& inlet,
               const Clock& clock, MetricRegistry& metrics)
      : options_(std::move(options)),
        rows_(std::move(rows)),
        inlet_(inlet),
        clock_(clock),
        metrics_(metrics) {}

  Status Serve() {
    HttpServerOptions options;
    options.address = options_.listen;
    options.max_body = options_.max_body;
    options.certificate_file = options_.certificate_file;
    options.key_file = options_.key_file;
    HttpRoute route;
    route.method = "POST";
    route.path = options_.path;
    route.later = [this](const HttpRequest& request, HttpReply reply) { Take(request, std::move(reply)); };
    std::vector<HttpRoute> routes;
    routes.push_back(std::move(route));
    MR_ASSIGN_OR_RETURN(server_, HttpServer::Start(std::move(options), std::move(routes)));
    Log(LogLevel::kInfo, "listening for leads",
        {{"source", options_.source}, {"address", server_->address()}, {"path", options_.path}});
    return Status::Ok();
  }

 private:
  void Take(const HttpRequest& request, HttpReply reply) {
    const std::string* const signature = FindHeader(request.headers, options_.header);
    if (signature == nullptr || !VerifyHmac(options_.scheme, options_.secret, request.body, *signature))
      return Refuse(std::move(reply), 401, "the signature is not that of the body");
    Result<FeedRecord> record = rows_->Read(request.body, clock_.Now());
    if (!record.ok()) return Refuse(std::move(reply), 400, record.status().message());
    const Status waits = inlet_.Write(*std::move(record), [reply](const Status& status) {
      reply(
          [ok = status.ok()] { return ok ? Answer(200, "ok") : Answer(503, "not written; send it again"); });
    });
    if (!waits.ok()) Refuse(std::move(reply), 503, "too busy; send it again");
  }

  void Refuse(HttpReply reply, int status, const std::string& why) {
    metrics_
        .GetCounter("millrace_feed_requests_refused_total",
                    "Requests to a source that got an answer other than 200, by its status.",
                    {{"source", options_.source}, {"status", std::to_string(status)}})
        .Add(1);
    reply([status, why] { return Answer(status, why); });
  }

  const LeadReceiverOptions options_;
  const std::unique_ptr<LeadRows> rows_;
  FeedInlet& inlet_;
  const Clock& clock_;
  MetricRegistry& metrics_;
  std::unique_ptr<HttpServer> server_;  // destroyed first
};

}  // namespace

Result<std::unique_ptr<FeedReceiver>> MakeLeadReceiver(LeadReceiverOptions options, FeedInlet& inlet,
                                                       const Clock& clock, MetricRegistry& metrics) {
  MR_ASSIGN_OR_RETURN(auto rows, LeadRows::Make(options.hashed));
  auto receiver = std::make_unique<LeadReceiver>(std::move(options), std::move(rows), inlet, clock, metrics);
  MR_RETURN_IF_ERROR(receiver->Serve());
  return std::unique_ptr<FeedReceiver>(std::move(receiver));
}

}  // namespace millrace
