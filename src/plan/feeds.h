#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "plan/plan.h"

namespace millrace {

/// Of both topics of a feed: rows keep the order in which they were brought.
inline constexpr std::int32_t kFeedPartitions = 1;

/// Topics of a source outside Kafka: what it brings, and where it stands.
std::string FeedTopic(const std::string& app, const std::string& source);
std::string FeedPositionTopic(const std::string& app, const std::string& source);

/// Gives sources outside Kafka their topic and columns. Precondition: nodes have names.
void DeclareFeeds(Plan* plan);

/// What the rows of a source outside Kafka have.
std::shared_ptr<arrow::Schema> FeedSchema(const OutsideSource& source);
/// The column that is the message key.
std::string_view FeedKey(const OutsideSource& source);
/// Whether it has no position, because it is told what there is.
bool IsTold(const OutsideSource& source);

/// The step that stands right behind the source, called "<source>-once": leads are sent again when Snap is
/// not sure that they came. nullopt: none.
std::optional<DeduplicateStep> RepeatsOf(const OutsideSource& source);

/// "snapchat.entities".
std::string_view OutsideKind(const OutsideSource& source);

/// What it reads, in a few words; no secrets.
std::string DescribeOutside(const OutsideSource& source);

/// A mistake in the settings of such a source: the key it is about, and one sentence.
using SettingMistake = std::pair<std::string, std::string>;
std::vector<SettingMistake> MistakesOf(const OutsideSource& source);

/// Metrics of statistics that are asked for, with the types of their columns.
arrow::FieldVector StatsFieldsOf(const SnapchatStatsSource& source);

}  // namespace millrace
