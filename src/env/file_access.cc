#include "env/file_access.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

namespace millrace {
namespace {

std::string UserName(uid_t id) {
  std::array<char, 4096> space{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(id, &entry, space.data(), space.size(), &found) != 0 || found == nullptr) {
    return "user " + std::to_string(id);
  }
  return "user '" + std::string(found->pw_name) + "'";
}

std::string Mode(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode) & 07777U);
  return text.data();
}

}  // namespace

std::string ExplainRefusedAccess(const std::string& path) {
  namespace fs = std::filesystem;
  fs::path seen(path);
  struct stat found {};
  while (::stat(seen.c_str(), &found) != 0) {
    if (!seen.has_relative_path()) return "give this process access or choose another place";
    seen = seen.parent_path();
  }
  const uid_t ours = ::geteuid();
  const std::string place = seen.string() + " belongs to " + UserName(found.st_uid) + " (mode " +
                            Mode(found.st_mode) + ") and this process runs as ";
  if (found.st_uid == ours) return place + "the same; make it writable (chmod) or choose another place";
  return place + UserName(ours) + "; change its owner (chown), run as that user or choose another place";
}

}  // namespace millrace
