#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace millrace {

/// Who has to act on an error.
enum class ErrorClass {
  kUser,       ///< the pipeline, the configuration or the data: the user changes something
  kRetryable,  ///< the same call may succeed later
  kFatal,      ///< this process cannot go on; a restart may help
  kBug,        ///< an assumption of Millrace itself is broken
};

/// What went wrong. Each code belongs to one ErrorClass unless the maker says otherwise.
enum class StatusCode {
  kOk,
  kInvalidArgument,    ///< user
  kNotFound,           ///< user
  kAlreadyExists,      ///< user
  kPermissionDenied,   ///< user
  kUnavailable,        ///< retryable: nobody answers
  kTimeout,            ///< retryable
  kAborted,            ///< retryable: the current transaction must be aborted and its input read again
  kOutcomeUnknown,     ///< retryable: a commit may or may not have happened; recover before going on
  kFenced,             ///< fatal: another process has taken this identity
  kCancelled,          ///< fatal: asked to stop
  kIo,                 ///< fatal: disk or file system
  kResourceExhausted,  ///< fatal: a named bound was hit
  kCorrupt,            ///< fatal: stored data does not verify
  kBug,                ///< bug
};

/// The outcome of a call that can fail: ok, or a code, a class and one sentence.
///
/// The sentence says what happened, where (topic, partition, offset, file, line) and what to do; callers add
/// what they know on the way up with WithContext. Cheap to move; an ok Status allocates nothing.
/// Thread-compatible.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message);
  Status(StatusCode code, ErrorClass error_class, std::string message);

  static Status Ok() { return {}; }
  static Status InvalidArgument(std::string message) {
    return {StatusCode::kInvalidArgument, std::move(message)};
  }
  static Status NotFound(std::string message) { return {StatusCode::kNotFound, std::move(message)}; }
  static Status AlreadyExists(std::string message) {
    return {StatusCode::kAlreadyExists, std::move(message)};
  }
  static Status PermissionDenied(std::string message) {
    return {StatusCode::kPermissionDenied, std::move(message)};
  }
  static Status Unavailable(std::string message) { return {StatusCode::kUnavailable, std::move(message)}; }
  static Status Timeout(std::string message) { return {StatusCode::kTimeout, std::move(message)}; }
  static Status Aborted(std::string message) { return {StatusCode::kAborted, std::move(message)}; }
  static Status OutcomeUnknown(std::string message) {
    return {StatusCode::kOutcomeUnknown, std::move(message)};
  }
  static Status Fenced(std::string message) { return {StatusCode::kFenced, std::move(message)}; }
  static Status Cancelled(std::string message) { return {StatusCode::kCancelled, std::move(message)}; }
  static Status Io(std::string message) { return {StatusCode::kIo, std::move(message)}; }
  static Status ResourceExhausted(std::string message) {
    return {StatusCode::kResourceExhausted, std::move(message)};
  }
  static Status Corrupt(std::string message) { return {StatusCode::kCorrupt, std::move(message)}; }
  static Status Bug(std::string message) { return {StatusCode::kBug, std::move(message)}; }

  bool ok() const { return state_ == nullptr; }
  StatusCode code() const { return ok() ? StatusCode::kOk : state_->code; }
  /// Precondition: !ok().
  ErrorClass error_class() const { return state_->error_class; }
  /// Empty when ok.
  const std::string& message() const;

  /// The same error with "context: " in front of its message; ok stays ok.
  Status WithContext(std::string_view context) &&;
  Status WithContext(std::string_view context) const&;

  /// "ok", or "<code name>: <message>" for logs and tests.
  std::string ToString() const;

 private:
  struct State {
    StatusCode code;
    ErrorClass error_class;
    std::string message;
  };
  std::shared_ptr<const State> state_;  // null when ok
};

/// The snake_case name of a code, as it appears in logs and metrics ("invalid_argument").
std::string_view StatusCodeName(StatusCode code);

}  // namespace millrace

/// Returns from the enclosing function when `expr` (a Status) is not ok.
#define MR_RETURN_IF_ERROR(expr)                                                     \
  do {                                                                               \
    if (::millrace::Status mr_status_ = (expr); !mr_status_.ok()) return mr_status_; \
  } while (false)
