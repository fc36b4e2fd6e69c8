#include "runtime/feeder.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "env/crash_point.h"

namespace millrace {
namespace {

constexpr std::chrono::milliseconds kPollEvery{500};  // the group waits for its members
constexpr Duration kBackoffFirst{100};
constexpr Duration kBackoffMost{30'000};

MetricLabels Labels(const Feed& feed) { return {{"source", feed.source}}; }

bool IsRetryable(const Status& status) { return status.error_class() == ErrorClass::kRetryable; }

}  // namespace

Feeder::Feeder(const Feed& feed, std::unique_ptr<FeedSource> source, Cluster& cluster, const Clock& clock,
               MetricRegistry& metrics, FeederOptions options)
    : feed_(feed),
      options_(std::move(options)),
      position_{feed.position_topic, Partition(0)},
      cluster_(cluster),
      clock_(clock),
      records_(metrics.GetCounter("millrace_feed_records_total",
                                  "Records that a source outside Kafka brought.", Labels(feed))),
      bytes_(
          metrics.GetCounter("millrace_feed_bytes_total", "Bytes of their keys and values.", Labels(feed))),
      commits_(metrics.GetCounter("millrace_feed_commits_total",
                                  "Times that records and positions of a source were committed.",
                                  Labels(feed))),
      errors_(metrics.GetCounter("millrace_feed_errors_total",
                                 "Errors of a source, or of Kafka for it; each is tried again.",
                                 Labels(feed))),
      running_gauge_(
          metrics.GetGauge("millrace_feed_running", "1 where this process runs the source.", Labels(feed))),
      paused_gauge_(metrics.GetGauge(
          "millrace_feed_paused", "1 while a source waits for somebody to correct something.", Labels(feed))),
      age_gauge_(metrics.GetGauge(
          "millrace_feed_position_age_seconds",
          "Since the position of a source that runs here was committed last, or since it began to run here.",
          Labels(feed))),
      source_(std::move(source)) {}

Feeder::~Feeder() = default;

Status Feeder::Start() {
  last_poll_ = clock_.Steady();
  MR_ASSIGN_OR_RETURN(member_, cluster_.MakeGroupMember(feed_.group, options_.client_id));
  return member_->Subscribe({feed_.position_topic}, this);
}

Status Feeder::RunOnce(Duration wait) {
  const auto now = clock_.Steady();
  status_.last_round_ns = now.count();
  ShowAge();
  const bool idle = phase_ == Phase::kStandby || now < retry_at_;
  if (idle || now - last_poll_ >= kPollEvery) MR_RETURN_IF_ERROR(Poll(idle ? wait : Duration(0)));
  if (phase_ == Phase::kStandby || clock_.Steady() < retry_at_) return Status::Ok();
  return phase_ == Phase::kRecovering ? Recover(wait) : Bring(wait);
}

Status Feeder::Stop() {
  Status closed = member_ != nullptr ? member_->Close() : Status::Ok();
  Enter(Phase::kStandby);
  return closed;
}

Status Feeder::Poll(Duration wait) {
  PollLimits limits;
  limits.wait = wait;
  limits.max_records = 0;
  last_poll_ = clock_.Steady();
  const Status polled = member_->Poll(limits).status();
  if (polled.ok() || !IsRetryable(polled)) return polled;
  errors_.Add(1);
  Log(LogLevel::kWarning, "Kafka does not answer; trying again",
      {{"source", feed_.source}, {"error", polled}});
  return Status::Ok();
}

void Feeder::OnAssigned(std::vector<TopicPartition> partitions) {
  const bool mine = std::find(partitions.begin(), partitions.end(), position_) != partitions.end();
  if (mine) {
    last_commit_ = clock_.Steady();
    Enter(Phase::kRecovering);
  }
  if (!mine && phase_ == Phase::kStandby) status_.settled = true;
  Log(LogLevel::kInfo, mine ? "the source runs here" : "the source runs elsewhere",
      {{"source", feed_.source}, {"client", options_.client_id}});
}

void Feeder::OnRevoked(std::vector<TopicPartition> partitions, bool /*lost*/) {
  // Nothing is open between two rounds: what the source brought was committed or dropped.
  if (std::find(partitions.begin(), partitions.end(), position_) == partitions.end()) return;
  Enter(Phase::kStandby);
  status_.settled = false;
}

void Feeder::Enter(Phase phase) {
  phase_ = phase;
  reader_.reset();
  if (phase != Phase::kRunning) producer_.reset();
  if (phase == Phase::kStandby) {
    retry_at_ = {};
    paused_gauge_.Set(0);
    age_gauge_.Set(0);
  }
  if (phase == Phase::kRecovering) status_.settled = false;
  if (phase == Phase::kRunning) status_.settled = true;
  running_gauge_.Set(phase == Phase::kRunning ? 1 : 0);
}

// --- The positions ---

Status Feeder::Recover(Duration wait) {
  if (producer_ == nullptr) {
    auto producer = cluster_.MakeProducer(options_.exactly_once ? feed_.group : "");
    if (!producer.ok()) return KafkaFailed(producer.status());
    producer_ = *std::move(producer);
    if (const Status begun = producer_->Init(); !begun.ok()) return KafkaFailed(begun);
  }
  if (reader_ == nullptr) {
    auto log = cluster_.MakeChangelogReader();
    if (!log.ok()) return KafkaFailed(log.status());
    auto reader = FeedPositionReader::Make(*std::move(log), position_);
    if (!reader.ok()) return KafkaFailed(reader.status());
    reader_ = *std::move(reader);
  }
  Result<std::optional<FeedPositions>> read = reader_->Step(wait);
  if (!read.ok()) return KafkaFailed(read.status());
  if (!read->has_value()) return Status::Ok();
  position_end_ = reader_->end();
  CrashPoint("feed_positions_read");
  if (const Status opened = source_->Open(**std::move(read)); !opened.ok()) return SourceFailed(opened);
  Enter(Phase::kRunning);
  return Status::Ok();
}

// --- The records ---

Status Feeder::Bring(Duration wait) {
  const auto begun = clock_.Steady();
  const Result<FeedBatch> batch = source_->Next(wait);
  if (!batch.ok()) return SourceFailed(batch.status());
  paused_gauge_.Set(0);
  if (batch->empty()) {  // where nothing is due it does not wait
    const auto left = std::chrono::ceil<Duration>(begun + wait - clock_.Steady());
    return left > Duration(0) ? Poll(left) : Status::Ok();
  }
  if (const Status committed = Commit(*batch); !committed.ok()) return KafkaFailed(committed);
  source_->Committed();
  std::int64_t bytes = 0;
  for (const FeedRecord& record : batch->records)
    bytes += static_cast<std::int64_t>(record.key.size() + record.value.value_or("").size());
  records_.Add(static_cast<std::int64_t>(batch->records.size()));
  bytes_.Add(bytes);
  commits_.Add(1);
  backoff_ = Duration(0);
  last_commit_ = clock_.Steady();
  ShowAge();
  return Status::Ok();
}

Status Feeder::Commit(const FeedBatch& batch) {
  if (options_.exactly_once) MR_RETURN_IF_ERROR(producer_->Begin());
  MR_RETURN_IF_ERROR(SendRecords(batch));
  CrashPoint("feed_records_sent");
  if (!options_.exactly_once) MR_RETURN_IF_ERROR(producer_->Flush());
  MR_RETURN_IF_ERROR(SendPositions(batch));
  CrashPoint("feed_positions_sent");
  const std::vector<CommittedOffset> offsets{{position_, position_end_, ""}};
  if (!options_.exactly_once) {
    MR_RETURN_IF_ERROR(producer_->Flush());
    MR_RETURN_IF_ERROR(member_->CommitOffsets(offsets));
  } else {
    MR_ASSIGN_OR_RETURN(const auto token, member_->Token());
    MR_RETURN_IF_ERROR(producer_->SendOffsets(offsets, *token));
    CrashPoint("feed_offsets_sent");
    if (member_->AssignmentLost()) return Status::Aborted("the group took the position away");
    MR_RETURN_IF_ERROR(producer_->Commit());
  }
  CrashPoint("feed_committed");
  position_end_ = std::max(position_end_, producer_->AcknowledgedEnd(position_));
  return Status::Ok();
}

Status Feeder::SendRecords(const FeedBatch& batch) {
  for (const FeedRecord& record : batch.records) {
    OutgoingRecord out;
    out.topic = feed_.topic;
    out.key = BytesView::Of(record.key);
    if (record.value) out.value = BytesView::Of(*record.value);
    out.timestamp_ms = record.time.value();
    MR_RETURN_IF_ERROR(
        producer_->Send(out).WithContext("record '" + record.key + "' of topic '" + feed_.topic + "'"));
  }
  return Status::Ok();
}

Status Feeder::SendPositions(const FeedBatch& batch) {
  for (const auto& [name, value] : batch.positions) {
    OutgoingRecord out;
    out.topic = position_.topic;
    out.partition = position_.partition;
    out.key = BytesView::Of(name);
    if (value) out.value = BytesView::Of(*value);
    out.timestamp_ms = clock_.Now().value();
    MR_RETURN_IF_ERROR(producer_->Send(out));
  }
  return Status::Ok();
}

// --- What goes wrong ---

Status Feeder::KafkaFailed(const Status& status) {
  // Fenced: another process holds the feed, or did. The group tells soon which.
  if (!IsRetryable(status) && status.code() != StatusCode::kFenced)
    return status.WithContext("the feed of source '" + feed_.source + "'");
  errors_.Add(1);
  Log(LogLevel::kWarning, "what a source brought is dropped, and will be brought again",
      {{"source", feed_.source}, {"in_ms", backoff_.count()}, {"cause", status}});
  Enter(Phase::kRecovering);
  TryAgainIn(backoff_);
  backoff_ = std::clamp(2 * backoff_, kBackoffFirst, kBackoffMost);
  return Status::Ok();
}

Status Feeder::SourceFailed(const Status& status) {
  const bool paused = status.error_class() == ErrorClass::kUser;
  if (!paused && !IsRetryable(status)) return status.WithContext("source '" + feed_.source + "'");
  errors_.Add(1);
  paused_gauge_.Set(paused ? 1 : 0);
  backoff_ = std::clamp(2 * backoff_, kBackoffFirst, kBackoffMost);
  const Duration pause = paused ? options_.pause : backoff_;
  Log(LogLevel::kWarning,
      paused ? "a source is paused until somebody corrects this" : "a source failed; trying again",
      {{"source", feed_.source}, {"in_ms", pause.count()}, {"error", status}});
  if (phase_ == Phase::kRecovering) reader_.reset();
  status_.settled = true;
  TryAgainIn(pause);
  return Status::Ok();
}

void Feeder::TryAgainIn(Duration pause) { retry_at_ = clock_.Steady() + pause; }

void Feeder::ShowAge() {
  if (phase_ == Phase::kStandby) return;
  const std::chrono::duration<double> age = clock_.Steady() - last_commit_;
  age_gauge_.Set(age.count());
}

}  // namespace millrace
