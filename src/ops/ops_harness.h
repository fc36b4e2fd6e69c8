#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/batch.h"
#include "ops/operator.h"
#include "ops/window_aggregate.h"
#include "state/state_store.h"

namespace millrace {

/// What an operator did, as text: for tests.
class CollectedOutput final : public Output {
 public:
  Status Emit(Batch batch) override;
  Status Late(Batch batch, std::vector<std::int64_t> late_by_ms) override;
  Status DeadLetter(const Batch& batch, std::vector<RowError> errors) override;
  void CountFiltered(std::int64_t rows) override { filtered += rows; }
  void CountAbsorbed(std::int64_t rows) override { absorbed += rows; }

  /// The emitted rows so far, which are forgotten.
  std::vector<std::string> Take();

  std::vector<std::string> emitted;       ///< "k=a n=1", one per row
  std::vector<std::string> late;          ///< "k=a t=3 late_by=2"
  std::vector<std::string> dead_letters;  ///< "k=a t=3 class=overflow: message"
  std::vector<Batch> batches;             ///< as emitted
  std::int64_t filtered = 0;
  std::int64_t absorbed = 0;
};

/// Rows in the text form of columnar/row_text.h, typed by `schema_text` ("k: string, t: int64"). The event
/// time is column t (0 without one); offsets count up from `first_offset`; watermark_before is the highest t
/// before each row, less `out_of_orderness_ms`. A row "tombstone" has only nulls and the flag.
class RowFeed {
 public:
  explicit RowFeed(const std::string& schema_text, std::string topic = "in");
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  Batch Make(const std::vector<std::string>& rows);
  Watermark watermark() const { return watermark_; }
  void set_out_of_orderness(std::int64_t ms) { out_of_orderness_ms_ = ms; }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  const TopicPartition partition_;
  Watermark watermark_ = kNoWatermark;
  std::int64_t out_of_orderness_ms_ = 0;
  Offset next_offset_{0};
};

/// A StateStore in a fresh directory that is removed with it.
class ScratchStore {
 public:
  ScratchStore();
  ~ScratchStore();
  ScratchStore(const ScratchStore&) = delete;
  ScratchStore& operator=(const ScratchStore&) = delete;
  /// Opens the directory anew: what was not committed is lost.
  StateStore& Reopen();
  StateStore& operator*() { return *store_; }
  StateStore* operator->() { return store_.get(); }

  std::int64_t max_rows_in_memory = 1'000'000;
  std::int64_t max_bytes_in_memory = 1LL << 30;

 private:
  std::string directory_;
  std::unique_ptr<StateRuntime> runtime_;
  std::unique_ptr<StateStore> store_;
};

/// "n = count()" and the like, bound to a schema.
std::vector<WindowAggregateSpec> BindAggregates(
    const std::vector<std::pair<std::string, std::string>>& written,
    const std::shared_ptr<arrow::Schema>& schema);

/// A window `w` by k, over rows (k, t, v, d) unless told otherwise, in a store that keeps few rows in memory.
class WindowRun {
 public:
  WindowRun(WindowAggregateOptions shape, const std::vector<std::pair<std::string, std::string>>& aggregates,
            const std::string& schema_text = "k: string; t: int64; v: int64; d: float64");

  /// One batch, then the time that `feed` has reached.
  void Run(const std::vector<std::string>& rows);
  void Process(const Batch& batch, Watermark watermark, CollectedOutput& to);
  void Commit();
  /// Back to the last commit; `anew` closes the store and the window and opens them again.
  void Rollback(bool anew);

  RowFeed feed;
  WindowAggregateOptions options;
  ScratchStore store;
  std::unique_ptr<Operator> window;
  CollectedOutput output;

 private:
  void Make();
  Watermark time_ = kNoWatermark;
  Watermark committed_ = kNoWatermark;
  std::int64_t commits_ = 0;
};

}  // namespace millrace
