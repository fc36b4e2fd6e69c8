#include "millrace/app.h"

#include <optional>

#include <arrow/compute/initialize.h>

#include "api/build_plan.h"
#include "base/log.h"
#include "columnar/arrow_status.h"
#include "connectors/console/standard_output.h"
#include "engine/plan_run.h"
#include "env/signals.h"

namespace millrace {
namespace {

RunResult ToResult(const Status& status) {
  if (status.ok()) return {0, ""};
  Log(LogLevel::kError, status.message());
  if (status.code() == StatusCode::kUnavailable) return {3, status.message()};
  return {status.code() == StatusCode::kInvalidArgument ? 2 : 1, status.message()};
}

}  // namespace

RunResult App::Run() {
  const arrow::Status initialized = arrow::compute::Initialize();
  if (!initialized.ok()) return ToResult(FromArrow(initialized));
  auto plan = BuildPlan(*this);
  if (!plan.ok()) return ToResult(plan.status());
  const AppOptions& options = api_internal::OptionsOf(*this);
  PlanRunOptions run_options;
  run_options.http = options.http_address;
  run_options.startup_timeout = options.startup_timeout;
  run_options.console = &StandardOutput();
  std::optional<ShutdownSignal> signals;
  if (options.handle_signals) {
    signals.emplace(StopDeadline(*plan));
    run_options.stop = signals->token();
  }
  const auto run = PlanRun::Make(*std::move(plan), run_options);
  if (!run.ok()) return ToResult(run.status());
  api_internal::StopSwitch& stop = api_internal::StopSwitchOf(*this);
  stop.Attach([token = run_options.stop] { token.RequestStop(); });
  const Status status = (*run)->Run();
  stop.Detach();
  return ToResult(status);
}

}  // namespace millrace
