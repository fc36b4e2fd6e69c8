#include "millrace/app.h"

#include <utility>

#include "api/access.h"

namespace millrace {

using api_internal::Access;
using api_internal::LocationOf;

App::App(AppOptions options) : impl_(std::make_unique<Impl>()) { impl_->options = std::move(options); }
App::App(App&&) noexcept = default;
App& App::operator=(App&&) noexcept = default;
App::~App() = default;

DataFrame App::From(const Topic& topic, CallSite at) {
  PlanNode node;
  node.name = Access::NameOf(topic);
  node.location = LocationOf(at);
  auto source = Access::ToSource(topic, node.location);
  if (source.ok()) {
    node.op = *std::move(source);
  } else {
    impl_->graph->AddError(node.location, source.status().message());
    node.op = KafkaSource{};
  }
  return Access::Frame(impl_->graph, impl_->graph->Add(std::move(node)));
}

void App::Stop() { impl_->stop.Stop(); }

std::string App::Explain() const {
  auto plan = BuildPlan(*this);
  if (!plan.ok()) return plan.status().message();
  const auto analyzed = AnalyzePlan(*std::move(plan));
  return analyzed.ok() ? PlanToText(*analyzed) : analyzed.status().message();
}

Result<Plan> BuildPlan(const App& app) {
  const auto& impl = Access::ImplOf(app);
  MR_RETURN_IF_ERROR(impl.graph->status());
  const AppOptions& options = impl.options;
  Plan plan;
  plan.name = options.name;
  plan.kafka = options.kafka;
  plan.guarantee =
      options.delivery == Delivery::kExactlyOnce ? Guarantee::kExactlyOnce : Guarantee::kAtLeastOnce;
  plan.commit_interval = options.commit_interval;
  plan.commit_bytes = ByteCount(options.commit_bytes);
  plan.batch = {options.batch_rows, ByteCount(options.batch_bytes), options.batch_delay};
  plan.workers = options.workers;
  plan.standbys = options.standbys;
  plan.memory = ByteCount(options.memory_bytes);
  plan.state_dir = options.state_dir;
  plan.stop_timeout = options.stop_timeout;
  plan.idle_after = options.idle_after;
  plan.out_of_orderness = options.out_of_orderness;
  plan.max_future = options.max_future;
  plan.dead_letter_topic = options.dead_letter_topic;
  plan.create_topics = options.create_topics;
  plan.nodes = impl.graph->nodes();
  return plan;
}

namespace api_internal {

void StopSwitch::Attach(std::function<void()> stop) {
  MutexLock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    stop();
    return;
  }
  stop_ = std::move(stop);
}

void StopSwitch::Detach() {
  const MutexLock lock(mutex_);
  stop_ = nullptr;
}

void StopSwitch::Stop() {
  // Called under the lock, so that Detach returns only when no call is under way.
  const MutexLock lock(mutex_);
  if (stopped_) return;
  stopped_ = true;
  if (stop_) stop_();
}

bool StopSwitch::stopped() const {
  const MutexLock lock(mutex_);
  return stopped_;
}

const AppOptions& OptionsOf(const App& app) { return Access::ImplOf(app).options; }
StopSwitch& StopSwitchOf(App& app) { return Access::ImplOf(app).stop; }

}  // namespace api_internal
}  // namespace millrace
