#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "env/clock.h"
#include "snap_server/account_tree.h"
#include "snap_server/router.h"

namespace millrace::snap {

struct ProfileOptions {
  std::uint64_t seed = 1;
  /// Ids of profiles to which no token has a right; kWholeApi: to none, as of an app that Snap did not allow.
  std::vector<std::string> forbidden{};
};

/// The Public Profile API: three profiles of the organization, what they published, and their stats; made up
/// by the clock. The last of them is listed, and everything of it forbidden. A story is there for 24 hours
/// after it was published; saved stories, spotlights and shared snaps stay. One owner.
class ProfileService {
 public:
  static constexpr const char* kWholeApi = "profiles";

  /// `tree` and `clock` must outlive it.
  ProfileService(const AccountTree& tree, const Clock& clock, ProfileOptions options);

  void AddRoutes(Router* router);
  const std::vector<std::string>& ids() const { return ids_; }
  bool IsForbidden(const std::string& id) const;

 private:
  /// Something that is published at fixed times.
  struct Content {
    const char* plural;
    const char* singular;
    std::int64_t every_ms;
    std::int64_t kept_ms;  ///< after it was published
  };
  static const Content kContents[4];

  using Answer = HttpResponse (ProfileService::*)(const ApiRequest&) const;
  /// A route whose requests are looked at for rights first.
  void AddRoute(Router* router, const std::string& path, Answer answer);
  std::optional<HttpResponse> Refusal(const ApiRequest& request) const;
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
  const ProfileOptions options_;
  std::vector<std::string> ids_;
};

}  // namespace millrace::snap
