#include "snap_server/snap_server.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "env/environment.h"
#include "env/file.h"
#include "env/random.h"
#include "http/client.h"
#include "http/self_signed.h"
#include "http/server.h"
#include "snap_server/access.h"
#include "snap_server/account_tree.h"
#include "snap_server/conversions_service.h"
#include "snap_server/fault_answer.h"
#include "snap_server/faults.h"
#include "snap_server/gate.h"
#include "snap_server/lead_delivery.h"
#include "snap_server/leads_service.h"
#include "snap_server/marketing_service.h"
#include "snap_server/oauth_service.h"
#include "snap_server/own_pages.h"
#include "snap_server/profile_service.h"
#include "snap_server/received_events.h"
#include "snap_server/request_log.h"
#include "snap_server/router.h"
#include "snap_server/segments_service.h"
#include "snap_server/stats_service.h"
#include "snap_server/timetable.h"

namespace millrace::snap {
namespace {

/// 100,000 identifiers are 7 MB.
constexpr ByteCount kMaxBody{32 << 20};
constexpr std::int32_t kMaxConnections = 256;
constexpr Duration kTimeout{60'000};
constexpr Duration kSlowest{50'000};  // less than kTimeout

/// An answer, and how long it is held back.
struct Answer {
  HttpResponse response;
  Duration delay{0};
};

/// The names of this machine, for its certificate.
std::string CertificateNames() {
  std::string names = SelfSignedOptions().names;
  const std::string host = HostName();
  const bool plain = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  return plain ? names + ",DNS:" + host : names;
}

/// A folder that is removed at the end when it is ours.
class CertificateFolder {
 public:
  explicit CertificateFolder(const std::string& chosen)
      : path_(chosen.empty() ? GetEnv("TMPDIR").value_or("/tmp") + "/millrace-snap-" + RandomId(4) : chosen),
        ours_(chosen.empty()) {}
  ~CertificateFolder() {
    if (ours_) (void)RemoveAll(path_).ok();
  }
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  const bool ours_;
};

}  // namespace

/// Everything that serves. What handlers use is guarded by `mutex`, except `delivery` and `timetable`, which
/// have locks of their own.
struct SnapServer::State {
  State(SnapServerOptions options_in, LeadSignature signature, const Clock& clock_in,
        std::unique_ptr<HttpClient> client_in)
      : options(std::move(options_in)),
        clock(clock_in),
        certificates(options.certificate_folder),
        tree(options.seed),
        access(options.tokens, clock),
        gate(options.rate, access, clock),
        faults(options.seed),
        request_ids(options.seed + 1),
        events(options.keep),
        client(std::move(client_in)),
        timetable(std::make_unique<Timetable>(clock)),
        delivery(*client, *timetable),
        conversions({options.assets, options.forbidden}, clock, events),
        oauth({options.client_id, options.client_secret, options.refresh_token, options.token_life}, access,
              RandomSeed(options.seed)),
        marketing(tree, clock),
        stats(tree, clock),
        segments({SegmentsOptions().processing, options.seed}, tree, clock),
        profiles(tree, clock, {options.seed, options.forbidden}),
        leads({std::move(signature), options.webhook_url, options.webhook_secret, options.seed}, tree, clock,
              delivery),
        pages({&events, &conversions, &segments, &delivery, &requests, &faults}) {
    conversions.AddRoutes(&router);
    oauth.AddRoutes(&router);
    segments.AddRoutes(&router);
    stats.AddRoutes(&router);
    marketing.AddRoutes(&router);
    profiles.AddRoutes(&router);
    leads.AddRoutes(&router);
    pages.AddRoutes(&router);
  }

  ~State() {
    server.reset();  // no more requests
    delivery.Stop();
    timetable.reset();
    client.reset();
  }

  /// Tokens of another start are not those of this one, whatever the seed.
  static std::uint64_t RandomSeed(std::uint64_t seed) { return Random::FromSystem().Next() ^ seed; }

  Status Serve();
  void Handle(const HttpRequest& http, const HttpReply& reply);
  Answer MakeAnswer(ApiRequest* request);
  /// By the service that has the request's path, when it is let in.
  HttpResponse Dispatch(const Router::Found& found, const ApiRequest& request);
  void FillFacts();

  const SnapServerOptions options;
  const Clock& clock;
  const CertificateFolder certificates;
  const AccountTree tree;
  SnapServerFacts facts;  // constant once it serves

  Mutex mutex;
  Router router;
  Access access;
  Gate gate;
  Faults faults;
  Random request_ids;
  ReceivedEvents events;
  RequestLog requests;
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<Timetable> timetable;
  LeadDelivery delivery;
  ConversionsService conversions;
  OAuthService oauth;
  MarketingService marketing;
  StatsService stats;
  SegmentsService segments;
  ProfileService profiles;
  LeadsService leads;
  OwnPages pages;
  std::unique_ptr<HttpServer> server;
};

Status SnapServer::State::Serve() {
  HttpServerOptions http;
  http.address = options.address;
  http.max_connections = kMaxConnections;
  http.max_body = kMaxBody;
  http.timeout = kTimeout;
  if (options.tls) {
    MR_ASSIGN_OR_RETURN(const CertificateFiles files,
                        MakeSelfSignedCertificate({certificates.path(), CertificateNames()}));
    http.certificate_file = files.certificate_file;
    http.key_file = files.key_file;
    facts.certificate_file = files.certificate_file;
  }
  std::vector<HttpRoute> routes;
  for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
    routes.push_back({method, "/", nullptr, [this](const HttpRequest& request, const HttpReply& reply) {
                        Handle(request, reply);
                      }});
  }
  // A request that comes before the facts are filled waits for them.
  const MutexLock lock(mutex);
  MR_ASSIGN_OR_RETURN(server, HttpServer::Start(std::move(http), std::move(routes)));
  FillFacts();
  return Status::Ok();
}

void SnapServer::State::FillFacts() {
  facts.url = (options.tls ? "https://" : "http://") + server->address();
  facts.organization_id = tree.organization().id;
  for (const Entity* account : tree.accounts()) {
    facts.accounts.push_back(
        {account->id, account->name, std::string(account->zone.name()), account->forbidden});
  }
  facts.profile_ids = profiles.ids();
  facts.forbidden_profile_ids = profiles.ids();
  std::erase_if(facts.forbidden_profile_ids,
                [this](const std::string& id) { return !profiles.IsForbidden(id); });
  if (leads.first() != nullptr) facts.webhook_secret = leads.first()->secret;
}

void SnapServer::State::Handle(const HttpRequest& http, const HttpReply& reply) {
  Answer answer;
  {
    const MutexLock lock(mutex);
    ApiRequest request = TakeApart(http, options.tls ? "https" : "http", server->address());
    request.request_id = std::to_string(request_ids.Next());
    answer = MakeAnswer(&request);
  }
  auto give = [reply, response = std::move(answer.response)] { reply([response] { return response; }); };
  if (answer.delay.count() == 0) return give();
  timetable->After(answer.delay, std::move(give));
}

Answer SnapServer::State::MakeAnswer(ApiRequest* request) {
  const Router::Found found = router.Find(request);
  const std::optional<Fault> fault = faults.Pick(request->api);
  const bool after = fault == Fault::kSlow || fault == Fault::kCut;
  Answer answer;
  answer.response = fault && !after ? FaultAnswer(*fault, *request) : Dispatch(found, *request);
  std::string why;
  if (answer.response.status >= 400 || (fault && !after)) why = answer.response.body;
  if (fault == Fault::kSlow) {
    answer.delay = options.slow;
    why = "slow";
  }
  if (fault == Fault::kCut) {
    answer.response.cut_after = answer.response.body.size() / 2;
    why = "cut";
  }
  if (request->api != Api::kOwn) {
    requests.Add(found.handler == nullptr ? "other" : found.name, answer.response.status, clock.Now(), why);
  }
  return answer;
}

HttpResponse SnapServer::State::Dispatch(const Router::Found& found, const ApiRequest& request) {
  if (found.handler == nullptr) {
    if (found.path_known) return Refuse(request, {405, "method not allowed"});
    return Refuse(request, {404, "there is nothing at " + request.path, "E2002"});
  }
  if (std::optional<HttpResponse> refusal = gate.Refuses(request)) return *std::move(refusal);
  return (*found.handler)(request);
}

SnapServer::SnapServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
SnapServer::~SnapServer() = default;

Result<std::unique_ptr<SnapServer>> SnapServer::Start(SnapServerOptions options, const Clock& clock) {
  if (options.slow > kSlowest) {
    return Status::InvalidArgument("the fault slow can take " + FormatDuration(kSlowest) + " at most, not " +
                                   FormatDuration(options.slow));
  }
  MR_ASSIGN_OR_RETURN(LeadSignature signature, LeadSignature::Parse(options.lead_signature));
  HttpClientOptions client_options;
  client_options.ca_file = options.webhook_ca_file;
  MR_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Start(std::move(client_options)));
  auto state = std::make_unique<State>(std::move(options), std::move(signature), clock, std::move(client));
  for (const auto& [name, rate] : state->options.faults) MR_RETURN_IF_ERROR(state->faults.Set(name, rate));
  MR_RETURN_IF_ERROR(state->Serve());
  return std::unique_ptr<SnapServer>(new SnapServer(std::move(state)));
}

const SnapServerFacts& SnapServer::facts() const { return state_->facts; }

}  // namespace millrace::snap
