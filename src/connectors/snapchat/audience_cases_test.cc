// tests/vectors/audience_requests.jsonl: what rows become, case by case, from checkpoint to checkpoint. In
// rows and requests "sha256:x" stands for the hash of x, so that the expectation does not depend on the code
// under test. "differs" says what is meant to be other than in the connector that a case was recorded from.
#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/snapchat/audience_harness.h"
#include "connectors/snapchat/audience_mapping.h"
#include "connectors/snapchat/audience_sink.h"
#include "connectors/snapchat/conversion_harness.h"

namespace millrace {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

std::string Text(const json::value& value) { return std::string(value.as_string()); }

std::string TextOr(const json::object& object, const char* name, const char* otherwise) {
  const json::value* const value = object.if_contains(name);
  return value == nullptr ? otherwise : Text(*value);
}

std::string Hashed(const std::string& text) {
  constexpr std::string_view kMark = "sha256:";
  return text.starts_with(kMark) ? Sha256Of(text.substr(kMark.size())) : text;
}

/// A row, with hashes where "sha256:" stands.
std::string Row(json::value row) {
  for (auto& [name, value] : row.as_object()) {
    if (value.is_string()) value = Hashed(Text(value));
  }
  return json::serialize(row);
}

std::vector<std::string> Texts(const json::value& list) {
  std::vector<std::string> texts;
  for (const json::value& text : list.as_array()) texts.push_back(Hashed(Text(text)));
  return texts;
}

AudienceCase CaseOf(const json::object& given) {
  AudienceCase out;
  out.schema = TextOr(given, "schema", "");
  out.columns = TextOr(given, "columns", "");
  out.identifier = TextOr(given, "identifier", "");
  out.action = TextOr(given, "action", "");
  return out;
}

/// Rows between two checkpoints.
std::vector<std::vector<std::string>> Checkpoints(const json::object& given) {
  std::vector<std::vector<std::string>> out(1);
  for (const json::value& row : given.at("rows").as_array()) {
    if (row.is_string()) {
      out.emplace_back();
    } else {
      out.back().push_back(Row(row));
    }
  }
  return out;
}

using Requests = std::multiset<std::pair<std::string, std::vector<std::string>>>;

Requests Expected(const json::value& list) {
  Requests requests;
  for (const json::value& request : list.as_array()) {
    const auto& [action, identifiers] = *request.as_object().begin();
    requests.emplace(std::string(action), Texts(identifiers));
  }
  return requests;
}

/// Runs one case.
class CaseRun {
 public:
  explicit CaseRun(const json::object& given) : given_(given), case_(CaseOf(given)) {
    stand_in_.AddSegment("s-1", "known", "2026-01-01");
  }

  void Run() {
    if (const json::value* refused = given_.if_contains("refused")) {
      const auto batch = AudienceBatch(case_);
      ASSERT_FALSE(batch.ok());
      EXPECT_THAT(batch.status().message(), HasSubstr(Text(*refused)));
      return;
    }
    Connect();
    const auto checkpoints = Checkpoints(given_);
    const json::array& requests = given_.at("requests").as_array();
    ASSERT_EQ(checkpoints.size(), requests.size());
    for (std::size_t i = 0; i < checkpoints.size(); ++i) {
      case_.rows = checkpoints[i];
      Checkpoint(Expected(requests[i]));
    }
    const json::value* const errors = given_.if_contains("errors");
    EXPECT_EQ(errors_, errors == nullptr ? std::vector<std::string>() : Texts(*errors));
    if (const json::value* members = given_.if_contains("members")) {
      const auto expected = Texts(*members);
      EXPECT_EQ(stand_in_.members(), std::set<std::string>(expected.begin(), expected.end()));
    }
  }

 private:
  void Connect() {
    AudienceOptions options;
    options.connection = {
        .step = "sink-1",
        .access = {.url = {}, .login = {.access_token = "secret-token", .oauth = {}}, .per_second = 1'000}};
    options.url = stand_in_.url();
    options.schema = *ParseAudienceSchema(case_.schema);
    options.segment_id = "s-1";
    if (const json::value* batch = given_.if_contains("batch")) {
      const json::object& bounds = batch->as_object();
      if (const json::value* most = bounds.if_contains("identifiers"))
        options.batch_identifiers = most->as_int64();
      if (const json::value* most = bounds.if_contains("bytes"))
        options.batch_bytes = ByteCount(most->as_int64());
    }
    connection_ = *AudienceConnection::Make(options, clock_, metrics_);
  }

  void Checkpoint(const Requests& expected) {
    const Batch batch = *AudienceBatch(case_);
    if (sink_ == nullptr) sink_ = *MakeAudienceSink(batch.data->schema(), connection_);
    std::vector<RowError> errors;
    std::vector<FailedRows> failed;
    SinkContext context{.errors = &errors, .failed = &failed};
    const std::size_t before = stand_in_.uploads().size();
    if (batch.num_rows() > 0) {
      ASSERT_TRUE(sink_->Write(batch, context).ok());
    }
    ASSERT_TRUE(sink_->Settle(Duration(20'000)));
    ASSERT_TRUE(sink_->Prepare(context).ok());
    EXPECT_TRUE(failed.empty());
    EXPECT_EQ(context.unsettled, context.settled);
    EXPECT_EQ(context.settled + static_cast<std::int64_t>(errors.size()), batch.num_rows());
    for (const RowError& error : errors) {
      errors_.push_back(std::to_string(rows_ + error.row) + " " + error.error_class);
      EXPECT_THAT(error.message, testing::Not(HasSubstr("@")));
    }
    rows_ += batch.num_rows();
    Requests sent;
    const std::vector<AudienceRequest> uploads = stand_in_.uploads();
    for (std::size_t i = before; i < uploads.size(); ++i) {
      sent.emplace(uploads[i].action(), uploads[i].identifiers);
      EXPECT_EQ(uploads[i].schema, case_.schema);
      EXPECT_EQ(uploads[i].path, "/v1/segments/s-1/users");
      EXPECT_EQ(uploads[i].token, "secret-token");
    }
    EXPECT_EQ(sent, expected);
  }

  const json::object& given_;
  AudienceCase case_;
  SegmentsStandIn stand_in_;
  const ManualClock clock_{EventTime(kNowMs)};
  MetricRegistry metrics_;
  std::shared_ptr<AudienceConnection> connection_;
  std::unique_ptr<Sink> sink_;
  std::vector<std::string> errors_;  // "row class"
  std::int64_t rows_ = 0;
};

TEST(AudienceCases, RowsBecomeTheRequestsThatTheySay) {
  std::ifstream file("../../../tests/vectors/audience_requests.jsonl");
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    const json::object given = json::parse(line).as_object();
    SCOPED_TRACE(Text(given.at("case")));
    CaseRun(given).Run();
  }
  EXPECT_GT(cases, 50) << "where are the vectors?";
}

}  // namespace
}  // namespace millrace
