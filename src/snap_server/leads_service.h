#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "env/clock.h"
#include "env/random.h"
#include "snap_server/account_tree.h"
#include "snap_server/lead_delivery.h"
#include "snap_server/lead_signature.h"
#include "snap_server/router.h"

namespace millrace::snap {

struct LeadsOptions {
  LeadSignature signature{};
  std::string webhook_url{};     ///< registered at the start; "" for none
  std::string webhook_secret{};  ///< of that one; "" makes one
  std::uint64_t seed = 1;
};

/// Webhooks of lead forms, and leads for them. One owner.
class LeadsService {
 public:
  static constexpr std::size_t kMaxIntegrations = 100;
  static constexpr std::int64_t kMaxCount = 10'000;  ///< leads of one request for them

  /// What a webhook is registered as.
  struct Integration {
    std::string id;
    std::string form_id;
    std::string url;
    std::string secret;
  };

  /// All must outlive it.
  LeadsService(LeadsOptions options, const AccountTree& tree, const Clock& clock, LeadDelivery& delivery);

  void AddRoutes(Router* router);
  /// The one of the options; null when there is none.
  const Integration* first() const;

 private:
  HttpResponse Register(const ApiRequest& request);
  HttpResponse Unregister(const ApiRequest& request);
  HttpResponse OfForm(const ApiRequest& request) const;
  HttpResponse SendTest(const ApiRequest& request);
  /// POST /_leads?count=N&duplicates=0.1&form_id=...
  HttpResponse SendMany(const ApiRequest& request);

  const Integration& Add(const std::string& form_id, const std::string& url, const std::string& secret);
  json::object RegisterOne(const json::value& item, bool* done);
  /// Makes a lead up and sends it, `times` times.
  Status SendLead(const Integration& integration, bool test, int times);
  json::object MakeLead(const Integration& integration, bool test);

  const LeadsOptions options_;
  const AccountTree& tree_;
  const Clock& clock_;
  LeadDelivery& delivery_;
  Random random_;
  std::map<std::string, Integration, std::less<>> integrations_;
  std::int64_t leads_made_ = 0;
};

}  // namespace millrace::snap
