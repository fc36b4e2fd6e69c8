#include "connectors/snapchat/conversions_sink.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "base/check.h"
#include "connectors/snapchat/conversion_events.h"

namespace millrace {
namespace {

constexpr const char* kBucket = "token";
constexpr const char* kRefused = "refused";  // class of an error

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
    const auto assets =
        std::static_pointer_cast<arrow::StringArray>(batch.data->GetColumnByName(kAssetColumn));
    for (const std::int64_t row : made_.rows) {
      const std::string_view asset = asset_.empty() ? assets->GetView(row) : std::string_view(asset_);
      delivery_->Add(asset, made_.json.row(row).view(), next_id_ + row);
    }
    if (made_.rows.empty()) return Status::Ok();
    context.unsettled += static_cast<std::int64_t>(made_.rows.size());
    written_.push_back({next_id_, batch});
    next_id_ += batch.num_rows();
    return Status::Ok();
  }

  bool Settle(Duration wait) override { return delivery_->Settle(wait); }

  Status Prepare(SinkContext& context) override {
    BatchDelivery::Outcome outcome = delivery_->TakeOutcome();
    context.settled += outcome.accepted;
    context.bytes += outcome.bytes;
    std::sort(outcome.refused.begin(), outcome.refused.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    auto refused = outcome.refused.begin();
    for (Written& written : written_) {
      std::vector<RowError> errors;
      for (; refused != outcome.refused.end() && refused->id < written.first_id + written.batch.num_rows();
           ++refused)
        errors.push_back(
            {refused->id - written.first_id, kRefused, "Snap refused it: " + std::move(refused->reason)});
      if (!errors.empty()) context.failed->push_back({std::move(written.batch), std::move(errors)});
    }
    MR_CHECK(refused == outcome.refused.end());
    written_.clear();
    return Status::Ok();
  }

 private:
  /// A batch with rows that had no outcome at the last Prepare; row r is item first_id + r.
  struct Written {
    std::int64_t first_id;
    Batch batch;
  };

  const std::unique_ptr<ConversionEvents> events_;
  const std::string asset_;  // "" when it is a column
  const std::shared_ptr<ConversionsConnection> connection_;
  const std::unique_ptr<BatchDelivery> delivery_;
  ConversionBatch made_;
  std::vector<Written> written_;
  std::int64_t next_id_ = 0;
};

}  // namespace

ConversionsConnection::ConversionsConnection(ConversionsOptions options, std::unique_ptr<HttpClient> client,
                                             const Clock& clock, MetricRegistry& metrics)
    : options_(std::move(options)),
      api_(options_.api),
      clock_(clock),
      metrics_(metrics),
      limiter_(clock),
      client_(std::move(client)) {
  limiter_.SetBucket(kBucket, options_.per_second, std::max(1.0, options_.per_second));
}

Result<std::shared_ptr<ConversionsConnection>> ConversionsConnection::Make(ConversionsOptions options,
                                                                           const Clock& clock,
                                                                           MetricRegistry& metrics) {
  HttpClientOptions client_options;
  client_options.ca_file = options.ca_file;
  client_options.secrets = {options.access_token};
  MR_ASSIGN_OR_RETURN(auto client, HttpClient::Start(std::move(client_options)));
  return std::shared_ptr<ConversionsConnection>(
      new ConversionsConnection(std::move(options), std::move(client), clock, metrics));
}

std::unique_ptr<BatchDelivery> ConversionsConnection::MakeDelivery() {
  const auto token = [this](const std::string& refused) -> Result<std::string> {
    if (refused.empty()) return options_.access_token;
    return Status::PermissionDenied("the sink has no other token");
  };
  return std::make_unique<BatchDelivery>(BatchDeliveryOptions{.step = options_.step,
                                                              .max_items = options_.batch_events,
                                                              .max_bytes = options_.batch_bytes,
                                                              .max_in_flight = options_.max_in_flight,
                                                              .buckets = {kBucket}},
                                         BatchDeliveryContext{.api = &api_,
                                                              .client = client_.get(),
                                                              .limiter = &limiter_,
                                                              .token = token,
                                                              .clock = &clock_,
                                                              .metrics = &metrics_},
                                         Random::FromSystem());
}

Result<std::unique_ptr<Sink>> MakeConversionsSink(const std::shared_ptr<arrow::Schema>& fields,
                                                  ConversionRules rules, std::string asset,
                                                  std::shared_ptr<ConversionsConnection> connection) {
  MR_ASSIGN_OR_RETURN(auto events, ConversionEvents::Make(fields, std::move(rules)));
  return std::unique_ptr<Sink>(
      std::make_unique<ConversionsSink>(std::move(events), std::move(asset), std::move(connection)));
}

}  // namespace millrace
