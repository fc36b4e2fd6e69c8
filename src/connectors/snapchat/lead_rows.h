#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "connect/feed.h"

namespace millrace {

/// Makes records of what Snap's webhook sends, one per lead, with the key "<lead_id>" and those fields that
/// are known as columns. Thread-compatible.
class LeadRows {
 public:
  /// `hashed`: fields of the person that are normalised and hashed (SHA-256) as Snap's APIs want them; what
  /// cannot be normalised is left out. Errors: user error for a field that is none of a person.
  static Result<std::unique_ptr<LeadRows>> Make(const std::set<std::string>& hashed);
  ~LeadRows();

  /// `now`: its event time. Not when Snap says that it was made, which may be long ago or nonsense: a lead
  /// that was answered must not be late. Errors: user error without any part of the body.
  Result<FeedRecord> Read(std::string_view body, EventTime now) const;

 private:
  struct Hashes;
  explicit LeadRows(std::unique_ptr<const Hashes> hashes);
  const std::unique_ptr<const Hashes> hashes_;
};

/// Fields that say who a lead is.
std::span<const std::string_view> LeadPersonFields();

}  // namespace millrace
