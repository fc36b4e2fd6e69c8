#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/ids.h"
#include "base/result.h"
#include "columnar/key_encoding.h"
#include "state/state_store.h"

namespace millrace {

/// The keys whose rows passed a step, with the event times of those rows: what tells a row from its repeats.
/// A row repeats another of its key whose event time is less than `within` away, before or after it.
///
/// A batch: FindRepeats -> Add -> (IsRepeat -> Pass?)* -> End, or FindRepeats alone when none of its rows is
/// to be remembered. Several of them may judge a batch together: a row passes when it is a repeat in none.
/// Whoever drives them lets no row in that is late: event time + `keep` <= the watermark before it.
///
/// State: one time per row that passed, in slices as long as `within`. A slice is dropped whole when no row
/// that is not late can lie within reach of it. Owned by one step.
class PassedKeys {
 public:
  /// Rows of a batch that have a key, ascending; key i is that of row rows[i].
  struct Rows {
    const KeyBuffer& keys;
    std::span<const std::int64_t> rows;
    const std::int64_t* times_ms;  ///< event time, by row of the batch
  };

  /// Preconditions: within > 0, keep >= within.
  PassedKeys(Duration within, Duration keep);
  ~PassedKeys();

  /// Keeps its state in a table of that name. Without one it judges nothing.
  Status AddTable(StateStore& store, const std::string& name);

  /// KeyedTable::most_key_bytes.
  std::int64_t most_key_bytes() const { return table_->most_key_bytes(); }

  /// Clears `passes` (by row of the batch) at the rows that repeat one of an earlier batch.
  Status FindRepeats(const Rows& batch, std::vector<std::uint8_t>* passes);
  /// Takes up those of the rows that `passes` still has. Precondition: FindRepeats saw the same rows.
  Status Add(const Rows& batch, const std::vector<std::uint8_t>& passes);
  /// Whether `row` repeats one of this batch for which Pass was called; never for a row without a key. Rows
  /// are asked about in ascending order.
  bool IsRepeat(std::int64_t row);
  /// The row passes. Precondition: IsRepeat was just asked about it and said no.
  void Pass(std::int64_t row);
  /// Forgets what Add took up and Pass did not keep.
  void End();

  /// The rows passed in an earlier batch and count no more. No batch is under way.
  Status TakeBack(const Rows& passed);

  /// The watermark has moved: drops what no row needs any more.
  Status Forget(Watermark watermark);

 private:
  class Times;

  std::int64_t SliceOf(std::int64_t time_ms) const;
  bool Near(std::int64_t a, std::int64_t b) const;
  bool NearSlot(std::uint32_t slot, std::int64_t time_ms) const;
  Status Find(std::span<const std::int64_t> slices, const KeyBuffer& keys, std::vector<std::uint32_t>* slots);

  const std::int64_t within_ms_;
  const std::int64_t keep_ms_;
  const std::unique_ptr<Times> passed_;
  KeyedTable* table_ = nullptr;

  // Of the batch under way; kept for their memory.
  std::vector<std::int64_t> slices_;  // by entry of Rows, as neighbours_ and found_
  std::vector<std::int64_t> neighbours_;
  std::vector<std::uint32_t> found_;
  std::vector<std::int64_t> rest_;  // rows that were taken up; the vectors below are by position in it
  KeyBuffer rest_keys_;
  std::vector<std::int64_t> rest_slices_;
  std::vector<std::int64_t> rest_times_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint32_t> before_;
  std::vector<std::uint32_t> after_;
  std::size_t asked_ = 0;  // position of the row that was asked about last, or of the first behind it
};

}  // namespace millrace
