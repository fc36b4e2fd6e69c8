#pragma once

#include <string_view>

#include "base/status.h"

namespace millrace {

/// What the sender of an HTTP request does with its outcome.
enum class RetryClass {
  kDone,       ///< 2xx
  kRetry,      ///< the same request later: 408, 425, 429, 5xx, time-out, broken connection
  kAuth,       ///< 401: with a new token, once
  kForbidden,  ///< 403: a right is missing; nothing of this account works until someone grants it
  kPermanent,  ///< anything else, redirects too: this request will never be taken
};

/// By the status of a response; 1xx and 3xx are kPermanent, because redirects are never followed.
RetryClass RetryClassOf(int http_status);

/// By an error of the client that gave no response. Precondition: !error.ok().
RetryClass RetryClassOf(const Status& error);

/// The error that a response stands for: "<what>: HTTP 503". ok for 2xx. `what` must be free of secrets.
Status StatusOfResponse(int http_status, std::string_view what);

}  // namespace millrace
