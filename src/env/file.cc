#include "env/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "env/file_access.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

Status FromErrno(int error, const std::string& what, const std::string& path) {
  const std::string message = what + " " + path + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return Status::NotFound(message);
    case EEXIST:
      return Status::AlreadyExists(message);
    case EACCES:
    case EPERM:
      return Status::PermissionDenied(message + "; " + ExplainRefusedAccess(path));
    case EROFS:
      return Status::PermissionDenied(message);
    case ENOSPC:
    case EDQUOT:
      return Status::ResourceExhausted(message + "; free some space or move state_dir");
    case EMFILE:
    case ENFILE:
      return Status::ResourceExhausted(message + "; raise the limit of open files (ulimit -n)");
    default:
      return Status::Io(message);
  }
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, mode_t mode = 0) {
    do {
      fd_ = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd_ < 0 && errno == EINTR);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

std::string ParentOf(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return FromErrno(errno, "cannot write", path);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return Status::Ok();
}

Status WriteAndSync(const std::string& path, std::string_view content) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!file.ok()) return FromErrno(errno, "cannot create", path);
  MR_RETURN_IF_ERROR(WriteAll(file.get(), content, path));
  if (::fsync(file.get()) != 0) return FromErrno(errno, "cannot sync", path);
  return Status::Ok();
}

/// The process id written into a lock file, or "".
std::string HolderOf(int fd) {
  char text[32] = {};
  const ssize_t size = ::pread(fd, text, sizeof(text) - 1, 0);
  if (size <= 0) return "";
  const std::string_view digits(text, static_cast<std::size_t>(size));
  return std::string(digits.substr(0, digits.find_first_not_of("0123456789")));
}

}  // namespace

Result<std::string> ReadFile(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) return FromErrno(errno, "cannot read", path);
  std::string content;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t size = ::read(file.get(), buffer, sizeof(buffer));
    if (size == 0) return content;
    if (size > 0) {
      content.append(buffer, static_cast<std::size_t>(size));
    } else if (errno != EINTR) {
      return FromErrno(errno, "cannot read", path);
    }
  }
}

Status WriteFileAtomically(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp-" + std::to_string(::getpid());
  Status status = WriteAndSync(temporary, content);
  if (status.ok()) status = Rename(temporary, path);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return FromErrno(errno, "cannot rename " + from + " to", to);
  return SyncDirectory(ParentOf(to));
}

Status SyncDirectory(const std::string& directory) {
  const Descriptor fd(directory, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return FromErrno(errno, "cannot open directory", directory);
  // Some file systems cannot sync a directory and say EINVAL; they need no such call.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return FromErrno(errno, "cannot sync directory", directory);
  return Status::Ok();
}

Status SyncFile(const std::string& path) {
  const Descriptor fd(path, O_RDONLY);
  if (!fd.ok()) return FromErrno(errno, "cannot open", path);
  if (::fdatasync(fd.get()) != 0) return FromErrno(errno, "cannot sync", path);
  return Status::Ok();
}

Result<EventTime> ModifiedTime(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) return FromErrno(errno, "cannot look at", path);
  return EventTime(found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1'000'000);
}

Status RemoveAll(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? FromErrno(error.value(), "cannot remove", path) : Status::Ok();
}

Status CreateDirectories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FromErrno(error.value(), "cannot make directory", path);
  if (!fs::is_directory(path, error))
    return Status::Io("cannot make directory " + path + ": a file is in its place");
  return Status::Ok();
}

Result<std::string> AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  if (error) return FromErrno(error.value(), "cannot tell the current directory for", path);
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

bool PathExists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Result<std::vector<DirectoryEntry>> ListDirectory(const std::string& path) {
  std::error_code error;
  fs::directory_iterator at(path, error);
  if (error) return FromErrno(error.value(), "cannot list", path);
  std::vector<DirectoryEntry> entries;
  for (; at != fs::directory_iterator(); at.increment(error)) {
    DirectoryEntry entry;
    entry.name = at->path().filename().string();
    std::error_code gone;  // an entry may vanish while we look
    entry.is_directory = at->is_directory(gone);
    if (!entry.is_directory) {
      const std::uintmax_t size = at->file_size(gone);
      entry.size = ByteCount(gone ? 0 : static_cast<std::int64_t>(size));
    }
    entries.push_back(std::move(entry));
    if (error) break;
  }
  if (error) return FromErrno(error.value(), "cannot list", path);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<ByteCount> FreeSpace(const std::string& path) {
  std::error_code error;
  const fs::space_info space = fs::space(path, error);
  if (error) return FromErrno(error.value(), "cannot measure the free space of", path);
  return ByteCount(static_cast<std::int64_t>(space.available));
}

Result<FileLock> FileLock::Acquire(const std::string& path) {
  Descriptor file(path, O_RDWR | O_CREAT, 0644);
  if (!file.ok()) return FromErrno(errno, "cannot open lock file", path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FromErrno(errno, "cannot lock", path);
    const std::string holder = HolderOf(file.get());
    return Status::AlreadyExists(path + " is held by " +
                                 (holder.empty() ? "another process" : "process " + holder) +
                                 "; stop it or choose another place");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), pid.data(), pid.size(), 0) < 0) {
    return FromErrno(errno, "cannot write lock file", path);
  }
  return FileLock(file.Release());
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);  // closing releases the lock
}

}  // namespace millrace
