#pragma once

#include <cstdint>
#include <vector>

#include "columnar/batch.h"
#include "connect/sink.h"
#include "http/batch_delivery.h"

namespace millrace {

/// Batches that a sink wrote since the last checkpoint, so that rows which are refused later become dead
/// letters. Their rows have ids, one after the other. One owner, one thread.
class WrittenBatches {
 public:
  /// Of the first row of the batch that is added next.
  std::int64_t next_id() const { return next_id_; }
  void Add(const Batch& batch);

  /// Appends the refused rows, batch by batch, and forgets all batches. Precondition: their ids are of rows
  /// that were added since the last call.
  void TakeFailed(std::vector<BatchDelivery::Refused> refused, std::vector<FailedRows>* failed);

 private:
  struct Written {
    std::int64_t first_id;
    Batch batch;
  };

  std::vector<Written> written_;
  std::int64_t next_id_ = 0;
};

}  // namespace millrace
