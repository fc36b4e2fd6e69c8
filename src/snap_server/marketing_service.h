#pragma once

#include <vector>

#include "env/clock.h"
#include "snap_server/account_tree.h"
#include "snap_server/router.h"

namespace millrace::snap {

/// The lists of the Marketing API: organizations, ad accounts and what is in them, in pages. Read only. One
/// owner.
class MarketingService {
 public:
  /// Both must outlive it.
  MarketingService(const AccountTree& tree, const Clock& clock) : tree_(tree), clock_(clock) {}

  void AddRoutes(Router* router);

 private:
  HttpResponse Organizations(const ApiRequest& request) const;
  HttpResponse One(const ApiRequest& request, Kind kind) const;
  HttpResponse ListBelow(const ApiRequest& request, Kind above, Kind kind) const;
  HttpResponse List(const ApiRequest& request, Kind kind, const std::vector<const Entity*>& entities) const;

  const AccountTree& tree_;
  const Clock& clock_;
};

}  // namespace millrace::snap
