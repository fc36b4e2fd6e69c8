#include "engine/topic_sample.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace millrace {
namespace {

constexpr Duration kLongestSilence{10'000};  // before each partition that has records has given some
constexpr Duration kPollWait{100};

class Sampler {
 public:
  Sampler(std::string topic, const TopicSampleOptions& options, const Clock& clock,
          std::unique_ptr<ChangelogReader> reader)
      : topic_(std::move(topic)), options_(options), clock_(clock), reader_(std::move(reader)) {}

  Status Read(std::int32_t partitions) {
    for (std::int32_t p = 0; p < partitions; ++p) {
      const TopicPartition partition{topic_, Partition(p)};
      MR_ASSIGN_OR_RETURN(const auto bounds, reader_->Bounds(partition));
      if (bounds.first < bounds.second)
        parts_.push_back({.partition = partition, .next = bounds.first, .end = bounds.second});
    }
    began_ = clock_.Steady();
    Share();
    // Every round ends a partition that has less than its share, or is the last.
    while (std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.Wants(); })) {
      MR_ASSIGN_OR_RETURN(const bool in_time, ReadShares());
      if (!in_time) break;
      Share();
    }
    if (parts_.empty() || first_record_at_.has_value() || AllEnded()) return Status::Ok();
    return Status::Unavailable("topic '" + topic_ + "' has records, but none of them came within " +
                               FormatDuration(kLongestSilence));
  }

  TopicSample Take() {
    for (Part& part : parts_) part.ended = true;  // nobody waits for more
    Share();
    TopicSample sample;
    for (const Part& part : parts_)
      sample.values.insert(sample.values.end(), part.values.begin(), part.values.begin() + part.share);
    sample.blocks = std::move(blocks_);
    return sample;
  }

 private:
  /// A partition that has records.
  struct Part {
    TopicPartition partition;
    Offset next{0};
    Offset end{0};
    std::vector<BytesView> values{};  // of the blocks read so far, which may be more than its share
    std::int64_t share = 0;
    bool reading = false;
    bool seen = false;
    bool ended = false;

    std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
    bool Wants() const { return !ended && size() < share; }
  };

  bool AllEnded() const {
    return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.ended; });
  }

  /// Equal shares of the sample; a partition that ended with less leaves the rest to the others.
  void Share() {
    std::vector<Part*> open;
    for (Part& part : parts_) open.push_back(&part);
    std::int64_t left = options_.most_values;
    for (bool changed = true; changed && !open.empty();) {
      const std::int64_t share = left / static_cast<std::int64_t>(open.size());
      const auto is_small = [share](const Part* part) { return part->ended && part->size() <= share; };
      const auto small =
          std::stable_partition(open.begin(), open.end(), [&](Part* p) { return !is_small(p); });
      changed = small != open.end();
      for (auto it = small; it != open.end(); ++it) {
        (*it)->share = (*it)->size();
        left -= (*it)->size();
      }
      open.erase(small, open.end());
    }
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto count = static_cast<std::int64_t>(open.size());
      open[i]->share = left / count + (static_cast<std::int64_t>(i) < left % count ? 1 : 0);
      if (open[i]->ended) open[i]->share = std::min(open[i]->share, open[i]->size());
    }
  }

  /// Reads until no partition wants more of its share. False: the time is over.
  Result<bool> ReadShares() {
    for (Part& part : parts_) {
      if (!part.Wants()) continue;
      MR_RETURN_IF_ERROR(reader_->Add(part.partition, part.next));
      part.reading = true;
    }
    while (std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.reading; })) {
      if (TimeIsOver()) return false;
      MR_ASSIGN_OR_RETURN(const auto blocks, reader_->Poll(kPollWait));
      for (const auto& block : blocks) Add(block);
      for (Part& part : parts_) {
        if (!part.reading) continue;
        part.ended = reader_->Position(part.partition) >= part.end;
        part.reading = part.Wants();
        if (!part.reading) MR_RETURN_IF_ERROR(reader_->Remove(part.partition));
      }
    }
    return true;
  }

  void Add(const std::shared_ptr<const RecordBlock>& block) {
    const auto part = std::find_if(parts_.begin(), parts_.end(), [&](const Part& candidate) {
      return candidate.reading && candidate.partition == block->partition();
    });
    if (part == parts_.end()) return;
    if (!first_record_at_.has_value()) first_record_at_ = clock_.Steady();
    part->seen = true;
    part->next = block->next_offset();
    for (const BytesView value : block->values()) {
      if (!value.is_null()) part->values.push_back(value);
    }
    blocks_.push_back(block);
  }

  bool TimeIsOver() const {
    const auto now = clock_.Steady();
    if (now >= began_ + kLongestSilence) return true;
    const bool all_seen =
        std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.seen || part.ended; });
    return all_seen && first_record_at_.has_value() && now >= *first_record_at_ + options_.longest;
  }

  const std::string topic_;
  const TopicSampleOptions options_;
  const Clock& clock_;
  const std::unique_ptr<ChangelogReader> reader_;
  std::chrono::nanoseconds began_{0};
  std::optional<std::chrono::nanoseconds> first_record_at_;
  std::vector<Part> parts_;  // by partition number
  std::vector<std::shared_ptr<const RecordBlock>> blocks_;
};

}  // namespace

Result<TopicSample> SampleTopic(const std::string& topic, std::int32_t partitions, Cluster& cluster,
                                const Clock& clock, const TopicSampleOptions& options) {
  MR_ASSIGN_OR_RETURN(auto reader, cluster.MakeChangelogReader());
  Sampler sampler(topic, options, clock, std::move(reader));
  MR_RETURN_IF_ERROR(sampler.Read(partitions));
  return sampler.Take();
}

}  // namespace millrace
