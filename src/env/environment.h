#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace millrace {

/// An environment variable, or nullopt when it is not set ("" when set to nothing). Not while another thread
/// sets one.
std::optional<std::string> GetEnv(const std::string& name);

/// Id of this process.
std::int64_t ProcessId();

/// The machine's name, "" when unknown.
std::string HostName();

}  // namespace millrace
