#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "columnar/record_block.h"
#include "connect/cluster.h"
#include "env/clock.h"

namespace millrace {

struct TopicSampleOptions {
  std::int64_t most_values = 10'000;
  /// From the first record on, when every partition has given some; ten seconds in all at most.
  Duration longest{1'000};
};

/// First values of the partitions of a topic, those that are null left out.
struct TopicSample {
  /// By partition and offset; valid as long as `blocks`. RecordBlock::kPadding bytes follow each.
  std::vector<BytesView> values;
  std::vector<std::shared_ptr<const RecordBlock>> blocks;
};

/// Every partition has the same share of the sample (R7), and what one does not need is for the others: no
/// partition is missing because another was faster. Empty for an empty topic. Errors: retryable when records
/// are there but none comes.
Result<TopicSample> SampleTopic(const std::string& topic, std::int32_t partitions, Cluster& cluster,
                                const Clock& clock, const TopicSampleOptions& options = {});

}  // namespace millrace
