#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "base/duration.h"
#include "base/result.h"
#include "plan/plan.h"

namespace millrace {

struct PlanRunOptions {
  /// Address of /metrics, /healthz and /readyz; "" serves none.
  std::string http;
  /// How long to wait for a broker at the start.
  Duration startup_timeout{60'000};
  /// Where console sinks print; null: there is none.
  std::ostream* console = nullptr;
};

/// One run of a plan against the Kafka it names, from connecting to leaving the group: what `millrace run`
/// and App::Run share. Make -> Run (once) -> destroy; Stop from any thread at any time.
class PlanRun {
 public:
  static std::unique_ptr<PlanRun> Make(Plan plan, PlanRunOptions options);
  virtual ~PlanRun() = default;

  /// Blocks until Stop or a failure. Errors: kUnavailable when no broker answered in time; user error for the
  /// plan, a topic or the address; else what stopped a worker.
  virtual Status Run() = 0;
  /// Finish the batch, commit, leave the group (D5). Before Run: Run returns at once. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace millrace
