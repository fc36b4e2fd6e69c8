#pragma once

#include <string>

#include "http/server.h"
#include "snap_server/api_request.h"
#include "snap_server/json_value.h"

namespace millrace::snap {

/// Why a request is not answered as it asks.
struct Refusal {
  int status = 400;
  std::string message;
  /// Of the Marketing API, "E1001"; the Conversions API has one number for everything.
  std::string code = "E1001";
};

/// The only code that Snap's description of the Conversions API shows.
inline constexpr std::string_view kConversionErrorCode = "517";

HttpResponse JsonAnswer(int status, const json::value& body);

/// The refusal in the form that the request's API has for it.
HttpResponse Refuse(const ApiRequest& request, const Refusal& refusal);

/// The envelope of the Marketing API around `content`.
HttpResponse Succeed(const ApiRequest& request, json::object content);

/// One item of a list: {"sub_request_status": "SUCCESS", "<name>": {...}}.
json::object SubRequest(std::string_view name, json::object item);
/// One item that was refused.
json::object FailedSubRequest(std::string_view reason);

/// 401 as OAuth 2 wants it; `description` becomes part of WWW-Authenticate.
HttpResponse Unauthorized(const ApiRequest& request, const std::string& description);

}  // namespace millrace::snap
