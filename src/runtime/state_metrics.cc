#include "runtime/state_metrics.h"

#include <utility>

namespace millrace {
namespace {

constexpr std::chrono::seconds kRefreshEvery{1};

}  // namespace

StateMetrics::~StateMetrics() {
  for (auto& [table, shown] : tables_) Show(&shown, {});
}

void StateMetrics::Refresh(const StateStore& store) {
  const auto now = clock_.Steady();
  if (!tables_.empty() && now - refreshed_ < kRefreshEvery) return;
  refreshed_ = now;
  for (TableSize& size : store.Sizes()) {
    Shown& shown = tables_[size.table];
    if (shown.rows == nullptr) {
      const MetricLabels labels{{"step", size.table}};
      shown.rows = &registry_.GetGauge("millrace_state_rows", "Rows in the state of a step.", labels);
      shown.memory_bytes = &registry_.GetGauge("millrace_state_memory_bytes",
                                               "Estimate of the memory that a step's state takes.", labels);
      shown.disk_bytes =
          &registry_.GetGauge("millrace_state_disk_bytes", "Estimate of a step's state in files.", labels);
    }
    Show(&shown, std::move(size));
  }
}

void StateMetrics::Show(Shown* shown, TableSize size) {
  shown->rows->Add(static_cast<double>(size.rows - shown->size.rows));
  shown->memory_bytes->Add(static_cast<double>(size.memory_bytes - shown->size.memory_bytes));
  shown->disk_bytes->Add(static_cast<double>(size.disk_bytes - shown->size.disk_bytes));
  shown->size = std::move(size);
}

}  // namespace millrace
