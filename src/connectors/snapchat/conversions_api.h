#pragma once

#include <string>

#include "http/batch_delivery.h"

namespace millrace {

struct ConversionsApiOptions {
  std::string url = "https://tr.snapchat.com";
  /// Events are checked by Snap and count for nothing.
  bool validate = false;
  /// Marks the events for Snap's test tool; "" for real ones.
  std::string test_event_code{};
  /// The token stands in the header "Authorization: Bearer" and not in the URL.
  bool token_in_header = false;
};

/// Requests to Snap's Conversions API, version 3: a group is the id of a pixel or an app, an item the JSON of
/// an event. Responses are read for their `status`, also those with HTTP 200.
class ConversionsApi final : public BatchApi {
 public:
  explicit ConversionsApi(ConversionsApiOptions options);

  ClientRequest Request(const std::string& group, std::span<const std::string_view> items,
                        const std::string& token) const override;
  BatchVerdict Judge(const ClientResponse& response) const override;
  std::int64_t EnvelopeBytes() const override;

 private:
  const ConversionsApiOptions options_;
  const std::string tail_;  // of a body, behind the events
};

}  // namespace millrace
