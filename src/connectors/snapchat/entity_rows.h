#pragma once

#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "base/ids.h"
#include "connect/feed.h"
#include "connectors/snapchat/entity_kinds.h"

namespace millrace {

/// "campaign/1234": key of the entity's record.
std::string EntityKey(const EntityKind& kind, const std::string& id);

/// The record of an entity. `parents`: fields such as "ad_account_id" that are known from where it was found;
/// what the entity says itself comes first. `now`: event time of what has none.
FeedRecord EntityRecord(const EntityKind& kind, const boost::json::object& entity,
                        const std::vector<std::pair<std::string, std::string>>& parents, EventTime now);

/// "1234567" micro-currency to "1.234567".
std::string FromMicro(std::int64_t micro);

}  // namespace millrace
