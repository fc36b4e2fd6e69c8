#include "engine/commands/snap_server_command.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/clock.h"
#include "env/signals.h"
#include "snap_server/faults.h"

namespace millrace {
namespace {

void PrintFacts(const snap::SnapServerOptions& options, const snap::SnapServerFacts& facts,
                std::ostream& out) {
  out << facts.url << "\n";
  if (!facts.certificate_file.empty()) out << "certificate    " << facts.certificate_file << "\n";
  for (const std::string& token : options.tokens) out << "token          " << token << "\n";
  out << "client id      " << options.client_id << "\n"
      << "client secret  " << options.client_secret << "\n"
      << "refresh token  " << options.refresh_token << "\n"
      << "token url      " << facts.url << "/login/oauth2/access_token\n"
      << "organization   " << facts.organization_id << "\n";
  for (const auto& account : facts.accounts) {
    out << "ad account     " << account.id << "  " << account.name << ", " << account.time_zone
        << (account.forbidden ? ", forbidden" : "") << "\n";
  }
  const std::vector<std::string>& forbidden = facts.forbidden_profile_ids;
  for (const std::string& profile : facts.profile_ids) {
    const bool is_forbidden = std::find(forbidden.begin(), forbidden.end(), profile) != forbidden.end();
    out << "profile        " << profile << (is_forbidden ? "  forbidden" : "") << "\n";
  }
  if (!facts.webhook_secret.empty()) out << "webhook secret " << facts.webhook_secret << "\n";
  out << "seed           " << options.seed << std::endl;  // at once: scripts read it
}

}  // namespace

Exit SnapServerCommand(const SnapServerCommandOptions& options, CommandIo& io) {
  snap::SnapServerOptions server_options = options.server;
  for (const std::string& text : options.faults) {
    Result<std::pair<std::string, double>> fault = snap::Faults::Parse(text);
    if (!fault.ok()) return Report(io, fault.status(), Exit::kUsage);
    server_options.faults.push_back(*std::move(fault));
  }
  const SystemClock clock;
  const ShutdownSignal shutdown;
  const auto server = snap::SnapServer::Start(server_options, clock);
  if (!server.ok()) return Report(io, server.status(), Exit::kUsage);
  PrintFacts(server_options, (*server)->facts(), io.out);
  io.err << "millrace: a stand-in of Snap's services listens there until Ctrl-C; nothing reaches Snap. A "
            "browser "
            "shows\n"
            "what it received, /_received has it as JSON.\n";
  shutdown.token().Wait();
  return Exit::kOk;
}

}  // namespace millrace
