#include "runtime/slot.h"

#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

constexpr int kMostSlots = 1'024;  // workers of one pipeline on one machine
constexpr int kNodeIdBytes = 4;

class FileSlot final : public Slot {
 public:
  FileSlot(FileLock lock, std::string id, int number)
      : lock_(std::move(lock)), id_(std::move(id)), number_(number) {}
  const std::string& transactional_id() const override { return id_; }
  int number() const override { return number_; }

 private:
  const FileLock lock_;
  const std::string id_;
  const int number_;
};

/// The random id of this state directory, made at its first use.
Result<std::string> NodeId(const std::string& app_dir) {
  const std::string path = app_dir + "/node_id";
  // Two processes that start together must agree on one id.
  const std::string fresh = RandomId(kNodeIdBytes);
  for (;;) {
    auto read = ReadFile(path);
    if (read.ok() && !read->empty()) return read;
    if (!read.ok() && read.status().code() != StatusCode::kNotFound) return read;
    auto lock = FileLock::Acquire(path + ".lock");
    if (!lock.ok() && lock.status().code() == StatusCode::kAlreadyExists) continue;
    MR_RETURN_IF_ERROR(lock.status());
    if (auto again = ReadFile(path); again.ok() && !again->empty()) return again;
    MR_RETURN_IF_ERROR(WriteFileAtomically(path, fresh));
  }
}

}  // namespace

std::string Slot::NodeOf(const std::string& app, const std::string& id) {
  const std::string prefix = app + "-";
  const std::size_t end = id.rfind('-');
  if (!id.starts_with(prefix) || end < prefix.size()) return "";
  return id.substr(prefix.size(), end - prefix.size());
}

Result<std::unique_ptr<Slot>> Slot::Acquire(const std::string& app_dir, const std::string& app,
                                            std::optional<int> wanted) {
  const std::string dir = app_dir + "/slots";
  MR_RETURN_IF_ERROR(CreateDirectories(dir));
  MR_ASSIGN_OR_RETURN(const std::string node, NodeId(app_dir));
  const int first = wanted.value_or(0);
  const int last = wanted.has_value() ? first : kMostSlots - 1;
  for (int number = first; number <= last; ++number) {
    auto lock = FileLock::Acquire(dir + "/" + std::to_string(number));
    if (lock.ok()) {
      return std::unique_ptr<Slot>(std::make_unique<FileSlot>(
          *std::move(lock), app + "-" + node + "-" + std::to_string(number), number));
    }
    if (lock.status().code() != StatusCode::kAlreadyExists) return lock.status();
    if (wanted.has_value()) {
      return lock.status().WithContext("slot " + std::to_string(number) + " of pipeline '" + app +
                                       "' is taken; choose another MILLRACE_SLOT or leave it unset");
    }
  }
  return Status::ResourceExhausted("all " + std::to_string(kMostSlots) + " slots under " + dir +
                                   " are taken");
}

}  // namespace millrace
