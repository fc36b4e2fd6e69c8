#pragma once

#include <string>
#include <string_view>

#include "http/batch_delivery.h"

namespace millrace {

enum class AudienceAction { kAdd, kRemove };

/// The kind of identifier that an audience is made of. Also the name that Snap has for it.
enum class AudienceSchema { kEmail, kPhone, kMobileAdId };
std::string_view NameOf(AudienceSchema schema);  ///< "EMAIL_SHA256"

/// Requests that add users to segments of Snap's Marketing API and remove them from there: a group is what
/// GroupOf makes, an item what ItemOf makes.
class AudienceApi final : public BatchApi {
 public:
  /// `url` of the API, without "/v1".
  AudienceApi(std::string url, AudienceSchema schema);

  static std::string GroupOf(AudienceAction action, std::string_view segment_id);
  /// `sha256`: of an identifier, 64 lower-case hexadecimal digits.
  static std::string ItemOf(std::string_view sha256);

  ClientRequest Request(const std::string& group, std::span<const std::string_view> items,
                        const std::string& token) const override;
  BatchVerdict Judge(const ClientResponse& response) const override;
  std::int64_t EnvelopeBytes() const override;

 private:
  const std::string url_;
  const std::string head_;  // of a body, before the identifiers
};

}  // namespace millrace
