#include "connectors/kafka/kafka_test_support.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/check.h"
#include "env/environment.h"

namespace millrace::test {

std::string RealBroker() {
  const auto bootstrap = GetEnv("MILLRACE_TEST_KAFKA");
  const auto skip = [] {
    GTEST_SKIP()
        << "needs a real Kafka: start one with ./dev kafka up and set MILLRACE_TEST_KAFKA to its address";
  };
  if (!bootstrap.has_value()) skip();
  return bootstrap.value_or("");
}

bool Until(const std::function<bool()>& step) {
  const SystemClock clock;
  const auto end = clock.Steady() + kDeadline;
  while (clock.Steady() < end) {
    if (step()) return true;
  }
  return false;
}

std::vector<Received> RecordsOf(const RecordBlock& block) {
  std::vector<Received> records;
  for (std::int64_t i = 0; i < block.num_records(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    Received one;
    one.null_key = block.keys()[at].is_null();
    one.null_value = block.values()[at].is_null();
    one.key = block.keys()[at].view();
    one.value = block.values()[at].view();
    one.offset = block.offsets()[at];
    one.timestamp_ms = block.timestamps_ms()[at];
    for (const HeaderView& header : block.headers(i))
      one.headers[std::string(header.name)] = header.value.view();
    records.push_back(std::move(one));
  }
  return records;
}

Member::Member(Cluster& cluster, const std::string& group, const std::vector<std::string>& topics) {
  auto made = cluster.MakeGroupMember(group, "test-member");
  MR_CHECK(made.ok()) << made.status().ToString();
  member_ = *std::move(made);
  const Status status = member_->Subscribe(topics, this);
  MR_CHECK(status.ok()) << status.ToString();
}

Member::~Member() { static_cast<void>(member_->Close()); }

void Member::OnAssigned(std::vector<TopicPartition> partitions) {
  if (partitions.empty()) return;  // nothing to hold, so nothing will be handed back
  ++assignments;
  alternated = alternated && assigned.empty();
  assigned.insert(assigned.end(), partitions.begin(), partitions.end());
  if (start_when_assigned) to_start_.insert(to_start_.end(), partitions.begin(), partitions.end());
}

void Member::OnRevoked(std::vector<TopicPartition> partitions, bool lost) {
  ++revocations;
  alternated = alternated && !assigned.empty() &&
               std::is_permutation(partitions.begin(), partitions.end(), assigned.begin(), assigned.end());
  if (lost) ++losses;
  for (const TopicPartition& partition : partitions) {
    std::erase(assigned, partition);
    std::erase(to_start_, partition);
    revoked.push_back(partition);
  }
  if (on_revoked) on_revoked();
}

void Member::Step() {
  for (const TopicPartition& partition : std::exchange(to_start_, {})) {
    const auto known = next_offset.find(partition);
    const Status status = member_->Start(partition, known == next_offset.end() ? Offset(0) : known->second);
    MR_CHECK(status.ok()) << status.ToString();
  }
  auto blocks = member_->Poll({.wait = Duration(50)});
  if (!blocks.ok()) {
    last_error = blocks.status();
    return;
  }
  for (const auto& block : *blocks) {
    auto& records = received[block->partition()];
    for (Received& one : RecordsOf(*block)) records.push_back(std::move(one));
    next_offset[block->partition()] = block->next_offset();
  }
}

std::size_t Member::count() const {
  std::size_t total = 0;
  for (const auto& [partition, records] : received) total += records.size();
  return total;
}

Status SendText(Producer& producer, const TopicPartition& to, std::string_view key, std::string_view value) {
  OutgoingRecord record;
  record.topic = to.topic;
  record.partition = to.partition;
  record.key = BytesView::Of(key);
  record.value = BytesView::Of(value);
  record.timestamp_ms = 1'700'000'000'000;
  return producer.Send(record);
}

}  // namespace millrace::test
