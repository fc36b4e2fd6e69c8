#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/result.h"
#include "env/signals.h"
#include "env/thread.h"
#include "plan/plan.h"

namespace millrace {

struct PlanRunOptions {
  /// Address of /metrics, /healthz, /readyz and /state; "" serves none.
  std::string http;
  /// How long to wait at the start for a broker, and for a cluster that is not ready yet.
  Duration startup_timeout{60'000};
  /// Where console sinks print; null: there is none.
  std::ostream* console = nullptr;
  /// Finish the batch, commit, leave the group (D5).
  StopToken stop{};
};

/// One run of a plan against the Kafka it names, from connecting to leaving the group: what `millrace run`
/// and App::Run share. Make -> Run (once) -> destroy.
class PlanRun {
 public:
  /// Serves the endpoints from now on. Errors: user error for their address or MILLRACE_SLOT.
  static Result<std::unique_ptr<PlanRun>> Make(Plan plan, PlanRunOptions options);
  virtual ~PlanRun() = default;

  /// Blocks until stopped, which is ok, or a failure. Errors: kUnavailable when no broker answered in time;
  /// user error for the plan or a topic; else what stopped a worker.
  virtual Status Run() = 0;
  /// Everything was in order and the workers began: what ended Run later is no mistake in the plan.
  virtual bool started() const = 0;
};

/// The deadline of a plan's graceful end, for ShutdownSignal.
ShutdownDeadline StopDeadline(const Plan& plan);

}  // namespace millrace
