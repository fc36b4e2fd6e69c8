#pragma once

#include "env/clock.h"
#include "snap_server/account_tree.h"
#include "snap_server/router.h"
#include "snap_server/stats_query.h"
#include "snap_server/stats_values.h"

namespace millrace::snap {

/// The stats of the Marketing API: of an account, campaign, ad squad or ad, in total, by day or by hour, also
/// broken down. One owner.
class StatsService {
 public:
  /// Both must outlive it.
  StatsService(const AccountTree& tree, const Clock& clock) : tree_(tree), clock_(clock) {}

  void AddRoutes(Router* router);

 private:
  HttpResponse Answer(const ApiRequest& request, Kind kind) const;
  /// What stands in "total_stat", "timeseries_stat" or "lifetime_stat".
  json::object Stat(const Entity& entity, const StatsQuery& query, const StatsValues& values) const;
  /// Adds "stats" or "timeseries" of one entity.
  void AddFigures(const Entity& entity, const StatsQuery& query, const StatsValues& values,
                  json::object* out) const;
  std::vector<const Entity*> AdsOf(const Entity& entity) const;

  const AccountTree& tree_;
  const Clock& clock_;
};

}  // namespace millrace::snap
