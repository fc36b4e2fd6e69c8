#include "base/status.h"

namespace millrace {
namespace {

ErrorClass ClassOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists:
    case StatusCode::kPermissionDenied:
      return ErrorClass::kUser;
    case StatusCode::kUnavailable:
    case StatusCode::kTimeout:
    case StatusCode::kAborted:
    case StatusCode::kOutcomeUnknown:
      return ErrorClass::kRetryable;
    case StatusCode::kFenced:
    case StatusCode::kCancelled:
    case StatusCode::kIo:
    case StatusCode::kResourceExhausted:
    case StatusCode::kCorrupt:
      return ErrorClass::kFatal;
    case StatusCode::kBug:
      return ErrorClass::kBug;
  }
  return ErrorClass::kBug;
}

}  // namespace

Status::Status(StatusCode code, std::string message) : Status(code, ClassOf(code), std::move(message)) {}

Status::Status(StatusCode code, ErrorClass error_class, std::string message) {
  if (code != StatusCode::kOk) {
    state_ = std::make_shared<const State>(State{code, error_class, std::move(message)});
  }
}

const std::string& Status::message() const {
  static const std::string kEmpty;
  return ok() ? kEmpty : state_->message;
}

Status Status::WithContext(std::string_view context) && { return std::as_const(*this).WithContext(context); }

Status Status::WithContext(std::string_view context) const& {
  if (ok()) return *this;
  return {state_->code, state_->error_class, std::string(context) + ": " + state_->message};
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  return std::string(StatusCodeName(code())) + ": " + state_->message;
}

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid_argument";
    case StatusCode::kNotFound:
      return "not_found";
    case StatusCode::kAlreadyExists:
      return "already_exists";
    case StatusCode::kPermissionDenied:
      return "permission_denied";
    case StatusCode::kUnavailable:
      return "unavailable";
    case StatusCode::kTimeout:
      return "timeout";
    case StatusCode::kAborted:
      return "aborted";
    case StatusCode::kOutcomeUnknown:
      return "outcome_unknown";
    case StatusCode::kFenced:
      return "fenced";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kIo:
      return "io";
    case StatusCode::kResourceExhausted:
      return "resource_exhausted";
    case StatusCode::kCorrupt:
      return "corrupt";
    case StatusCode::kBug:
      return "bug";
  }
  return "unknown";
}

}  // namespace millrace
