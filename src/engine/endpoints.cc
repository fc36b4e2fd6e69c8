#include "engine/endpoints.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "base/counted.h"
#include "engine/state_endpoint.h"
#include "engine/version.h"
#include "env/resource_usage.h"

namespace millrace {
namespace {

// Of a worker's round; max.poll.interval.ms by default, after which the group gives its partitions away.
constexpr std::chrono::minutes kStuck{5};

void AddMetric(std::string& out, const char* name, const char* type, const char* help, double value) {
  char number[64];
  std::snprintf(number, sizeof(number), "%.17g", value);
  out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n" + name + " " +
         number + "\n";
}

/// What only the runner as a whole knows.
std::string RunnerMetricsText(const RunnerStatus& status, EventTime now) {
  std::string out;
  AddMetric(out, "millrace_ready", "gauge", "1 when every assigned task is restored and running.",
            status.ready ? 1 : 0);
  AddMetric(out, "millrace_tasks_running", "gauge", "Tasks that process input.",
            static_cast<double>(status.tasks_running));
  AddMetric(out, "millrace_tasks_restoring", "gauge", "Tasks whose state is being read from changelogs.",
            static_cast<double>(status.tasks_restoring));
  AddMetric(out, "millrace_lag_records", "gauge",
            "Records between the positions and the ends of all input partitions.",
            static_cast<double>(status.lag));
  if (!status.watermark || *status.watermark == kNoWatermark || *status.watermark == kEndOfTime) return out;
  const auto watermark_ms = static_cast<double>(status.watermark->value());
  AddMetric(out, "millrace_watermark_seconds", "gauge",
            "The smallest watermark of all tasks, in seconds since the epoch.", watermark_ms / 1000);
  AddMetric(out, "millrace_watermark_lag_seconds", "gauge",
            "How far the smallest watermark is behind the clock.",
            (static_cast<double>(now.value()) - watermark_ms) / 1000);
  return out;
}

/// Memory, CPU time and version of this process.
std::string ProcessMetricsText() {
  const ResourceUsage usage = GetResourceUsage();
  std::string out =
      "# HELP millrace_build_info The version that runs.\n# TYPE millrace_build_info gauge\n"
      "millrace_build_info{version=\"" +
      std::string(Version()) + "\"} 1\n";
  AddMetric(out, "process_cpu_seconds_total", "counter", "User and system CPU time.", usage.cpu_s());
  AddMetric(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
            static_cast<double>(usage.resident.value()));
  AddMetric(out, "process_resident_memory_peak_bytes", "gauge", "Largest resident memory since the start.",
            static_cast<double>(usage.resident_peak.value()));
  return out;
}

constexpr std::string_view kStatePath = "/state/";

HttpResponse NotRunning() { return StateErrorResponse(Status::Unavailable("the pipeline is starting")); }

void AnswerStateRequest(PipelineRunner* runner, const HttpRequest& request, const HttpReply& reply) {
  const auto refuse = [&reply](Status status) {
    reply([status = std::move(status)] { return StateErrorResponse(status); });
  };
  if (runner == nullptr) return reply(NotRunning);
  const std::string step = request.path.substr(kStatePath.size());
  const auto found = runner->state_steps().find(step);
  if (found == runner->state_steps().end()) {
    return refuse(Status::NotFound("no step '" + step + "' has state; GET /state names those that have"));
  }
  auto read = StateRequest::Read(step, found->second, request.query);
  if (!read.ok()) return refuse(read.status());
  runner->Ask(read->query(), [reply, asked = *read, runner](Result<StateAnswer> answer) {
    if (!answer.ok()) return reply([status = answer.status()] { return StateErrorResponse(status); });
    const std::vector<Partition> elsewhere = asked.Elsewhere(*answer);
    const auto respond = [reply, asked,
                          answer = *std::move(answer)](std::map<Partition, std::string> owners) {
      reply([asked, answer, owners = std::move(owners)] { return asked.Respond(answer, owners); });
    };
    if (elsewhere.empty()) return respond({});
    runner->FindOwners(asked.query().step, elsewhere, respond);
  });
}

}  // namespace

std::string MetricsText(const MetricRegistry& metrics, const std::optional<RunnerStatus>& status,
                        EventTime now) {
  return metrics.ToPrometheusText() + ProcessMetricsText() + (status ? RunnerMetricsText(*status, now) : "");
}

HttpResponse HealthResponse(const std::optional<RunnerStatus>& status) {
  if (!status || status->since_last_round < kStuck) return {200, "ok\n"};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(status->since_last_round);
  return {503, "a worker thread has been stuck for " + std::to_string(seconds.count()) + " s\n"};
}

HttpResponse ReadyResponse(const std::optional<RunnerStatus>& status) {
  if (!status) return {503, "starting\n"};
  if (status->ready) return {200, "ready\n"};
  if (status->tasks_restoring == 0) return {503, "not ready: waiting for the group's assignment\n"};
  return {503, "not ready: " + Counted(status->tasks_running, "running task") + ", " +
                   std::to_string(status->tasks_restoring) + " being restored\n"};
}

Result<std::unique_ptr<HttpServer>> ServeEndpoints(const std::string& address, const MetricRegistry& metrics,
                                                   std::function<PipelineRunner*()> running) {
  const auto status = [running] {
    const PipelineRunner* runner = running();
    return runner == nullptr ? std::nullopt : std::optional(runner->status());
  };
  std::vector<HttpRoute> routes;
  routes.push_back({"GET", "/metrics", [&metrics, status](const HttpRequest&) {
                      return HttpResponse{200, MetricsText(metrics, status(), SystemClock().Now()),
                                          "text/plain; version=0.0.4; charset=utf-8"};
                    }});
  routes.push_back({"GET", "/healthz", [status](const HttpRequest&) { return HealthResponse(status()); }});
  routes.push_back({"GET", "/readyz", [status](const HttpRequest&) { return ReadyResponse(status()); }});
  routes.push_back({"GET", "/state", [running](const HttpRequest&) {
                      const PipelineRunner* runner = running();
                      return runner == nullptr ? NotRunning() : ListStateSteps(runner->state_steps());
                    }});
  routes.push_back({"GET", std::string(kStatePath), nullptr,
                    [running = std::move(running)](const HttpRequest& request, const HttpReply& reply) {
                      AnswerStateRequest(running(), request, reply);
                    }});
  HttpServerOptions options;
  options.address = address;
  return HttpServer::Start(std::move(options), std::move(routes));
}

}  // namespace millrace
