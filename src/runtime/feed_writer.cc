#include "runtime/feed_writer.h"

#include <utility>

#include "base/log.h"
#include "env/crash_point.h"

namespace millrace {
namespace {

constexpr std::size_t kMostWaiting = 1'000;
constexpr std::int64_t kMostWaitingBytes = 16 << 20;

std::int64_t SizeOf(const FeedRecord& record) {
  return static_cast<std::int64_t>(record.key.size() + record.value.value_or("").size());
}

}  // namespace

FeedWriter::FeedWriter(const std::string& source, std::string topic, Cluster& cluster,
                       MetricRegistry& metrics)
    : topic_(std::move(topic)),
      cluster_(cluster),
      records_(metrics.GetCounter("millrace_feed_records_total",
                                  "Records that a source outside Kafka brought.", {{"source", source}})),
      bytes_(metrics.GetCounter("millrace_feed_bytes_total", "Bytes of their keys and values.",
                                {{"source", source}})),
      errors_(metrics.GetCounter("millrace_feed_errors_total",
                                 "Errors of a source, or of Kafka for it; each is tried again.",
                                 {{"source", source}})) {}

Status FeedWriter::Write(FeedRecord record, Done done) {
  const std::int64_t size = SizeOf(record);
  const MutexLock lock(mutex_);
  if (stopped_) return Status::Cancelled("the pipeline stops");
  if (waiting_.size() >= kMostWaiting || waiting_bytes_ + size > kMostWaitingBytes)
    return Status::ResourceExhausted("too many records wait for Kafka");
  waiting_bytes_ += size;
  waiting_.push_back({std::move(record), std::move(done)});
  arrived_.notify_all();
  return Status::Ok();
}

void FeedWriter::RunOnce(Duration wait) {
  std::vector<Waiting> taken;
  {
    MutexLock lock(mutex_);
    arrived_.wait_for(lock, wait, [this] { return !waiting_.empty(); });
    taken.swap(waiting_);
    waiting_bytes_ = 0;
  }
  if (taken.empty()) return;
  const std::vector<Status> outcomes = WriteAll(taken);
  CrashPoint("feed_records_written");
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (outcomes[i].ok()) {
      records_.Add(1);
      bytes_.Add(SizeOf(taken[i].record));
    } else {
      errors_.Add(1);
    }
    taken[i].done(outcomes[i]);
  }
}

std::vector<Status> FeedWriter::WriteAll(const std::vector<Waiting>& all) {
  if (const Status made = MakeProducer(); !made.ok()) return std::vector<Status>(all.size(), made);
  std::vector<Status> outcomes;
  bool failed = false;
  for (const Waiting& waiting : all) {
    outcomes.push_back(Send(waiting.record));
    failed = failed || !outcomes.back().ok();
  }
  const Status flushed = producer_->Flush();
  for (Status& outcome : outcomes) {
    if (outcome.ok()) outcome = flushed;  // which of them it was is not known
  }
  if (failed || !flushed.ok()) {
    Log(LogLevel::kWarning, "Kafka did not take what a source was told",
        {{"topic", topic_}, {"error", flushed.ok() ? Status::Aborted("a record was refused") : flushed}});
    producer_.reset();
  }
  return outcomes;
}

Status FeedWriter::MakeProducer() {
  if (producer_ != nullptr) return Status::Ok();
  MR_ASSIGN_OR_RETURN(auto made, cluster_.MakeProducer(""));
  MR_RETURN_IF_ERROR(made->Init());
  producer_ = std::move(made);
  return Status::Ok();
}

Status FeedWriter::Send(const FeedRecord& record) {
  OutgoingRecord out;
  out.topic = topic_;
  out.key = BytesView::Of(record.key);
  if (record.value) out.value = BytesView::Of(*record.value);
  out.timestamp_ms = record.time.value();
  return producer_->Send(out);
}

void FeedWriter::Stop() {
  std::vector<Waiting> left;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(waiting_);
  }
  for (const Waiting& waiting : left) waiting.done(Status::Cancelled("the pipeline stops"));
  producer_.reset();
}

}  // namespace millrace
