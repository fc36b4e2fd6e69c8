#include "runtime/step_metrics.h"

namespace millrace {

StepMetrics::StepMetrics(MetricRegistry& registry, const std::string& step)
    : rows_in(
          registry.GetCounter("millrace_step_rows_in_total", "Rows that entered a step.", {{"step", step}})),
      rows_out(
          registry.GetCounter("millrace_step_rows_out_total", "Rows that a step emitted.", {{"step", step}})),
      rows_filtered(registry.GetCounter("millrace_step_rows_filtered_total", "Rows that a filter dropped.",
                                        {{"step", step}})),
      rows_absorbed(registry.GetCounter("millrace_step_rows_absorbed_total", "Rows that went into state.",
                                        {{"step", step}})),
      rows_late(registry.GetCounter(
          "millrace_step_rows_late_total",
          "Rows that came after their window closed, or too late for what another step keeps.",
          {{"step", step}})),
      rows_dead(registry.GetCounter("millrace_step_rows_dead_lettered_total",
                                    "Rows that failed and were set aside.", {{"step", step}})),
      rows_dropped(registry.GetCounter("millrace_step_rows_dropped_total",
                                       "Rows that failed and were dropped, as on_error says.",
                                       {{"step", step}})) {}

}  // namespace millrace
