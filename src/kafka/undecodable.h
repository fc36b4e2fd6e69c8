#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/ids.h"

namespace millrace::kafka {

/// Finds the way past a batch that can never be read (a decompression bomb, a broken batch).
///
/// librdkafka reports such a batch as the same error at the same offset again and again, and its end is not
/// known. Of a batch with a wrong checksum it reports the error once, when good records follow, and goes on
/// with them: then the place of the error is sought again. After kEqualErrors of them the offset behind it is
/// searched for by reading on at growing distances and then halving the interval between the last offset
/// inside the batch and the first outside, so that no good record is lost: about 2 log2(records) reads. The
/// last offset inside is read twice, because the error may have come of another place: librdkafka may go on
/// at a wrong offset, find it out of range, start over at the beginning of the log and meet the batch there;
/// a batch that it meets again after it was passed is passed without a word.
///
/// One per partition, one owner, one thread. A state machine:
///   reading --kEqualErrors equal errors--> searching --end of the batch found--> reading
class UndecodableBatch {
 public:
  static constexpr int kEqualErrors = 3;

  /// What to do after an event.
  struct Step {
    std::optional<Offset> seek;  ///< go on reading there
    bool deliver = true;         ///< whether the record may be delivered
    /// Set when a batch was passed: its first and the next good offset.
    std::optional<std::pair<Offset, Offset>> skipped;
  };

  /// `offset` is the one librdkafka named: the batch's first, or where it tried to read.
  Step OnError(Offset offset, int code);
  /// A record, or the end of the partition, was reached at `offset`.
  Step OnGood(Offset offset);
  /// Where to seek instead of the last Step's place, when the log ends at `end`: beyond it a client would
  /// start over at the beginning. Precondition: searching().
  Offset KeepProbeBelow(Offset end);
  /// Reading starts anew elsewhere.
  void Reset() { *this = UndecodableBatch(); }

  bool searching() const { return searching_; }
  /// Nothing suspicious was seen lately: OnGood would do nothing.
  bool quiet() const { return !searching_ && equal_errors_ == 0; }

 private:
  Step Probe(Offset at);
  Step Narrow();
  Step NotInside();
  Step Done();
  /// Reset, but for passed_.
  void Forget();

  // reading; looking_again_: a good record came after an error, so the offset of the error is read once more
  Offset error_offset_ = kNoOffset;
  int error_code_ = 0;
  int equal_errors_ = 0;
  bool looking_again_ = false;
  bool stray_error_ = false;  // the last error named a place behind error_offset_
  // searching: inside_ is in the batch, outside_ (when known) is behind it, probe_ is being read
  bool searching_ = false;
  Offset inside_ = kNoOffset;
  Offset outside_ = kNoOffset;
  Offset probe_ = kNoOffset;
  std::int64_t stride_ = 1;
  bool confirming_ = false;    // inside_ is being read once more
  Offset passed_ = kNoOffset;  // the end of the last batch that was passed
};

}  // namespace millrace::kafka
