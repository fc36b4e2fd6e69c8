#include "engine/state_owners.h"

#include <utility>

#include "base/log.h"
#include "runtime/offset_metadata.h"

namespace millrace {
namespace {

constexpr std::size_t kMostWaiting = 64;

}  // namespace

StateOwners::StateOwners(Cluster* cluster, std::string group) : cluster_(cluster), group_(std::move(group)) {}

StateOwners::~StateOwners() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.Join();
}

void StateOwners::Find(std::vector<TopicPartition> inputs, Done done) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back({std::move(inputs), std::move(done)});
      if (!thread_.running()) thread_ = Thread("state-owners", [this] { Run(); });
      changed_.notify_all();
      return;
    }
  }
  done({});
}

void StateOwners::Run() {
  while (true) {
    Question question;
    {
      MutexLock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      question = std::move(waiting_.front());
      waiting_.erase(waiting_.begin());
    }
    question.done(Look(question.inputs));
  }
}

std::map<Partition, std::string> StateOwners::Look(const std::vector<TopicPartition>& inputs) {
  std::map<Partition, std::string> owners;
  Status status;
  if (member_ == nullptr) {
    auto made = cluster_->MakeGroupMember(group_, "millrace-state-owners");
    status = made.status();
    if (made.ok()) member_ = *std::move(made);
  }
  if (member_ != nullptr) {
    const auto committed = member_->Committed(inputs);
    status = committed.status();
    for (std::size_t i = 0; committed.ok() && i < committed->size(); ++i) {
      const CommittedOffset& at = (*committed)[i];
      const auto metadata = ParseOffsetMetadata(at.metadata);
      if (!metadata.ok()) continue;  // not written by a worker
      const auto address = metadata->notes.find(std::string(kHttpNote));
      if (address != metadata->notes.end()) owners[at.partition.partition] = address->second;
    }
  }
  if (!status.ok()) Log(LogLevel::kWarning, "the owners of a state cannot be asked for", {{"error", status}});
  return owners;
}

}  // namespace millrace
