#include "connectors/snapchat/audience_sink.h"

#include <algorithm>
#include <utility>

#include <arrow/api.h>

#include "base/hex.h"
#include "connectors/snapchat/audience_changes.h"
#include "connectors/snapchat/written_batches.h"

namespace millrace {
namespace {

/// Snap's lists hold nothing but hashes, of which none is worse than another: when so many are refused one
/// after the other, something else is wrong.
constexpr std::int64_t kMostRefusedInRow = 20;

const arrow::StringArray& Texts(const Batch& batch, const char* column) {
  return static_cast<const arrow::StringArray&>(*batch.data->GetColumnByName(column));
}

class AudienceSink final : public Sink {
 public:
  explicit AudienceSink(std::shared_ptr<AudienceConnection> connection)
      : connection_(std::move(connection)), delivery_(connection_->MakeDelivery()) {}

  Status Write(const Batch& batch, SinkContext& context) override {
    const arrow::StringArray& identifiers = Texts(batch, kIdentifierColumn);
    const arrow::StringArray& actions = Texts(batch, kActionColumn);
    std::int64_t taken = 0;
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      const bool deleted = batch.tombstone != nullptr && batch.tombstone->Value(row);
      const std::string_view action = deleted               ? "remove"
                                      : actions.IsNull(row) ? std::string_view()
                                                            : actions.GetView(row);
      // Neither message quotes a value: it may be the identifier as it was.
      if (action != "add" && action != "remove") {
        context.errors->push_back({row, "action", "the action is neither 'add' nor 'remove'"});
      } else if (identifiers.IsNull(row) ||
                 !changes_.Put(identifiers.GetView(row),
                               action == "add" ? AudienceAction::kAdd : AudienceAction::kRemove,
                               written_.next_id() + row)) {
        context.errors->push_back({row, "identifier", connection_->no_identifier()});
      } else {
        ++taken;
      }
    }
    if (taken == 0) return Status::Ok();
    context.unsettled += taken;
    rows_ += taken;
    written_.Add(batch);
    return Status::Ok();
  }

  bool Settle(Duration wait) override {
    const auto until = connection_->clock().Steady() + wait;
    const auto left = [&] {
      return std::max(std::chrono::ceil<Duration>(until - connection_->clock().Steady()), Duration(0));
    };
    // What was sent before must not be overtaken.
    if (!Sent(wait)) return false;
    if (changes_.empty()) return true;
    auto segment = connection_->FindSegment(left());
    if (!segment.ok()) {
      failure_ = segment.status();
      return true;  // Prepare tells of it
    }
    if (!*segment) return false;
    Send(**segment);
    return Sent(left());
  }

  Status Prepare(SinkContext& context) override {
    MR_RETURN_IF_ERROR(failure_);
    BatchDelivery::Outcome outcome = delivery_->TakeOutcome();
    context.settled += std::exchange(rows_, 0) - static_cast<std::int64_t>(outcome.refused.size());
    context.bytes += outcome.bytes;
    written_.TakeFailed(std::move(outcome.refused), context.failed);
    return Status::Ok();
  }

 private:
  /// Waits until all that was sent has its outcome.
  bool Sent(Duration wait) {
    if (!delivery_->Settle(wait)) return false;
    // Not before: Snap could say of an older upload that it is complete.
    if (!sent_to_.empty()) connection_->Uploaded(std::exchange(sent_to_, ""));
    return true;
  }

  void Send(const std::string& segment) {
    const std::string add = AudienceApi::GroupOf(AudienceAction::kAdd, segment);
    const std::string remove = AudienceApi::GroupOf(AudienceAction::kRemove, segment);
    for (const AudienceChanges::Change& change : changes_.all()) {
      const std::string sha256 = Hex({change.digest.data(), change.digest.size()});
      delivery_->Add(change.action == AudienceAction::kAdd ? add : remove, AudienceApi::ItemOf(sha256),
                     change.row);
    }
    changes_.Clear();
    sent_to_ = segment;
  }

  const std::shared_ptr<AudienceConnection> connection_;
  const std::unique_ptr<BatchDelivery> delivery_;
  AudienceChanges changes_;  // not sent yet
  std::string sent_to_;      // the segment, while something of it is under way; "": nothing is
  WrittenBatches written_;
  std::int64_t rows_ = 0;  // written since the last checkpoint, without those that failed at once
  Status failure_;         // of the search for the segment
};

}  // namespace

AudienceConnection::AudienceConnection(AudienceOptions options, std::shared_ptr<SnapConnection> connection)
    : options_(std::move(options)),
      api_(options_.url, options_.schema),
      connection_(std::move(connection)),
      follower_({.url = options_.url, .every = options_.follow_every}, *connection_) {
  if (options_.wanted) {
    finder_.emplace(
        SegmentFinder::Options{
            .wanted = *options_.wanted, .url = options_.url, .before_check = options_.before_check},
        *connection_);
  }
}

Result<std::shared_ptr<AudienceConnection>> AudienceConnection::Make(AudienceOptions options,
                                                                     const Clock& clock,
                                                                     MetricRegistry& metrics) {
  MR_ASSIGN_OR_RETURN(auto connection, SnapConnection::Make(options.connection, clock, metrics));
  return std::shared_ptr<AudienceConnection>(
      new AudienceConnection(std::move(options), std::move(connection)));
}

std::unique_ptr<BatchDelivery> AudienceConnection::MakeDelivery() {
  return connection_->MakeDelivery(api_, {.items = options_.batch_identifiers,
                                          .bytes = options_.batch_bytes,
                                          .most_refused_in_row = kMostRefusedInRow});
}

Result<std::optional<std::string>> AudienceConnection::FindSegment(Duration wait) {
  if (!finder_) return std::optional<std::string>(options_.segment_id);
  return finder_->Find(wait);
}

Result<std::unique_ptr<Sink>> MakeAudienceSink(const std::shared_ptr<arrow::Schema>& fields,
                                               std::shared_ptr<AudienceConnection> connection) {
  for (const char* column : {kIdentifierColumn, kActionColumn}) {
    const auto field = fields->GetFieldByName(column);
    if (field == nullptr || field->type()->id() != arrow::Type::STRING)
      return Status::InvalidArgument("an audience sink needs a column '" + std::string(column) + "' of text");
  }
  return std::unique_ptr<Sink>(std::make_unique<AudienceSink>(std::move(connection)));
}

}  // namespace millrace
