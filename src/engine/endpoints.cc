#include "engine/endpoints.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "engine/version.h"
#include "env/resource_usage.h"

namespace millrace {
namespace {

void AddMetric(std::string& out, const char* name, const char* type, const char* help, double value) {
  char number[64];
  std::snprintf(number, sizeof(number), "%.17g", value);
  out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n" + name + " " +
         number + "\n";
}

HttpResponse Ready(const std::optional<RunnerStatus>& status) {
  if (!status) return {503, "starting\n"};
  if (status->ready) return {200, "ready\n"};
  return {503, "not ready: " + std::to_string(status->tasks_running) + " tasks run, " +
                   std::to_string(status->tasks_restoring) + " are being restored\n"};
}

}  // namespace

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

Result<std::unique_ptr<HttpServer>> ServeEndpoints(const std::string& address, const MetricRegistry& metrics,
                                                   std::function<std::optional<RunnerStatus>()> status) {
  std::vector<HttpRoute> routes;
  routes.push_back({"GET", "/metrics", [&metrics](const HttpRequest&) {
                      return HttpResponse{200, metrics.ToPrometheusText() + ProcessMetricsText(),
                                          "text/plain; version=0.0.4; charset=utf-8"};
                    }});
  routes.push_back({"GET", "/healthz", [](const HttpRequest&) { return HttpResponse{200, "ok\n"}; }});
  routes.push_back(
      {"GET", "/readyz", [status = std::move(status)](const HttpRequest&) { return Ready(status()); }});
  HttpServerOptions options;
  options.address = address;
  return HttpServer::Start(std::move(options), std::move(routes));
}

}  // namespace millrace
