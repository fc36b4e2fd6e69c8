#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "env/clock.h"

namespace millrace::snap {

struct SnapServerOptions {
  std::string address = "127.0.0.1:0";  ///< as HttpServerOptions has it
  bool tls = false;
  /// Where the certificate is written; "" for a folder of temporary files that is removed at the end.
  std::string certificate_folder{};

  /// Tokens without an end; taken by all APIs.
  std::vector<std::string> tokens{"snap-token"};
  std::string client_id = "snap-client";
  std::string client_secret = "snap-secret";
  std::string refresh_token = "snap-refresh";
  Duration token_life{1'800'000};  ///< of the tokens of OAuth

  std::vector<std::string> assets{};  ///< pixels and apps that there are; empty: any
  /// Pixels, apps and public profiles that no token has a right to; "profiles": the whole API of these.
  std::vector<std::string> forbidden{};
  std::size_t keep = 100'000;  ///< different events with their bodies
  double rate = 10;            ///< requests a second of a token; twice of an app; 0: no bound

  std::vector<std::pair<std::string, double>> faults{};  ///< name and share of requests
  Duration slow{3'000};                                  ///< how long the fault "slow" takes; at most 50 s
  std::uint64_t seed = 1;                                ///< of what is made up and of when faults happen

  std::string webhook_url{};      ///< of leads, registered at the start; "" for none
  std::string webhook_secret{};   ///< "" makes one
  std::string webhook_ca_file{};  ///< PEM file of the authority of an https webhook; "" is the system's
  /// "HEADER", "HEADER:ALGORITHM" or "HEADER:ALGORITHM:ENCODING".
  std::string lead_signature = "X-Snap-Signature:sha256:hex";
};

/// What a user of the stand-in needs to know.
struct SnapServerFacts {
  struct Account {
    std::string id;
    std::string name;
    std::string time_zone;
    bool forbidden;
  };
  std::string url;               ///< "http://127.0.0.1:4711"
  std::string certificate_file;  ///< what clients name as their ca_file; "" without TLS
  std::string organization_id;
  std::vector<Account> accounts;
  std::vector<std::string> profile_ids;            ///< all
  std::vector<std::string> forbidden_profile_ids;  ///< those of them to which no token has a right
  std::string webhook_secret;                      ///< of webhook_url; "" without one
};

/// A stand-in of Snap's Conversions, Marketing, Public Profile and lead APIs, written from their description:
/// takes what they would take, refuses what they would refuse, with the same answers, and fails on request.
/// For trying things out and for tests; it shares no code with the connectors.
///
/// Serves from Start until destruction, on a thread of its own. Thread-safe.
class SnapServer {
 public:
  /// `clock` must outlive it; tokens, ages of events, stats and stories go by it.
  /// Errors: user error for options that cannot be.
  static Result<std::unique_ptr<SnapServer>> Start(SnapServerOptions options, const Clock& clock);
  ~SnapServer();
  SnapServer(const SnapServer&) = delete;
  SnapServer& operator=(const SnapServer&) = delete;

  const SnapServerFacts& facts() const;

 private:
  struct State;
  explicit SnapServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace millrace::snap
