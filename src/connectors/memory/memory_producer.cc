#include "connectors/memory/memory_producer.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace millrace {
namespace {

constexpr std::string_view kEventTimeHeader = "millrace.event_time";

/// new --Init--> ready --Begin--> open --Commit|Abort--> ready
///                                open --an error--> must_abort --Abort--> ready
/// any --an unknown outcome, fenced--> dead
enum class State { kNew, kReady, kOpen, kMustAbort, kDead };

class MemoryProducer final : public Producer {
 public:
  MemoryProducer(MemoryLog* log, std::string transactional_id)
      : log_(log), id_(std::move(transactional_id)) {}

  Status Init() override {
    MR_CHECK(state_ == State::kNew);
    if (const auto fault = log_->NextFault(LogCall::kInit)) return Fail("init_transactions", *fault);
    if (transactional()) {
      MR_ASSIGN_OR_RETURN(identity_, log_->Init(id_));
    }
    state_ = State::kReady;
    return Status::Ok();
  }

  Status Begin() override {
    MR_CHECK(transactional() && state_ == State::kReady);
    MR_RETURN_IF_ERROR(Seen(log_->Begin(identity_)));
    state_ = State::kOpen;
    return Status::Ok();
  }

  Status Send(const OutgoingRecord& record) override {
    if (state_ == State::kMustAbort)
      return Status::Aborted("an earlier call of this transaction failed; abort it");
    MR_CHECK(state_ == (transactional() ? State::kOpen : State::kReady));
    const auto fault = log_->NextFault(LogCall::kSend);
    if (fault && *fault != FaultOutcome::kUnknownDone) return Fail("send", *fault);
    MR_RETURN_IF_ERROR(Write(record));
    return fault ? Fail("send", *fault) : Status::Ok();
  }

  Status Flush() override { return Status::Ok(); }

  Status SendOffsets(std::span<const CommittedOffset> offsets, const GroupToken& token) override {
    if (state_ == State::kMustAbort)
      return Status::Aborted("an earlier call of this transaction failed; abort it");
    MR_CHECK(state_ == State::kOpen);
    const auto fault = log_->NextFault(LogCall::kSendOffsets);
    if (fault && *fault != FaultOutcome::kUnknownDone) return Fail("send_offsets", *fault);
    MR_RETURN_IF_ERROR(Seen(log_->SendOffsets(identity_, token, offsets)));
    return fault ? Fail("send_offsets", *fault) : Status::Ok();
  }

  Status Commit() override {
    if (state_ == State::kMustAbort)
      return Status::Aborted("an earlier call of this transaction failed; abort it");
    MR_CHECK(state_ == State::kOpen);
    const auto fault = log_->NextFault(LogCall::kCommit);
    if (fault && *fault != FaultOutcome::kUnknownDone) return Fail("commit", *fault);
    MR_RETURN_IF_ERROR(Seen(log_->End(identity_, true)));
    state_ = State::kReady;
    return fault ? Fail("commit", *fault) : Status::Ok();
  }

  Status Abort() override {
    MR_CHECK(state_ == State::kOpen || state_ == State::kMustAbort);
    const auto fault = log_->NextFault(LogCall::kAbort);
    if (fault && *fault != FaultOutcome::kUnknownDone) return Fail("abort", *fault);
    MR_RETURN_IF_ERROR(Seen(log_->End(identity_, false)));
    state_ = State::kReady;
    return fault ? Fail("abort", *fault) : Status::Ok();
  }

  Offset AcknowledgedEnd(const TopicPartition& partition) const override {
    const auto it = acknowledged_.find(partition);
    return it == acknowledged_.end() ? kNoOffset : it->second;
  }

 private:
  bool transactional() const { return !id_.empty(); }

  Status Write(const OutgoingRecord& record) {
    OutgoingRecord kept = record;
    std::vector<HeaderView> headers;
    std::string event_time;
    if (record.timestamp_ms < 1) {  // as Kafka needs it
      event_time = std::to_string(record.timestamp_ms);
      headers.assign(record.headers.begin(), record.headers.end());
      headers.push_back({kEventTimeHeader, BytesView::Of(event_time)});
      kept.headers = headers;
      kept.timestamp_ms = 1;
    }
    const Result<WrittenRecord> written = transactional() ? log_->Send(identity_, kept) : log_->Append(kept);
    if (!written.ok()) return Seen(written.status());
    acknowledged_[written->partition] = Next(written->offset);
    return Status::Ok();
  }

  /// Follows the state machine for an error of the log.
  Status Seen(Status status) {
    if (status.code() == StatusCode::kFenced) state_ = State::kDead;
    if (status.code() == StatusCode::kAborted && state_ == State::kOpen) state_ = State::kMustAbort;
    return status;
  }

  Status Fail(const std::string& call, FaultOutcome outcome) {
    const std::string what = "injected fault: " + call + (transactional() ? " of " + id_ : "");
    switch (outcome) {
      case FaultOutcome::kAborted:
        return Seen(Status::Aborted(what + " was refused"));
      case FaultOutcome::kUnknownDone:
      case FaultOutcome::kUnknownNotDone:
        state_ = State::kDead;
        return Status::OutcomeUnknown(what + " got no answer");
      case FaultOutcome::kFenced: {
        // Somebody else takes the id, which ends the open transaction.
        if (transactional()) MR_RETURN_IF_ERROR(log_->Init(id_).status());
        return Seen(Status::Fenced(what + " was fenced"));
      }
      case FaultOutcome::kUnavailable:
        break;
    }
    return Status::Unavailable(what + " reached nobody");
  }

  MemoryLog* const log_;
  const std::string id_;
  ProducerIdentity identity_;
  State state_ = State::kNew;
  std::map<TopicPartition, Offset> acknowledged_;  // the offset after the last record written
};

}  // namespace

std::unique_ptr<Producer> MakeMemoryProducer(MemoryLog* log, std::string transactional_id) {
  return std::make_unique<MemoryProducer>(log, std::move(transactional_id));
}

}  // namespace millrace
