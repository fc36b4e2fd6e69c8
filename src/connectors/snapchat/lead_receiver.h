#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/byte_size.h"
#include "base/metrics.h"
#include "base/result.h"
#include "connect/feed.h"
#include "env/clock.h"
#include "http/hmac.h"

namespace millrace {

struct LeadReceiverOptions {
  std::string source{};  ///< its name
  std::string listen{};  ///< as HttpServerOptions::address
  std::string path = "/";
  std::string secret{};  ///< of the signatures
  std::string header{};  ///< that has the signature
  HmacScheme scheme{};
  ByteCount max_body{64 << 10};
  std::set<std::string> hashed{};  ///< LeadRows::Make
  std::string certificate_file{};  ///< PEM, with `key_file`; "": HTTP
  std::string key_file{};
};

/// The webhook of Snap's lead forms: 200 when Kafka has the lead, so that Snap sends what is lost again; 401
/// without the signature of the body, 400 for what is no lead, 413 for a body that is too large, 503 and 504
/// when Kafka does not take it.
///
/// Errors: user error for an address that cannot be listened on, a certificate that cannot be used, or a
/// field that cannot be hashed. `inlet`, `clock` and `metrics` outlive it.
Result<std::unique_ptr<FeedReceiver>> MakeLeadReceiver(LeadReceiverOptions options, FeedInlet& inlet,
                                                       const Clock& clock, MetricRegistry& metrics);

}  // namespace millrace
