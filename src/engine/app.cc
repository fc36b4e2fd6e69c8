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

constexpr int kFailed = 1;
constexpr int kInvalid = 2;
constexpr int kNoBroker = 3;

RunResult Failed(const Status& status, int exit_code) {
  Log(LogLevel::kError, status.message());
  return {exit_code, status.message()};
}

/// Of a pipeline that did not start.
RunResult NotStarted(const Status& status) {
  if (status.code() == StatusCode::kUnavailable) return Failed(status, kNoBroker);
  return Failed(status, status.code() == StatusCode::kInvalidArgument ? kInvalid : kFailed);
}

}  // namespace

RunResult App::Run() {
  const arrow::Status initialized = arrow::compute::Initialize();
  if (!initialized.ok()) return NotStarted(FromArrow(initialized));
  auto plan = BuildPlan(*this);
  if (!plan.ok()) return NotStarted(plan.status());
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
  if (!run.ok()) return NotStarted(run.status());
  api_internal::StopSwitch& stop = api_internal::StopSwitchOf(*this);
  stop.Attach([token = run_options.stop] { token.RequestStop(); });
  const Status status = (*run)->Run();
  stop.Detach();
  if (status.ok()) return {0, ""};
  return (*run)->started() ? Failed(status, kFailed) : NotStarted(status);
}

}  // namespace millrace
