#pragma once

#include <string_view>

namespace millrace {

/// One kind of object of the Marketing API or of the Public Profile API.
struct EntityKind {
  std::string_view name;    ///< of records: "ad_squad"
  std::string_view plural;  ///< as users choose it: "ad_squads"
  std::string_view list;    ///< in paths and answers: "adsquads"
  std::string_view item;    ///< in an element of the list: "adsquad"
};

inline constexpr EntityKind kOrganization{"organization", "organizations", "organizations", "organization"};
inline constexpr EntityKind kAdAccount{"ad_account", "ad_accounts", "adaccounts", "adaccount"};

/// What an ad account has.
inline constexpr EntityKind kAccountEntities[] = {
    {"campaign", "campaigns", "campaigns", "campaign"},
    {"ad_squad", "ad_squads", "adsquads", "adsquad"},
    {"ad", "ads", "ads", "ad"},
    {"creative", "creatives", "creatives", "creative"},
    {"media", "media", "media", "media"},
    {"segment", "segments", "segments", "segment"},
    {"pixel", "pixels", "pixels", "pixel"},
};

inline constexpr EntityKind kProfile{"profile", "profiles", "public_profiles", "public_profile"};
inline constexpr EntityKind kStory{"story", "stories", "stories", "story"};

/// What a public profile shows.
inline constexpr EntityKind kProfileContents[] = {
    kStory,
    {"saved_story", "saved_stories", "saved_stories", "saved_story"},
    {"spotlight", "spotlights", "spotlights", "spotlight"},
    {"shared_snap", "shared_snaps", "shared_snaps", "shared_snap"},
};

}  // namespace millrace
