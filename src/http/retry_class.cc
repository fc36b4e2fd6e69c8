#include "http/retry_class.h"

#include <string>

#include "base/check.h"

namespace millrace {

RetryClass RetryClassOf(int http_status) {
  if (http_status >= 200 && http_status < 300) return RetryClass::kDone;
  if (http_status >= 500) return RetryClass::kRetry;
  switch (http_status) {
    case 401:
      return RetryClass::kAuth;
    case 403:
      return RetryClass::kForbidden;
    case 408:
    case 425:
    case 429:
      return RetryClass::kRetry;
    default:
      return RetryClass::kPermanent;
  }
}

RetryClass RetryClassOf(const Status& error) {
  MR_CHECK(!error.ok());
  if (error.error_class() == ErrorClass::kRetryable) return RetryClass::kRetry;
  return error.code() == StatusCode::kPermissionDenied ? RetryClass::kForbidden : RetryClass::kPermanent;
}

Status StatusOfResponse(int http_status, std::string_view what) {
  const std::string message = std::string(what) + ": HTTP " + std::to_string(http_status);
  switch (RetryClassOf(http_status)) {
    case RetryClass::kDone:
      return Status::Ok();
    case RetryClass::kRetry:
      return Status::Unavailable(message);
    case RetryClass::kAuth:
    case RetryClass::kForbidden:
      return Status::PermissionDenied(message);
    case RetryClass::kPermanent:
      break;
  }
  return Status::InvalidArgument(message);
}

}  // namespace millrace
