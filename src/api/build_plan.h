#pragma once

#include <functional>

#include "base/mutex.h"
#include "base/result.h"
#include "millrace/app.h"
#include "plan/plan.h"

namespace millrace {

/// The plan of an app as built so far, with its settings; not yet analysed.
/// Errors: user error with every mistake found while building, one per line: "file:line:column: ...".
Result<Plan> BuildPlan(const App& app);

namespace api_internal {

/// How App::Stop reaches a running pipeline. Thread-safe. App::Run attaches the way to stop and detaches it
/// at its end; a Stop before that is remembered.
class StopSwitch {
 public:
  /// Calls `stop` at once when Stop came before. `stop` is called at most once, from any thread.
  void Attach(std::function<void()> stop);
  void Detach();
  void Stop();
  bool stopped() const;

 private:
  mutable Mutex mutex_;
  std::function<void()> stop_;  // guarded by mutex_
  bool stopped_ = false;        // guarded by mutex_
};

const AppOptions& OptionsOf(const App& app);
StopSwitch& StopSwitchOf(App& app);

}  // namespace api_internal
}  // namespace millrace
