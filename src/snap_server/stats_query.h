#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "snap_server/account_tree.h"
#include "snap_server/api_request.h"

namespace millrace::snap {

enum class Granularity { kTotal, kDay, kHour, kLifetime };

/// A question for stats that Snap answers.
struct StatsQuery {
  Granularity granularity = Granularity::kTotal;
  EventTime start{0};  ///< not of a lifetime, as below
  EventTime end{0};
  std::vector<std::string> fields;
  std::optional<Kind> breakdown{};
  std::vector<std::string> dimensions{};  ///< along which figures are divided; none: not at all
  bool omit_empty = false;
};

/// Reads the parameters of a request for stats of `entity`, by the rules that Snap has for them.
/// Errors: user error "Unsupported Stats Query: ...".
Result<StatsQuery> ReadStatsQuery(const ApiRequest& request, const Entity& entity, EventTime now);

/// "DAY".
std::string_view NameOf(Granularity granularity);

}  // namespace millrace::snap
