#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "ops/aggregator.h"
#include "ops/group_rows.h"

namespace millrace {

/// A hidden aggregate: the first and last event time of a group's rows, and how many they are. Sessions and
/// count windows get their start and end from it. As a column: start, and end 1 ms behind the last.
struct WindowSpan {
  std::int64_t first_ms;
  std::int64_t last_ms;
  std::int64_t rows;

  /// True when that made it longer.
  bool Cover(std::int64_t time_ms) {
    const WindowSpan before = *this;
    first_ms = std::min(first_ms, time_ms);
    last_ms = std::max(last_ms, time_ms);
    return first_ms != before.first_ms || last_ms != before.last_ms;
  }
};

class WindowSpanAggregator final : public Aggregator {
 public:
  WindowSpanAggregator();
  static WindowSpan& Of(std::byte* state) { return *reinterpret_cast<WindowSpan*>(state); }

  void Clear(std::byte* state, std::uint32_t slot) override;
  bool Update(const AggregateInput& input) override;
  Result<bool> UpdateEach(const AggregateInput& input, std::vector<RowWithoutResult>* without) override;
  void Merge(std::byte* state, const Aggregator& from, const std::byte* from_state) override;
  Status Append(const std::byte* state) override;
  Result<std::shared_ptr<arrow::Array>> Finish() override;

 private:
  std::vector<std::int64_t> starts_ms_;
  std::vector<std::int64_t> ends_ms_;
};

/// Of a group whose last aggregate is a WindowSpanAggregator.
inline WindowSpan& SpanOf(GroupRows& groups, std::uint32_t slot) {
  return WindowSpanAggregator::Of(groups.group(slot) + groups.state_at(groups.size() - 1));
}

}  // namespace millrace
