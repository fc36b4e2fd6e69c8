#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "engine/runner.h"
#include "http/server.h"

namespace millrace {

/// Serves what operators of a running pipeline look at, until the returned server is destroyed:
///   /metrics   Prometheus text of `metrics` and of this process
///   /healthz   200 while the process works
///   /readyz    200 when every assigned task is restored and running, else 503 and why
///   /state     the steps that have state; /state/<step>: rows of one, see StateRequest
/// `running`: null until the pipeline runs. It is called on the server's thread; what it gives and `metrics`
/// must outlive the server. Errors: user error for an address that cannot be listened on.
Result<std::unique_ptr<HttpServer>> ServeEndpoints(const std::string& address, const MetricRegistry& metrics,
                                                   std::function<PipelineRunner*()> running);

/// What /metrics answers: Prometheus text of the registry, of this process and, when there is a status, of
/// the runner.
std::string MetricsText(const MetricRegistry& metrics, const std::optional<RunnerStatus>& status,
                        EventTime now);

/// What /readyz answers.
/// 503 when a worker is stuck. A process that is starting, or waits for its brokers, is healthy.
HttpResponse HealthResponse(const std::optional<RunnerStatus>& status);

HttpResponse ReadyResponse(const std::optional<RunnerStatus>& status);

}  // namespace millrace
