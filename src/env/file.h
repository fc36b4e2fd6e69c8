#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_size.h"
#include "base/ids.h"
#include "base/result.h"

namespace millrace {

// Files by path. All functions are thread-safe; errors name the path and what the system said.

/// The whole content. Errors: kNotFound; kIo.
Result<std::string> ReadFile(const std::string& path);

/// Replaces `path` by `content` so that after a crash either the old or the new content is there, complete:
/// written beside it, synced, renamed, directory synced. Errors: kResourceExhausted when the disk is full;
/// kIo.
Status WriteFileAtomically(const std::string& path, std::string_view content);

/// Replaces `to` when it exists; atomic within one file system; the directory of `to` is synced.
Status Rename(const std::string& from, const std::string& to);

/// Makes every file written below `directory` so far survive a crash of the machine.
Status SyncDirectory(const std::string& directory);

/// Makes what was written to the file so far survive a crash of the machine.
Status SyncFile(const std::string& path);

/// When the file was last written, by the clock of its file system. Errors: kNotFound; kIo.
Result<EventTime> ModifiedTime(const std::string& path);

/// A file, or a directory with everything in it; ok when there is nothing.
Status RemoveAll(const std::string& path);

/// With missing parents; ok when it exists as a directory.
Status CreateDirectories(const std::string& path);

/// `path` seen from the current directory, without "." and "..".
Result<std::string> AbsolutePath(const std::string& path);

bool PathExists(const std::string& path);

struct DirectoryEntry {
  std::string name;  ///< without the directory
  bool is_directory = false;
  ByteCount size;  ///< of a file
};

/// Entries sorted by name, without "." and "..". Errors: kNotFound; kIo.
Result<std::vector<DirectoryEntry>> ListDirectory(const std::string& path);

/// What a user without privileges may still write on the file system of `path`.
Result<ByteCount> FreeSpace(const std::string& path);

/// A lock on a file among processes and within one process: held from Acquire until destruction or exit of
/// the process, however it ends. The file stays.
class FileLock {
 public:
  /// Takes the lock at once or fails; makes the file when missing.
  /// Errors: kAlreadyExists naming the process that holds it; kIo.
  static Result<FileLock> Acquire(const std::string& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;  // -1 after a move
};

}  // namespace millrace
