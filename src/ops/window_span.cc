#include "ops/window_span.h"

#include <utility>
#include <vector>

#include <arrow/api.h>

#include "ops/window_assigner.h"

namespace millrace {

namespace {

std::shared_ptr<arrow::DataType> Times() { return arrow::timestamp(arrow::TimeUnit::MILLI); }

std::shared_ptr<arrow::Array> TakeTimes(std::vector<std::int64_t>* times_ms) {
  const auto rows = static_cast<std::int64_t>(times_ms->size());
  auto values = arrow::Buffer::FromVector(std::exchange(*times_ms, {}));
  return arrow::MakeArray(arrow::ArrayData::Make(Times(), rows, {nullptr, std::move(values)}, 0));
}

}  // namespace

WindowSpanAggregator::WindowSpanAggregator()
    : Aggregator(arrow::struct_({arrow::field("start", Times()), arrow::field("end", Times())}),
                 sizeof(WindowSpan)) {}

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

Result<bool> WindowSpanAggregator::UpdateEach(const AggregateInput& input,
                                              std::vector<RowWithoutResult>* /*without*/) {
  for (std::size_t i = 0; i < input.num_rows(); ++i) {
    WindowSpan& span = Of(input.state(i));
    span.Cover(input.event_times_ms[i]);
    ++span.rows;
    MR_RETURN_IF_ERROR(Append(input.state(i)));
  }
  return true;
}

void WindowSpanAggregator::Merge(std::byte* state, const Aggregator& /*from*/, const std::byte* from_state) {
  WindowSpan& span = Of(state);
  const auto& other = *reinterpret_cast<const WindowSpan*>(from_state);
  span.first_ms = std::min(span.first_ms, other.first_ms);
  span.last_ms = std::max(span.last_ms, other.last_ms);
  span.rows += other.rows;
}

Status WindowSpanAggregator::Append(const std::byte* state) {
  const auto& span = *reinterpret_cast<const WindowSpan*>(state);
  starts_ms_.push_back(span.first_ms);
  ends_ms_.push_back(AddTime(span.last_ms, 1));
  return Status::Ok();
}

Result<std::shared_ptr<arrow::Array>> WindowSpanAggregator::Finish() {
  const auto rows = static_cast<std::int64_t>(starts_ms_.size());
  return std::make_shared<arrow::StructArray>(
      type(), rows, arrow::ArrayVector{TakeTimes(&starts_ms_), TakeTimes(&ends_ms_)});
}

}  // namespace millrace
