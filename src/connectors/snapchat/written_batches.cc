#include "connectors/snapchat/written_batches.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace millrace {
namespace {

constexpr const char* kRefused = "refused";  // class of an error

}  // namespace

void WrittenBatches::Add(const Batch& batch) {
  written_.push_back({next_id_, batch});
  next_id_ += batch.num_rows();
}

void WrittenBatches::TakeFailed(std::vector<BatchDelivery::Refused> refused,
                                std::vector<FailedRows>* failed) {
  std::sort(refused.begin(), refused.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  auto next = refused.begin();
  for (Written& written : written_) {
    std::vector<RowError> errors;
    for (; next != refused.end() && next->id < written.first_id + written.batch.num_rows(); ++next)
      errors.push_back(
          {next->id - written.first_id, kRefused, "Snap refused it: " + std::move(next->reason)});
    if (!errors.empty()) failed->push_back({std::move(written.batch), std::move(errors)});
  }
  MR_CHECK(next == refused.end());
  written_.clear();
}

}  // namespace millrace
