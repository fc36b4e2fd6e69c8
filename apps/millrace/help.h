#pragma once

#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>

namespace millrace {

/// How --help looks: "--http HOST:PORT   what it does (default: ...)".
std::shared_ptr<CLI::FormatterBase> MakeHelpFormatter();

/// Says what was wrong with a command line, with the nearest command or option, and where to read on. A
/// command line that only lacks a command gets the help of what it names. Not for --help and --version.
void ExplainWrongUse(const CLI::App& app, const CLI::ParseError& error, std::ostream& err);

}  // namespace millrace
