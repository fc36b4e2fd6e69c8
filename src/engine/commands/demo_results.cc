#include "engine/commands/demo_results.h"

#include <utility>

#include <arrow/api.h>

#include "codec/json/json_codec.h"

namespace millrace {

Result<std::unique_ptr<DemoResults>> DemoResults::Make(Cluster& cluster, const std::string& topic,
                                                       std::int32_t partitions) {
  std::unique_ptr<DemoResults> results(new DemoResults());
  JsonDecoderOptions options;
  options.schema =
      arrow::schema({arrow::field("auction", arrow::int64()), arrow::field("window_start", arrow::int64()),
                     arrow::field("window_end", arrow::int64()), arrow::field("bids", arrow::int64()),
                     arrow::field("total", arrow::float64()), arrow::field("best", arrow::float64())});
  MR_ASSIGN_OR_RETURN(results->decoder_, MakeJsonDecoder(std::move(options)));
  MR_ASSIGN_OR_RETURN(results->reader_, cluster.MakeChangelogReader());
  for (std::int32_t p = 0; p < partitions; ++p) {
    MR_RETURN_IF_ERROR(results->reader_->Add({topic, Partition(p)}, Offset(0)));
  }
  return results;
}

Status DemoResults::Poll(Duration wait) {
  MR_ASSIGN_OR_RETURN(const auto blocks, reader_->Poll(wait));
  for (const auto& block : blocks) {
    MR_ASSIGN_OR_RETURN(const DecodedBlock decoded, decoder_->Decode(*block));
    Add(*decoded.rows);
  }
  return Status::Ok();
}

void DemoResults::Add(const arrow::RecordBatch& rows) {
  const auto ints = [&](int i) {
    return static_cast<const arrow::Int64Array&>(*rows.column(i)).raw_values();
  };
  const auto doubles = [&](int i) {
    return static_cast<const arrow::DoubleArray&>(*rows.column(i)).raw_values();
  };
  for (std::int64_t i = 0; i < rows.num_rows(); ++i) {
    ClosedWindow& window = windows_[EventTime(ints(1)[i])];
    window.start = EventTime(ints(1)[i]);
    window.end = EventTime(ints(2)[i]);
    ++window.auctions;
    window.bids += ints(3)[i];
    window.total += doubles(4)[i];
    if (doubles(5)[i] > window.best) {
      window.best = doubles(5)[i];
      window.best_auction = ints(0)[i];
    }
    bids_ += ints(3)[i];
  }
  rows_ += rows.num_rows();
}

}  // namespace millrace
