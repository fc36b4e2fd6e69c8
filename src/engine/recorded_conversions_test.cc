// tests/vectors/recorded_*.json: events of other connectors, the requests that these made of them, and by
// name what Millrace does otherwise. Whole pipelines send the same events to a server, and whole bodies are
// compared.
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "base/mutex.h"
#include "engine/test_driver.h"
#include "engine/yaml/json_value.h"
#include "engine/yaml/pipeline_file.h"
#include "expr/expr.h"
#include "http/server.h"

namespace millrace {
namespace {

using testing::HasSubstr;

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// JSON is YAML, where what was quoted is known by its tag.
std::string Json(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return "null";
  if (node.IsScalar()) return node.Tag() == "!" ? JsonString(node.Scalar()) : node.Scalar();
  std::string out;
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) out += (out.empty() ? "" : ", ") + Json(item);
    return "[" + out + "]";
  }
  for (const auto& pair : node)
    out += (out.empty() ? "" : ", ") + JsonString(pair.first.Scalar()) + ": " + Json(pair.second);
  return "{" + out + "}";
}

/// Equal for equal values.
std::string Canonical(const std::string& json) { return *CanonicalJson(json); }

/// Keeps the one request that a case makes.
class RequestStandIn {
 public:
  RequestStandIn() {
    HttpServerOptions options;
    options.address = "127.0.0.1:0";
    std::vector<HttpRoute> routes;
    routes.push_back({"POST", "/v3/", [this](const HttpRequest& request) {
                        const MutexLock lock(mutex_);
                        requests_.push_back(request);
                        return HttpResponse{200, R"({"status":"VALID"})"};
                      }});
    server_ = *HttpServer::Start(options, std::move(routes));
  }
  std::string url() const { return "http://" + server_->address(); }
  std::vector<HttpRequest> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<HttpRequest> requests_;  // guarded by mutex_
  std::unique_ptr<HttpServer> server_;
};

/// What became of a row: one of them is there.
struct Outcome {
  std::optional<HttpRequest> sent;
  std::optional<std::string> dead_letter;
  std::optional<std::string> refused;  ///< the pipeline was
};

/// The settings of the sink of a case: those of its pipeline, with its own above them.
YAML::Node SinkOf(const YAML::Node& pipeline, const YAML::Node& own, const std::string& url) {
  YAML::Node sink = YAML::Clone(pipeline["sink"]);
  sink["access_token"] = YAML::Load("\"secret\"");
  for (const auto& setting : own) {
    const std::string name = setting.first.Scalar();
    if (setting.second.IsNull()) {
      sink.remove(name);
    } else if (name == "map") {
      for (const auto& field : setting.second) sink["map"][field.first.Scalar()] = field.second;
    } else {
      sink[name] = setting.second;
    }
  }
  sink["url"] = YAML::Load(JsonString(url));
  return sink;
}

class RecordedCase {
 public:
  RecordedCase(const YAML::Node& file, const YAML::Node& given) : file_(file), given_(given) {}

  void Check() {
    const Outcome outcome = Run();
    const YAML::Node becomes = given_["becomes"];
    const bool request_recorded = !given_["recorded"]["error"].IsDefined();
    if (!becomes.IsDefined()) {
      ASSERT_TRUE(request_recorded) << "a recorded error says what becomes of the row here";
      ASSERT_TRUE(outcome.sent.has_value()) << outcome.dead_letter.value_or(outcome.refused.value_or(""));
      CheckRequest(*outcome.sent);
      return;
    }
    EXPECT_EQ(becomes["why"].IsDefined(), request_recorded) << "a refusal instead of a request is explained";
    Note(becomes);
    const std::string kind = becomes["refused"].IsDefined() ? "refused" : "dead_letter";
    const auto& said = kind == "refused" ? outcome.refused : outcome.dead_letter;
    ASSERT_TRUE(said.has_value()) << (outcome.sent ? outcome.sent->body : "another outcome");
    EXPECT_THAT(*said, HasSubstr(becomes[kind].Scalar()));
  }

  const std::set<std::string>& reasons() const { return reasons_; }

 private:
  std::string PipelineText(const YAML::Node& pipeline) const {
    return "name: recorded\nkafka: {bootstrap.servers: none}\ndead_letter: {topic: dead}\n"
           "source: {topic: in, schema: " +
           Json(pipeline["schema"]) +
           "}\nsinks:\n  - snapchat.conversions: " + Json(SinkOf(pipeline, given_["sink"], server_.url())) +
           "\n";
  }

  Outcome Run() {
    const YAML::Node pipeline = file_["pipelines"][given_["pipeline"].Scalar()];
    auto file = ReadPipelineText("p.yaml", PipelineText(pipeline), SubstitutionSources{});
    if (!file.ok()) return {.sent = {}, .dead_letter = {}, .refused = file.status().message()};
    TestDriverOptions options;
    options.start = EventTime(file_["now"].as<std::int64_t>() * 1'000);
    options.file_sinks = true;  // and those behind HTTP
    auto driver = TestDriver::Make(std::move(file->plan), options);
    if (!driver.ok()) return {.sent = {}, .dead_letter = {}, .refused = driver.status().message()};
    TestInputRecord record;
    record.topic = "in";
    record.value = Json(given_["row"]);
    EXPECT_TRUE((*driver)->Write(record).ok());
    const Status idle = (*driver)->RunUntilIdle();
    EXPECT_TRUE(idle.ok()) << idle.message();
    const auto dead = *(*driver)->Read("dead");
    const auto requests = server_.requests();
    EXPECT_EQ(dead.size() + requests.size(), 1U);
    Outcome outcome;
    if (!requests.empty()) outcome.sent = requests.front();
    if (!dead.empty()) {
      outcome.dead_letter = "";
      for (const auto& [name, value] : dead.front().headers)
        *outcome.dead_letter += name + "=" + value + "\n";
    }
    return outcome;
  }

  /// A reason has to be one that the file gives.
  void Note(const YAML::Node& explained) {
    if (!explained["why"].IsDefined()) return;
    const std::string why = explained["why"].Scalar();
    EXPECT_TRUE(file_["why"][why].IsDefined()) << why;
    reasons_.insert(why);
  }

  /// Puts what Millrace sends at `path` ("user_data/em"), or nothing where the difference has no "sent".
  void Apply(const std::string& path, const YAML::Node& difference, YAML::Node event) {
    const std::size_t slash = path.find('/');
    if (slash != std::string::npos)
      return Apply(path.substr(slash + 1), difference, event[path.substr(0, slash)]);
    EXPECT_NE(Json(event[path]), Json(difference["sent"])) << path << " is no difference";
    if (difference["sent"].IsDefined()) {
      event[path] = difference["sent"];
    } else {
      EXPECT_TRUE(event.remove(path)) << path;
    }
  }

  void CheckRequest(const HttpRequest& request) {
    YAML::Node event = YAML::Clone(given_["recorded"]);
    for (const auto& difference : given_["differs"]) {
      Apply(difference.first.Scalar(), difference.second, event);
      Note(difference.second);
      EXPECT_TRUE(difference.second["why"].IsDefined());
    }
    EXPECT_EQ(Canonical(request.body), Canonical("{\"data\": [" + Json(event) + "]}"));
    EXPECT_EQ(request.query, "access_token=secret");
    EXPECT_EQ(request.path, given_["path"].Scalar());
  }

  const YAML::Node file_;
  const YAML::Node given_;
  const RequestStandIn server_;
  std::set<std::string> reasons_;
};

class RecordedConversions : public testing::TestWithParam<const char*> {};

TEST_P(RecordedConversions, BecomeTheSameRequestsButForTheDifferencesThatAreNamed) {
  ASSERT_TRUE(InitializeExpressions().ok());
  const YAML::Node file = YAML::Load(FileText(std::string("../../tests/vectors/recorded_") + GetParam()));
  const std::string page = FileText("../../docs/connectors/snapchat.md");
  ASSERT_GT(file["cases"].size(), 0U) << "where are the cases?";
  std::set<std::string> reasons;
  for (const YAML::Node& given : file["cases"]) {
    SCOPED_TRACE(given["case"].Scalar());
    RecordedCase recorded(file, given);
    recorded.Check();
    reasons.insert(recorded.reasons().begin(), recorded.reasons().end());
  }
  for (const auto& reason : file["why"]) {
    EXPECT_TRUE(reasons.contains(reason.first.Scalar())) << reason.first << " is no reason of any case";
    EXPECT_NE(page.find("| `" + reason.first.Scalar() + "` |"), std::string::npos)
        << reason.first << " is not documented";
  }
}

INSTANTIATE_TEST_SUITE_P(Connectors, RecordedConversions,
                         testing::Values("segment.json", "posthog.json", "walkeros.json"));

}  // namespace
}  // namespace millrace
