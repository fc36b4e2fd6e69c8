#include "connectors/snapchat/conversions_sink.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/api.h>

#include "connectors/snapchat/conversion_events.h"
#include "connectors/snapchat/written_batches.h"

namespace millrace {
namespace {

/// One event may be as wrong as another, but not so many for one reason and nothing that is right between:
/// then it is a pixel that was switched off, or a contract that ended. They are found out one by one, a few
/// in a second.
constexpr std::int64_t kMostRefusedAlike = 500;

class ConversionsSink final : public Sink {
 public:
  ConversionsSink(std::unique_ptr<ConversionEvents> events, std::string asset,
                  std::shared_ptr<ConversionsConnection> connection)
      : events_(std::move(events)),
        asset_(std::move(asset)),
        connection_(std::move(connection)),
        delivery_(connection_->MakeDelivery()) {}

  Status Write(const Batch& batch, SinkContext& context) override {
    MR_RETURN_IF_ERROR(events_->Build(batch, connection_->clock().Now(), &made_));
    std::move(made_.errors.begin(), made_.errors.end(), std::back_inserter(*context.errors));
    std::move(made_.late.begin(), made_.late.end(), std::back_inserter(*context.late));
    context.late_from = std::move(made_.late_from);
    const auto assets =
        std::static_pointer_cast<arrow::StringArray>(batch.data->GetColumnByName(kAssetColumn));
    for (const std::int64_t row : made_.rows) {
      const std::string_view asset = asset_.empty() ? assets->GetView(row) : std::string_view(asset_);
      delivery_->Add(asset, made_.json.row(row).view(), written_.next_id() + row);
    }
    if (made_.rows.empty()) return Status::Ok();
    context.unsettled += static_cast<std::int64_t>(made_.rows.size());
    written_.Add(batch);
    return Status::Ok();
  }

  bool Settle(Duration wait) override { return delivery_->Settle(wait); }

  Status Prepare(SinkContext& context) override {
    BatchDelivery::Outcome outcome = delivery_->TakeOutcome();
    context.settled += outcome.accepted;
    context.bytes += outcome.bytes;
    written_.TakeFailed(std::move(outcome.refused), context.failed);
    return Status::Ok();
  }

 private:
  const std::unique_ptr<ConversionEvents> events_;
  const std::string asset_;  // "" when it is a column
  const std::shared_ptr<ConversionsConnection> connection_;
  const std::unique_ptr<BatchDelivery> delivery_;
  ConversionBatch made_;
  WrittenBatches written_;
};

}  // namespace

ConversionsConnection::ConversionsConnection(ConversionsOptions options,
                                             std::shared_ptr<SnapConnection> connection)
    : options_(std::move(options)), api_(options_.api), connection_(std::move(connection)) {}

Result<std::shared_ptr<ConversionsConnection>> ConversionsConnection::Make(ConversionsOptions options,
                                                                           const Clock& clock,
                                                                           MetricRegistry& metrics) {
  MR_ASSIGN_OR_RETURN(auto connection, SnapConnection::Make(options.connection, clock, metrics));
  return std::shared_ptr<ConversionsConnection>(
      new ConversionsConnection(std::move(options), std::move(connection)));
}

std::unique_ptr<BatchDelivery> ConversionsConnection::MakeDelivery() {
  // Of a validation each event that is refused is wanted.
  return connection_->MakeDelivery(api_,
                                   {.items = options_.batch_events,
                                    .bytes = options_.batch_bytes,
                                    .most_refused_in_row = options_.api.validate ? 0 : kMostRefusedAlike,
                                    .refused_alike = true});
}

Result<std::unique_ptr<Sink>> MakeConversionsSink(const std::shared_ptr<arrow::Schema>& fields,
                                                  ConversionRules rules, std::string asset,
                                                  std::shared_ptr<ConversionsConnection> connection) {
  MR_ASSIGN_OR_RETURN(auto events, ConversionEvents::Make(fields, std::move(rules)));
  return std::unique_ptr<Sink>(
      std::make_unique<ConversionsSink>(std::move(events), std::move(asset), std::move(connection)));
}

}  // namespace millrace
