#pragma once

#include <optional>
#include <utility>

#include "base/check.h"
#include "base/status.h"

namespace millrace {

/// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  /// Precondition: !status.ok().
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    MR_CHECK(!status_.ok());
  }
  template <typename U>  // NOLINTBEGIN(google-explicit-constructor)
  requires std::is_convertible_v<U&&, T> &&
      (!std::is_same_v<std::remove_cvref_t<U>, T>)&&(!std::is_same_v<std::remove_cvref_t<U>, Status>)&&(
          !std::is_same_v<std::remove_cvref_t<U>, Result<T>>)Result(U&& value)
      : value_(std::forward<U>(value)) {}  // NOLINTEND(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  /// Precondition of all accessors: ok().
  T& operator*() & { return Get(); }
  const T& operator*() const& { return const_cast<Result*>(this)->Get(); }
  T&& operator*() && { return std::move(Get()); }
  T* operator->() { return &Get(); }
  const T* operator->() const { return &const_cast<Result*>(this)->Get(); }

  Result WithContext(std::string_view context) && {
    if (ok()) return std::move(*this);
    return std::move(status_).WithContext(context);
  }

 private:
  T& Get() {
    MR_CHECK(value_.has_value()) << status_.ToString();
    return *value_;
  }

  Status status_;
  std::optional<T> value_;
};

}  // namespace millrace

#define MR_CONCAT_INNER(a, b) a##b
#define MR_CONCAT(a, b) MR_CONCAT_INNER(a, b)

/// MR_ASSIGN_OR_RETURN(auto x, MakeX()): declares or assigns from a Result, returning its Status on error.
#define MR_ASSIGN_OR_RETURN(lhs, expr) MR_ASSIGN_OR_RETURN_IMPL(MR_CONCAT(mr_result_, __LINE__), lhs, expr)
#define MR_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                             \
  if (!result.ok()) return result.status();         \
  lhs = *std::move(result)
