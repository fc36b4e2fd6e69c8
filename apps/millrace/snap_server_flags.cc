#include <memory>

#include "engine/commands/snap_server_command.h"
#include "flags.h"

namespace millrace {
namespace {

/// A flag that may be given several times.
CLI::Option* AddList(CLI::App* app, const std::string& flag, std::vector<std::string>* target,
                     const std::string& type, const std::string& help) {
  return app->add_option(flag, *target, help)->type_name(type)->allow_extra_args(false);
}

void AddAccessFlags(CLI::App* app, snap::SnapServerOptions* server) {
  AddList(app, "--token", &server->tokens, "TOKEN", "a token without an end (default: snap-token)");
  AddDuration(app, "--token-life", &server->token_life, "how long access tokens of OAuth are good");
  app->add_option("--client-id", server->client_id, "of OAuth")->type_name("ID")->capture_default_str();
  app->add_option("--client-secret", server->client_secret, "of OAuth")
      ->type_name("SECRET")
      ->capture_default_str();
  app->add_option("--refresh-token", server->refresh_token, "of OAuth")
      ->type_name("TOKEN")
      ->capture_default_str();
  AddList(app, "--asset", &server->assets, "ID", "a pixel or app that there is (default: any)");
  AddList(app, "--forbid", &server->forbidden, "ID",
          "a pixel, app or profile that no token has a right to; profiles: that API");
  app->add_option("--rate", server->rate, "requests a second of a token, twice that of an app; 0: no bound")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
}

void AddLeadFlags(CLI::App* app, snap::SnapServerOptions* server) {
  app->add_option("--webhook", server->webhook_url, "register a webhook for leads")->type_name("URL");
  app->add_option("--webhook-secret", server->webhook_secret, "that leads for it are signed with")
      ->type_name("SECRET");
  app->add_option("--webhook-ca", server->webhook_ca_file, "PEM file of its authority")->type_name("FILE");
  app->add_option("--signature", server->lead_signature, "how leads are signed")
      ->type_name("HEADER[:ALGORITHM[:ENCODING]]")
      ->capture_default_str();
}

}  // namespace

void AddSnapServerCommand(CLI::App* app, Action* action) {
  CLI::App* command =
      app->add_subcommand("snap-server", "Run a stand-in of Snap's services, for tests and first steps");
  auto options = std::make_shared<SnapServerCommandOptions>();
  snap::SnapServerOptions* const server = &options->server;
  command->add_option("--listen", server->address, "where; port 0 takes a free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command->add_flag("--tls", server->tls, "serve HTTPS, with a certificate made at the start");
  command->add_option("--certificate-dir", server->certificate_folder, "keep the certificate in this folder")
      ->type_name("DIR");
  AddList(command, "--fault", &options->faults, "NAME:RATE",
          "fail so many of the requests: 429, 500, 503, slow, cut, invalid, expired or invalid_token");
  AddDuration(command, "--slow", &server->slow, "how long the fault slow takes");
  command->add_option("--seed", server->seed, "the same seed gives the same accounts and faults")
      ->capture_default_str();
  command->add_option("--keep", server->keep, "different events to keep")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  AddAccessFlags(command, server);
  AddLeadFlags(command, server);
  command->callback([=] { *action = [options](CommandIo& io) { return SnapServerCommand(*options, io); }; });
}

}  // namespace millrace
