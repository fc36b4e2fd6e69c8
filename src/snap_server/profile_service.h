#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/clock.h"
#include "snap_server/account_tree.h"
#include "snap_server/router.h"

namespace millrace::snap {

/// The Public Profile API: two profiles of the organization, what they published, and their stats; made up by
/// the clock. A story is there for 24 hours after it was published; saved stories and spotlights stay. One
/// owner.
class ProfileService {
 public:
  /// Both must outlive it.
  ProfileService(const AccountTree& tree, const Clock& clock, std::uint64_t seed);

  void AddRoutes(Router* router);
  const std::vector<std::string>& ids() const { return ids_; }

 private:
  /// Something that is published at fixed times.
  struct Content {
    const char* plural;
    const char* singular;
    std::int64_t every_ms;
    std::int64_t kept_ms;  ///< after it was published
  };
  static const Content kContents[3];

  HttpResponse Profiles(const ApiRequest& request) const;
  HttpResponse One(const ApiRequest& request) const;
  HttpResponse Mine(const ApiRequest& request) const;
  HttpResponse Published(const ApiRequest& request, const Content& content) const;
  HttpResponse Stats(const ApiRequest& request) const;
  json::object Profile(std::size_t number) const;
  /// The number of the profile of that id; ids().size() when there is none.
  std::size_t Find(const std::string& id) const;

  const AccountTree& tree_;
  const Clock& clock_;
  std::vector<std::string> ids_;
};

}  // namespace millrace::snap
