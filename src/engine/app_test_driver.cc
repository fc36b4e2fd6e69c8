#include <utility>

#include <arrow/compute/initialize.h>

#include "api/build_plan.h"
#include "columnar/arrow_status.h"
#include "engine/test_driver.h"
#include "millrace/test_driver.h"

namespace millrace {
namespace {

void ThrowIfError(const Status& status) {
  if (!status.ok()) throw AppTestError(status.message());
}

}  // namespace

struct AppTest::Impl {
  std::unique_ptr<TestDriver> driver;
};

AppTest::AppTest(const App& app, std::int64_t start_ms, std::int32_t source_partitions)
    : impl_(std::make_unique<Impl>()) {
  ThrowIfError(FromArrow(arrow::compute::Initialize()));
  auto plan = BuildPlan(app);
  ThrowIfError(plan.status());
  TestDriverOptions options;
  options.start = EventTime(start_ms);
  options.source_partitions = source_partitions;
  auto driver = TestDriver::Make(*std::move(plan), options);
  ThrowIfError(driver.status());
  impl_->driver = *std::move(driver);
}

AppTest::AppTest(AppTest&&) noexcept = default;
AppTest& AppTest::operator=(AppTest&&) noexcept = default;
AppTest::~AppTest() = default;

void AppTest::Feed(const std::string& topic, const std::string& value) {
  AppTestRecord record;
  record.value = value;
  Feed(topic, record);
}

void AppTest::Feed(const std::string& topic, const AppTestRecord& record) {
  TestInputRecord input;
  input.topic = topic;
  input.partition = Partition(record.partition);
  input.key = record.key;
  input.value = record.value;
  if (record.timestamp_ms.has_value()) input.timestamp = EventTime(*record.timestamp_ms);
  ThrowIfError(impl_->driver->Write(input));
  ThrowIfError(impl_->driver->RunUntilIdle());
}

void AppTest::Advance(std::chrono::milliseconds by) {
  impl_->driver->AdvanceClock(by);
  ThrowIfError(impl_->driver->RunUntilIdle());
}

std::vector<std::string> AppTest::Rows(const std::string& sink) const {
  auto rows = impl_->driver->ReadSinkRows(sink);
  ThrowIfError(rows.status());
  return *std::move(rows);
}

std::vector<AppTestRecord> AppTest::Records(const std::string& topic) const {
  auto records = impl_->driver->Read(topic);
  ThrowIfError(records.status());
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
