#include "connectors/snapchat/profile_questions.h"

#include <utility>

#include "http/redact.h"

namespace millrace {
namespace {

constexpr std::size_t kMostRemembered = 100'000;

}  // namespace

ProfileQuestions::ProfileQuestions(ProfileQuestionsOptions options, std::shared_ptr<const ProfileTree> tree,
                                   SkippedParts skipped)
    : options_(std::move(options)),
      tree_(std::move(tree)),
      skipped_(std::move(skipped)),
      days_(options_.plan),
      written_(kMostRemembered) {}

void ProfileQuestions::Open(FeedPositions* positions) {
  asked_.reset();
  written_.Forget();
  days_.Take(positions);
}

std::optional<std::string> ProfileQuestions::Next(const EntityWalk& walk, EventTime now) {
  for (const std::string& profile : tree_->Profiles(walk)) {
    asked_ = days_.Next(profile, *walk.began(), now);
    asked_at_ = now;
    if (asked_) return Question();
  }
  return std::nullopt;
}

std::string ProfileQuestions::Question() const {
  std::string path = "/public_profiles/" + PercentEncoded(asked_->profile) +
                     "/stats?assetType=PROFILE&granularity=" + (options_.lifetime ? "LIFETIME" : "DAY");
  std::string fields;
  for (const ProfileMetric& metric : options_.metrics) fields += (fields.empty() ? "" : ",") + metric.name;
  if (!fields.empty()) path += "&fields=" + PercentEncoded(fields);
  if (!options_.lifetime) {
    path += "&startTime=" + PercentEncoded(MidnightText(asked_->start)) +
            "&endTime=" + PercentEncoded(MidnightText(asked_->end));
  }
  return path;
}

void ProfileQuestions::Take(const MarketingAnswer& answer, const EntityWalk& walk, FeedBatch* batch) {
  if (answer.outcome != MarketingAnswer::Outcome::kGiven) {
    Skip(answer.reason, walk, batch);
    return;
  }
  ProfileStatsPage page = ReadProfileStats({.profile_id = asked_->profile,
                                            .lifetime = options_.lifetime,
                                            .metrics = options_.metrics,
                                            .now = asked_at_},
                                           answer.body);
  for (FeedRecord& record : page.records) {
    if (!written_.IsAnother(record)) continue;
    written_.Note(record);
    batch->records.push_back(std::move(record));
  }
  if (page.whole) {
    days_.Done(*asked_, *walk.began(), batch);
  } else {
    Skip("Snap left something out of its answer", walk, batch);
  }
}

void ProfileQuestions::Skip(const std::string& why, const EntityWalk& walk, FeedBatch* batch) {
  skipped_.Add("public_profiles/" + asked_->profile + "/stats", why);
  days_.Skip(*asked_, *walk.began(), batch);
}

}  // namespace millrace
