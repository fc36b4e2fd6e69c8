#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace {

/// Finds the bad items of a batch that was refused as a whole, by sending parts of it: a pure state machine
/// that says which part to send next and is told what became of it. One bad item among n costs at most
/// 2 log2(n) + 1 requests, with the first of the whole batch; every item is in exactly one part that was
/// accepted, or was refused alone.
///
///   for (BatchBisection parts(n); const auto part = parts.Next();) {
///     Send(*part) ? parts.Accepted() : parts.Refused();   // on anything else: try the same part again
///   }
///   parts.bad();
class BatchBisection {
 public:
  /// Items [begin, begin + count) of the batch.
  struct Part {
    std::int64_t begin;
    std::int64_t count;
    friend bool operator==(const Part&, const Part&) = default;
  };

  /// Precondition: items >= 0.
  explicit BatchBisection(std::int64_t items);

  /// What to send next, the same until its outcome is told; none when all items are settled.
  std::optional<Part> Next() const;
  /// The outcome of what Next says. Precondition: Next() has a value.
  void Accepted();
  void Refused();

  /// Items that were refused alone, in no order.
  const std::vector<std::int64_t>& bad() const { return bad_; }
  /// Outcomes told.
  std::int64_t requests() const { return requests_; }

 private:
  struct Open {
    Part part;
    /// The first half of a part that was refused, whose second half is the next below it.
    bool first_half;
  };

  /// Puts both halves of a refused part of more than one item on the stack.
  void Split(Part part);

  std::vector<Open> open_;  // a stack: the last is next
  std::vector<std::int64_t> bad_;
  std::int64_t requests_ = 0;
};

}  // namespace millrace
