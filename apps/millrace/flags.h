#pragma once

#include <functional>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "engine/commands/cluster_connection.h"
#include "engine/commands/command.h"

namespace millrace {

/// What a parsed command line runs.
using Action = std::function<Exit(CommandIo&)>;

/// Reads a duration flag ("60s"). `target` must outlive the app.
CLI::Option* AddDuration(CLI::App* app, const std::string& flag, Duration* target, const std::string& help);

/// The same for a duration that has no value without the flag.
CLI::Option* AddDuration(CLI::App* app, const std::string& flag, std::optional<Duration>* target,
                         const std::string& help);

/// Flags that choose a cluster: --broker, -X and --file. `choice` must outlive the app.
void AddClusterFlags(CLI::App* app, ClusterChoice* choice);

// Each adds its commands to `app`; parsing one sets `action`.
void AddPipelineCommands(CLI::App* app, Action* action);   ///< run, lint, graph, explain, test
void AddDemoCommands(CLI::App* app, Action* action);       ///< demo, broker
void AddTopicCommands(CLI::App* app, Action* action);      ///< topic list|create|read|write|describe
void AddGroupCommands(CLI::App* app, Action* action);      ///< lag, reset
void AddStateCommands(CLI::App* app, Action* action);      ///< state dump|get|export|stats, checkpoint verify
void AddSavepointCommands(CLI::App* app, Action* action);  ///< savepoint create|inspect|restore
void AddReferenceCommands(CLI::App* app, Action* action);  ///< schema infer|yaml, version, docs
void AddSnapServerCommand(CLI::App* app, Action* action);  ///< snap-server

}  // namespace millrace
