#include "connectors/memory/memory_log.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "connect/murmur2.h"

namespace millrace {
namespace {

std::optional<std::string> Copy(BytesView bytes) {
  if (bytes.is_null()) return std::nullopt;
  return std::string(bytes.view());
}

MemoryRecord CopyRecord(const OutgoingRecord& record) {
  MemoryRecord copy;
  copy.timestamp_ms = record.timestamp_ms;
  copy.key = Copy(record.key);
  copy.value = Copy(record.value);
  for (const HeaderView& header : record.headers)
    copy.headers.push_back({std::string(header.name), Copy(header.value)});
  return copy;
}

std::int64_t SizeOf(const OutgoingRecord& record) {
  std::int64_t size = static_cast<std::int64_t>(record.key.size) + record.value.size;
  for (const HeaderView& header : record.headers) {
    size += static_cast<std::int64_t>(header.name.size()) + header.value.size;
  }
  return size;
}

Status NoSuchPartition(const TopicPartition& partition) {
  return Status::NotFound("the in-memory log has no partition " + partition.ToString() +
                          "; create the topic first");
}

}  // namespace

MemoryLog::MemoryLog(const Clock* clock, MemoryLogOptions options) : clock_(clock), options_(options) {
  MR_CHECK(clock != nullptr);
}

// --- Topics ---

Status MemoryLog::CreateTopic(const NewTopic& topic) {
  MutexLock lock(mutex_);
  if (topic.name.empty() || topic.partitions < 1) {
    return Status::InvalidArgument("cannot create topic '" + topic.name +
                                   "': it needs a name and at least one partition");
  }
  if (topics_.contains(topic.name)) return Status::AlreadyExists("topic " + topic.name + " exists already");
  Topic& made = topics_[topic.name];
  made.description = {topic.name, topic.partitions, "memory-topic-" + std::to_string(++last_topic_id_),
                      topic.config};
  for (std::int32_t p = 0; p < topic.partitions; ++p) {
    made.partitions.emplace_back(TopicPartition{topic.name, Partition(p)});
  }
  for (auto& [name, group] : groups_) group.TopicChanged(topic.name);
  return Status::Ok();
}

Status MemoryLog::DeleteTopic(const std::string& topic) {
  MutexLock lock(mutex_);
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return Status::NotFound("there is no topic " + topic + " to delete");
  for (std::int32_t p = 0; p < it->second.description.partitions; ++p) {
    const TopicPartition partition{topic, Partition(p)};
    for (auto& [name, group] : groups_) group.Forget(partition);
    for (auto& [id, transaction] : transactions_) transaction.partitions.erase(partition);
  }
  topics_.erase(it);
  for (auto& [name, group] : groups_) group.TopicChanged(topic);
  return Status::Ok();
}

Status MemoryLog::AddPartitions(const std::string& topic, std::int32_t partitions) {
  MutexLock lock(mutex_);
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return Status::NotFound("there is no topic " + topic + " to add partitions to");
  std::int32_t& count = it->second.description.partitions;
  for (; count < partitions; ++count)
    it->second.partitions.emplace_back(TopicPartition{topic, Partition(count)});
  for (auto& [name, group] : groups_) group.TopicChanged(topic);
  return Status::Ok();
}

std::optional<TopicDescription> MemoryLog::Describe(const std::string& topic) const {
  MutexLock lock(mutex_);
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return std::nullopt;
  return it->second.description;
}

std::vector<TopicDescription> MemoryLog::List() const {
  MutexLock lock(mutex_);
  std::vector<TopicDescription> all;
  for (const auto& [name, topic] : topics_) all.push_back(topic.description);
  return all;
}

Status MemoryLog::DeleteRecords(const TopicPartition& partition, Offset before) {
  MutexLock lock(mutex_);
  PartitionLog* log = Find(partition);
  if (log == nullptr) return NoSuchPartition(partition);
  if (before > log->Bounds().high) {
    return Status::InvalidArgument("cannot delete records of " + partition.ToString() + " before offset " +
                                   std::to_string(before.value()) + ": the log ends at " +
                                   std::to_string(log->Bounds().high.value()));
  }
  log->DeleteBefore(before);
  return Status::Ok();
}

Status MemoryLog::Compact(const std::string& topic, bool drop_tombstones) {
  MutexLock lock(mutex_);
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return Status::NotFound("there is no topic " + topic + " to compact");
  for (PartitionLog& partition : it->second.partitions) partition.Compact(drop_tombstones);
  return Status::Ok();
}

// --- Records ---

PartitionLog* MemoryLog::Find(const TopicPartition& partition) {
  return const_cast<PartitionLog*>(std::as_const(*this).Find(partition));
}

const PartitionLog* MemoryLog::Find(const TopicPartition& partition) const {
  const auto it = topics_.find(partition.topic);
  if (it == topics_.end()) return nullptr;
  const auto at = static_cast<std::size_t>(partition.partition.value());
  if (partition.partition.value() < 0 || at >= it->second.partitions.size()) return nullptr;
  return &it->second.partitions[at];
}

std::int64_t MemoryLog::MaxMessageBytes(const Topic& topic) const {
  const auto it = topic.description.config.find("max.message.bytes");
  std::int64_t limit = options_.max_message_bytes;
  if (it != topic.description.config.end()) {
    std::from_chars(it->second.data(), it->second.data() + it->second.size(), limit);
  }
  return limit;
}

Result<WrittenRecord> MemoryLog::AppendLocked(const OutgoingRecord& record, TransactionNumber number) {
  TopicPartition to{std::string(record.topic), record.partition};
  const auto topic = topics_.find(to.topic);
  if (topic == topics_.end()) return NoSuchPartition(to);
  if (to.partition == kPartitionByKey) {
    const std::int32_t count = topic->second.description.partitions;
    // Kafka takes any partition for a null key; here they go round, so that runs repeat.
    to.partition = record.key.is_null() ? Partition(static_cast<std::int32_t>(keyless_records_++ % count))
                                        : PartitionOfKey(record.key.view(), count);
  }
  PartitionLog* log = Find(to);
  if (log == nullptr) return NoSuchPartition(to);
  if (SizeOf(record) > MaxMessageBytes(topic->second)) {
    return Status::InvalidArgument("a record of " + std::to_string(SizeOf(record)) +
                                   " bytes is too large for " + to.ToString() + ": max.message.bytes is " +
                                   std::to_string(MaxMessageBytes(topic->second)));
  }
  const Offset offset = log->Append(CopyRecord(record), number);
  return WrittenRecord{std::move(to), offset};
}

Result<WrittenRecord> MemoryLog::Append(const OutgoingRecord& record) {
  MutexLock lock(mutex_);
  return AppendLocked(record, 0);
}

Result<Offset> MemoryLog::Append(const TopicPartition& partition, const MemoryRecord& record) {
  MutexLock lock(mutex_);
  PartitionLog* log = Find(partition);
  if (log == nullptr) return NoSuchPartition(partition);
  return log->Append(record, 0);
}

std::vector<MemoryRecord> MemoryLog::Read(const TopicPartition& partition, Isolation isolation) const {
  MutexLock lock(mutex_);
  const PartitionLog* log = Find(partition);
  if (log == nullptr) return {};
  return log->Read(isolation);
}

Result<FetchedRecords> MemoryLog::Fetch(const TopicPartition& partition, Offset from,
                                        const FetchLimits& limits) {
  MutexLock lock(mutex_);
  AbortExpired();
  const PartitionLog* log = Find(partition);
  if (log == nullptr) return NoSuchPartition(partition);
  return log->Fetch(from, limits);
}

Status MemoryLog::Break(const TopicPartition& partition, Offset first, Offset next) {
  MutexLock lock(mutex_);
  PartitionLog* log = Find(partition);
  if (log == nullptr) return NoSuchPartition(partition);
  log->Break(first, next);
  return Status::Ok();
}

Result<LogBounds> MemoryLog::Bounds(const TopicPartition& partition) {
  MutexLock lock(mutex_);
  AbortExpired();
  const PartitionLog* log = Find(partition);
  if (log == nullptr) return NoSuchPartition(partition);
  return log->Bounds();
}

// --- Transactions ---

Result<ProducerIdentity> MemoryLog::Init(const std::string& transactional_id) {
  MutexLock lock(mutex_);
  Transaction& transaction = transactions_[transactional_id];
  EndLocked(transaction, false);
  return ProducerIdentity{transactional_id, ++transaction.epoch};
}

Result<MemoryLog::Transaction*> MemoryLog::Owned(const ProducerIdentity& producer) {
  AbortExpired();
  const auto it = transactions_.find(producer.transactional_id);
  if (it == transactions_.end() || it->second.epoch != producer.epoch) {
    return Status::Fenced("transactional id " + producer.transactional_id +
                          " was taken by a later producer; this one must stop");
  }
  return &it->second;
}

Status MemoryLog::Begin(const ProducerIdentity& producer) {
  MutexLock lock(mutex_);
  MR_ASSIGN_OR_RETURN(Transaction * transaction, Owned(producer));
  MR_CHECK(transaction->number == 0) << "transaction of " << producer.transactional_id << " is open already";
  transaction->number = ++last_transaction_;
  return Status::Ok();
}

Result<WrittenRecord> MemoryLog::Send(const ProducerIdentity& producer, const OutgoingRecord& record) {
  MutexLock lock(mutex_);
  MR_ASSIGN_OR_RETURN(Transaction * transaction, Owned(producer));
  MR_CHECK(transaction->number != 0) << "no open transaction of " << producer.transactional_id;
  MR_ASSIGN_OR_RETURN(WrittenRecord written, AppendLocked(record, transaction->number));
  if (transaction->partitions.empty() && transaction->offsets.empty())
    transaction->began_ms = clock_->Now().value();
  transaction->partitions.insert(written.partition);
  return written;
}

Status MemoryLog::SendOffsets(const ProducerIdentity& producer, const GroupToken& token,
                              std::span<const CommittedOffset> offsets) {
  MutexLock lock(mutex_);
  MR_ASSIGN_OR_RETURN(Transaction * transaction, Owned(producer));
  MR_CHECK(transaction->number != 0) << "no open transaction of " << producer.transactional_id;
  const auto& member = dynamic_cast<const MemoryGroupToken&>(token);
  if (!groups_[member.group()].MayCommit(member.member_id(), member.generation())) {
    return Status::Aborted("group " + member.group() + " does not accept offsets of member " +
                           member.member_id() + " in generation " + std::to_string(member.generation()));
  }
  if (transaction->partitions.empty() && transaction->offsets.empty())
    transaction->began_ms = clock_->Now().value();
  auto& pending = transaction->offsets[member.group()];
  pending.insert(pending.end(), offsets.begin(), offsets.end());
  return Status::Ok();
}

Status MemoryLog::End(const ProducerIdentity& producer, bool commit) {
  MutexLock lock(mutex_);
  MR_ASSIGN_OR_RETURN(Transaction * transaction, Owned(producer));
  EndLocked(*transaction, commit);
  return Status::Ok();
}

void MemoryLog::EndLocked(Transaction& transaction, bool commit) {
  if (transaction.number == 0) return;
  for (const TopicPartition& partition : transaction.partitions) {
    if (commit && lose_end_in_ == partition) {
      lost_end_ = {*std::exchange(lose_end_in_, std::nullopt), transaction.number};
      continue;
    }
    if (PartitionLog* log = Find(partition)) log->EndTransaction(transaction.number, commit);
  }
  if (commit) {
    for (const auto& [group, offsets] : transaction.offsets) groups_[group].Store(offsets);
  }
  transaction.number = 0;
  transaction.partitions.clear();
  transaction.offsets.clear();
}

void MemoryLog::AbortExpired() {
  const std::int64_t oldest_ms = clock_->Now().value() - options_.transaction_timeout.count();
  for (auto& [id, transaction] : transactions_) {
    // As in Kafka, the broker learns of a transaction with its first partition or offsets.
    if (transaction.number == 0 || (transaction.partitions.empty() && transaction.offsets.empty())) continue;
    if (transaction.began_ms >= oldest_ms) continue;
    EndLocked(transaction, false);
    ++transaction.epoch;  // Kafka fences the producer whose transaction it ended.
  }
}

// --- Groups ---

GroupCoordinator::PartitionCounts MemoryLog::Counts() const {
  GroupCoordinator::PartitionCounts counts;
  for (const auto& [name, topic] : topics_) counts[name] = topic.description.partitions;
  return counts;
}

std::string MemoryLog::Join(const std::string& group, const std::string& client_id,
                            const std::vector<std::string>& topics) {
  MutexLock lock(mutex_);
  return groups_[group].Join(client_id, topics);
}

void MemoryLog::Leave(const std::string& group, const std::string& member_id) {
  MutexLock lock(mutex_);
  groups_[group].Leave(member_id, Counts());
}

void MemoryLog::Rejoin(const std::string& group, const std::string& member_id) {
  MutexLock lock(mutex_);
  groups_[group].Rejoin(member_id, Counts());
}

std::vector<MemberDescription> MemoryLog::Members(const std::string& group) const {
  MutexLock lock(mutex_);
  const auto found = groups_.find(group);
  return found == groups_.end() ? std::vector<MemberDescription>() : found->second.Members();
}

MembershipView MemoryLog::Observe(const std::string& group, const std::string& member_id) const {
  MutexLock lock(mutex_);
  const auto it = groups_.find(group);
  return it == groups_.end() ? MembershipView{} : it->second.Observe(member_id);
}

Result<std::vector<CommittedOffset>> MemoryLog::Committed(const std::string& group,
                                                          std::span<const TopicPartition> partitions) {
  MutexLock lock(mutex_);
  AbortExpired();
  for (const auto& [id, transaction] : transactions_) {
    const auto pending = transaction.offsets.find(group);
    if (pending == transaction.offsets.end()) continue;
    for (const CommittedOffset& offset : pending->second) {
      if (std::find(partitions.begin(), partitions.end(), offset.partition) == partitions.end()) continue;
      return Status::Unavailable("the offset of " + offset.partition.ToString() + " in group " + group +
                                 " is held by the open transaction of " + id + "; ask again");
    }
  }
  std::vector<CommittedOffset> stored;
  const GroupCoordinator& coordinator = groups_[group];
  for (const TopicPartition& partition : partitions) stored.push_back(coordinator.Stored(partition));
  return stored;
}

std::vector<CommittedOffset> MemoryLog::AllCommitted(const std::string& group) const {
  MutexLock lock(mutex_);
  const auto found = groups_.find(group);
  return found == groups_.end() ? std::vector<CommittedOffset>() : found->second.AllStored();
}

Status MemoryLog::CommitOffsets(const GroupToken& token, std::span<const CommittedOffset> offsets) {
  MutexLock lock(mutex_);
  const auto& member = dynamic_cast<const MemoryGroupToken&>(token);
  GroupCoordinator& group = groups_[member.group()];
  if (!group.MayCommit(member.member_id(), member.generation())) {
    return Status::Aborted("group " + member.group() + " does not accept offsets of member " +
                           member.member_id() + " in generation " + std::to_string(member.generation()));
  }
  group.Store(offsets);
  return Status::Ok();
}

// --- Trouble ---

void MemoryLog::Inject(const Fault& fault) {
  MutexLock lock(mutex_);
  MR_CHECK(fault.nth >= 1);
  faults_.push_back(fault);
}

void MemoryLog::KickMember(const std::string& group, const std::string& client_id) {
  MutexLock lock(mutex_);
  GroupCoordinator& coordinator = groups_[group];
  coordinator.Leave(coordinator.MemberOf(client_id), Counts());
}

void MemoryLog::LoseEnd(const TopicPartition& partition) {
  MutexLock lock(mutex_);
  lose_end_in_ = partition;
}

void MemoryLog::WriteLostEnd() {
  MutexLock lock(mutex_);
  MR_CHECK(lost_end_.has_value());
  Find(lost_end_->first)->EndTransaction(lost_end_->second, true);
  lost_end_.reset();
}

void MemoryLog::ClearFaults() {
  MutexLock lock(mutex_);
  faults_.clear();
}

std::optional<FaultOutcome> MemoryLog::NextFault(LogCall call) {
  MutexLock lock(mutex_);
  std::optional<FaultOutcome> outcome;
  for (auto it = faults_.begin(); it != faults_.end();) {
    if (it->call == call && --it->nth == 0) {
      if (!outcome) outcome = it->outcome;
      it = faults_.erase(it);
    } else {
      ++it;
    }
  }
  return outcome;
}

}  // namespace millrace
