#include "connectors/snapchat/segment_finder.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "env/thread.h"

namespace millrace {

/// The search as requests of a delivery; used under the finder's lock only.
class SegmentFinder::Api final : public BatchApi {
 public:
  explicit Api(SegmentSearch* search) : search_(search) {}
  ClientRequest Request(const std::string& /*group*/, std::span<const std::string_view> /*items*/,
                        const std::string& token) const override {
    return search_->Request(token);
  }
  BatchVerdict Judge(const ClientResponse& response) const override { return search_->Take(response); }
  std::int64_t EnvelopeBytes() const override { return 0; }

 private:
  SegmentSearch* const search_;
};

SegmentFinder::SegmentFinder(Options options, SnapConnection& connection)
    : options_(std::move(options)),
      clock_(connection.clock()),
      search_(options_.wanted, options_.url),
      api_(std::make_unique<Api>(&search_)),
      delivery_(connection.MakeDelivery(*api_, {.items = 1})) {}

SegmentFinder::~SegmentFinder() = default;

Result<std::optional<std::string>> SegmentFinder::Find(Duration wait) {
  const MutexLock lock(mutex_);
  MR_RETURN_IF_ERROR(failure_);
  const auto until = clock_.Steady() + wait;
  while (!search_.over()) {
    const auto left = std::chrono::ceil<Duration>(until - clock_.Steady());
    auto stepped = Step(std::max(left, Duration(0)));
    if (!stepped.ok()) return failure_ = stepped.status();
    if (!*stepped) return std::optional<std::string>();
  }
  if (search_.state() == SegmentSearch::State::kMissing) return failure_ = NotFound();
  return std::optional<std::string>(search_.id());
}

Result<bool> SegmentFinder::Step(Duration wait) {
  if (!asked_) {
    if (const auto left = not_before_ - clock_.Steady(); left > std::chrono::nanoseconds(0)) {
      (void)StopToken().WaitFor(std::min(wait, std::chrono::ceil<Duration>(left)));
      if (not_before_ > clock_.Steady()) return false;
    }
    delivery_->Add("segment", "?", 0);
    asked_ = true;
  }
  if (!delivery_->Settle(wait)) return false;
  asked_ = false;
  const BatchDelivery::Outcome outcome = delivery_->TakeOutcome();
  if (!outcome.refused.empty()) {
    return Status::InvalidArgument("the segment '" + options_.wanted.name + "' of the ad account " +
                                   options_.wanted.ad_account_id +
                                   " can be neither found nor created: " + outcome.refused.front().reason);
  }
  if (search_.state() == SegmentSearch::State::kChecking && not_before_ == std::chrono::nanoseconds(0))
    not_before_ = clock_.Steady() + options_.before_check;
  if (search_.state() == SegmentSearch::State::kFound) {
    Log(LogLevel::kInfo, search_.created() ? "segment created" : "segment found",
        {{"segment", options_.wanted.name}, {"id", search_.id()}});
  }
  return true;
}

Status SegmentFinder::NotFound() const {
  return Status::NotFound("the ad account " + options_.wanted.ad_account_id + " has no segment '" +
                          options_.wanted.name +
                          "'; correct the name, or have it created with segment: {create: true}");
}

}  // namespace millrace
