// A job with a function of its own between the bids and the output, for faults that come from user code:
// `function_job run IGNORED --state-dir DIR --http ADDRESS`, as the tests start `millrace`.
//
// The function numbers the bids of each auction from 1. At the bid FUNCTION_FAULT_AT it makes FUNCTION_FAULT
// happen ("sleep:MS", "throw", "throw-int", "allocate", "killed"), once: it leaves the file
// FUNCTION_FAULT_FILE behind and does nothing where it finds that.
#include <csignal>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

#include <arrow/api.h>
#include <millrace/millrace.h>

#include "base/check.h"
#include "env/file.h"
#include "env/thread.h"

using namespace millrace;

namespace {

constexpr std::size_t kMoreThanThereIs = std::size_t{1} << 46;

std::string Setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void MakeFaultHappen() {
  const std::string file = Setting("FUNCTION_FAULT_FILE");
  if (PathExists(file)) return;
  MR_CHECK(WriteFileAtomically(file, "").ok());
  const std::string fault = Setting("FUNCTION_FAULT");
  if (fault == "throw") throw std::runtime_error("of the user");
  if (fault == "throw-int") throw 42;
  if (fault == "killed") std::raise(SIGKILL);  // as the kernel does with a process that takes too much memory
  if (fault == "allocate") {
    // The throwing one would end the process itself under AddressSanitizer.
    void* const much = ::operator new(kMoreThanThereIs, std::nothrow);
    if (much == nullptr) throw std::bad_alloc();
    return ::operator delete(much);
  }
  MR_CHECK(fault.starts_with("sleep:"));
  StopToken().WaitFor(Duration(std::stoll(fault.substr(6))));
}

std::shared_ptr<arrow::RecordBatch> Number(const std::shared_ptr<arrow::RecordBatch>& rows,
                                           KeyedState& state) {
  static const std::int64_t fault_at = std::stoll(Setting("FUNCTION_FAULT_AT"));
  const auto& seq = static_cast<const arrow::Int64Array&>(*rows->GetColumnByName("seq"));
  arrow::Int64Builder numbers;
  for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
    if (seq.Value(row) == fault_at) MakeFaultHappen();
    const std::int64_t number = state.GetValue<std::int64_t>(row).value_or(0) + 1;
    state.PutValue(row, number);
    MR_CHECK(numbers.Append(number).ok());
  }
  return *rows->AddColumn(rows->num_columns(), arrow::field("nth", arrow::int64()), *numbers.Finish());
}

}  // namespace

int main(int count, char** words) {
  const std::string name = Setting("FUNCTION_NAME");
  AppOptions options{.name = name,
                     .kafka = {{"bootstrap.servers", Setting("FUNCTION_KAFKA")},
                               {"session.timeout.ms", "3000"},
                               {"heartbeat.interval.ms", "500"},
                               {"max.poll.interval.ms", "3000"}},
                     .batch_rows = 500,
                     .idle_after = std::nullopt};
  for (int i = 1; i + 1 < count; ++i) {
    if (std::string(words[i]) == "--state-dir") options.state_dir = words[i + 1];
    if (std::string(words[i]) == "--http") options.http_address = words[i + 1];
  }
  App app(std::move(options));
  const Schema bids =
      schema({{"seq", int64()}, {"ts", timestamp_ms()}, {"auction", int64()}, {"price", float64()}});
  const Schema numbered = schema({{"seq", int64()},
                                  {"ts", timestamp_ms()},
                                  {"auction", int64()},
                                  {"price", float64()},
                                  {"nth", int64()}});
  app.From(Topic(name + "-in").Json(bids).Key("auction").EventTime("ts"))
      .Map(StateSpec("auction").Returns(numbered).Named("number"), Number)
      .To(Topic(name + "-out").Json().Key("auction"));
  return app.Run().ExitCode();
}
