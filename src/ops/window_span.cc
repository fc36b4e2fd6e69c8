#include "ops/window_span.h"

#include <arrow/type.h>

namespace millrace {

WindowSpanAggregator::WindowSpanAggregator() : Aggregator(arrow::null(), sizeof(WindowSpan)) {}

void WindowSpanAggregator::Clear(std::byte* state, std::uint32_t /*slot*/) {
  new (state)
      WindowSpan{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(), 0};
}

bool WindowSpanAggregator::Update(const AggregateInput& input) {
  for (std::size_t i = 0; i < input.num_rows(); ++i) {
    WindowSpan& span = Of(input.state(i));
    span.Cover(input.event_times_ms[i]);
    ++span.rows;
  }
  return true;
}

Result<bool> WindowSpanAggregator::UpdateEach(const AggregateInput& /*input*/,
                                              std::vector<RowWithoutResult>* /*without*/) {
  return Status::Bug("the span of a window is no result");
}

void WindowSpanAggregator::Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) {
  WindowSpan& span = Of(state);
  const auto& other = *reinterpret_cast<const WindowSpan*>(from_state);
  span.first_ms = std::min(span.first_ms, other.first_ms);
  span.last_ms = std::max(span.last_ms, other.last_ms);
  span.rows += other.rows;
}

Status WindowSpanAggregator::Append(const std::byte* /*state*/) {
  return Status::Bug("the span of a window is no result");
}

Result<std::shared_ptr<arrow::Array>> WindowSpanAggregator::Finish() {
  return Status::Bug("the span of a window is no result");
}

}  // namespace millrace
