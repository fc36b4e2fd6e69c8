#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "snap_server/time_zone.h"

namespace millrace::snap {

/// What the Marketing API has, from the top down.
enum class Kind { kOrganization, kAccount, kCampaign, kSquad, kAd, kCreative, kMedia, kPixel };

/// The names of a kind in paths and answers.
struct KindNames {
  Kind kind;
  std::string_view plural;    ///< "adsquads"
  std::string_view singular;  ///< "adsquad"
  std::string_view type;      ///< "AD_SQUAD", in stats
};
const KindNames& NamesOf(Kind kind);

/// One thing that was made up. It is changed for the first time `period` after it was created, and then again
/// and again.
struct Entity {
  Kind kind;
  std::string id;
  std::string name;
  EventTime created_at;
  Duration period;
  const Entity* parent = nullptr;    ///< null for the organization
  const Entity* account = nullptr;   ///< the account it belongs to; itself for an account
  const Entity* creative = nullptr;  ///< of an ad
  const Entity* media = nullptr;     ///< of a creative
  TimeZone zone = kLosAngeles;       ///< of an account
  std::string_view currency{};       ///< of an account
  bool forbidden = false;            ///< an account that the token has no right to

  /// When it was changed last.
  EventTime UpdatedAt(EventTime now) const;
  /// How often it was changed.
  std::int64_t Changes(EventTime now) const;
};

/// An organization with its ad accounts and what is in them, made up from a seed: the same for the same seed.
///
/// The first account has as many ads as it takes to page through; one account is forbidden. Immutable, so
/// that pointers to entities live as long as it.
class AccountTree {
 public:
  explicit AccountTree(std::uint64_t seed);
  AccountTree(const AccountTree&) = delete;
  AccountTree& operator=(const AccountTree&) = delete;

  const Entity& organization() const { return entities_.front(); }
  /// In the order of their creation.
  std::vector<const Entity*> accounts() const { return Below(organization(), Kind::kAccount); }

  /// Null when there is none.
  const Entity* Find(Kind kind, std::string_view id) const;
  /// All of that kind that belong to `above`, also not directly, in the order of their creation.
  std::vector<const Entity*> Below(const Entity& above, Kind kind) const;

 private:
  struct AccountShape;
  Entity& Add(Kind kind, const Entity* parent, const std::string& name);
  void AddAccount(const AccountShape& shape);
  void AddCampaign(const Entity& account, int number, int squads, int ads);

  const std::uint64_t seed_;
  std::deque<Entity> entities_;
  std::map<std::string, const Entity*, std::less<>> by_id_;
};

}  // namespace millrace::snap
