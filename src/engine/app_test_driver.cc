#include <cstdlib>
#include <utility>

#include <arrow/compute/initialize.h>

#include "api/build_plan.h"
#include "base/check.h"
#include "columnar/arrow_status.h"
#include "engine/test_driver.h"
#include "millrace/test_driver.h"

namespace millrace {
namespace {

AppTestStatus ToPublic(const Status& status) {
  return status.ok() ? AppTestStatus() : AppTestStatus(status.message());
}

Result<std::unique_ptr<TestDriver>> MakeDriver(const App& app, const TestDriverOptions& options) {
  MR_RETURN_IF_ERROR(FromArrow(arrow::compute::Initialize()));
  MR_ASSIGN_OR_RETURN(Plan plan, BuildPlan(app));
  return TestDriver::Make(std::move(plan), options);
}

}  // namespace

void api_internal::FailOnMissingValue(const std::string& message) {
  MR_CHECK(false) << "the value of a failed AppTest call was taken: " << message;
  std::abort();  // not reached
}

struct AppTest::Impl {
  std::unique_ptr<TestDriver> driver;
};

AppTest::AppTest(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AppTest::AppTest(AppTest&&) noexcept = default;
AppTest& AppTest::operator=(AppTest&&) noexcept = default;
AppTest::~AppTest() = default;

AppTestResult<AppTest> AppTest::Make(const App& app, std::int64_t start_ms, std::int32_t source_partitions,
                                     bool first_run) {
  TestDriverOptions options;
  options.start = EventTime(start_ms);
  options.first_run = first_run;
  options.source_partitions = source_partitions;
  auto driver = MakeDriver(app, options);
  if (!driver.ok()) return ToPublic(driver.status());
  return AppTest(std::make_unique<Impl>(Impl{*std::move(driver)}));
}

AppTestStatus AppTest::Feed(const std::string& topic, const std::string& value) {
  AppTestRecord record;
  record.value = value;
  return Feed(topic, record);
}

AppTestStatus AppTest::Feed(const std::string& topic, const AppTestRecord& record) {
  TestInputRecord input;
  input.topic = topic;
  input.partition = Partition(record.partition);
  input.key = record.key;
  input.value = record.value;
  if (record.timestamp_ms.has_value()) input.timestamp = EventTime(*record.timestamp_ms);
  const Status written = impl_->driver->Write(input);
  return ToPublic(written.ok() ? impl_->driver->RunUntilIdle() : written);
}

AppTestStatus AppTest::Advance(std::chrono::milliseconds by) {
  return ToPublic(PassTime(by, *impl_->driver));
}

AppTestResult<std::vector<std::string>> AppTest::Rows(const std::string& sink) const {
  auto rows = impl_->driver->ReadSinkRows(sink);
  if (!rows.ok()) return ToPublic(rows.status());
  return *std::move(rows);
}

AppTestResult<std::vector<AppTestRecord>> AppTest::Records(const std::string& topic) const {
  auto records = impl_->driver->Read(topic);
  if (!records.ok()) return ToPublic(records.status());
  std::vector<AppTestRecord> out;
  for (TestOutputRecord& record : *records) {
    AppTestRecord made;
    made.key = std::move(record.key);
    made.value = std::move(record.value);
    made.timestamp_ms = record.timestamp.value();
    made.partition = record.partition.value();
    out.push_back(std::move(made));
  }
  return out;
}

std::int64_t AppTest::late_rows() const { return impl_->driver->counters().rows_late; }
std::int64_t AppTest::dead_letters() const { return impl_->driver->counters().dead_letters; }

}  // namespace millrace
