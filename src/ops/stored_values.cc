#include "ops/stored_values.h"

#include <cstring>
#include <string>
#include <utility>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "columnar/key_encoding.h"
#include "ops/batch_state.h"
#include "ops/bytes_rows.h"
#include "ops/expire_rows.h"
#include "ops/expiry_schedule.h"
#include "ops/group_rows.h"
#include "ops/latest_rows.h"
#include "ops/row_bytes.h"

namespace millrace {
namespace {

std::shared_ptr<arrow::DataType> Milliseconds() { return arrow::timestamp(arrow::TimeUnit::MILLI); }

class Aggregates final : public StoredValues {
 public:
  Aggregates(std::vector<std::unique_ptr<Aggregator>> aggregators, const std::vector<std::string>& names,
             std::size_t hidden)
      : fields_(FieldsOf(aggregators, names)), rows_(std::move(aggregators), hidden) {
    rows_.Resize(1);
  }

  const arrow::FieldVector& fields() const override { return fields_; }
  Result<bool> Add(std::string_view row) override {
    rows_.Clear(0);
    MR_RETURN_IF_ERROR(rows_.Decode(0, row));
    MR_RETURN_IF_ERROR(rows_.AppendResults(0));
    if (rows_.visible() < rows_.size()) span_ = SpanOf(rows_, 0);
    return true;
  }
  WindowSpan span() const override { return span_; }
  Result<arrow::ArrayVector> Finish() override {
    arrow::ArrayVector columns;
    for (std::size_t i = 0; i < rows_.visible(); ++i) {
      MR_ASSIGN_OR_RETURN(auto column, rows_.aggregator(i).Finish());
      columns.push_back(std::move(column));
    }
    return columns;
  }

 private:
  static arrow::FieldVector FieldsOf(const std::vector<std::unique_ptr<Aggregator>>& aggregators,
                                     const std::vector<std::string>& names) {
    arrow::FieldVector fields;
    for (std::size_t i = 0; i < names.size(); ++i)
      fields.push_back(arrow::field(names[i], aggregators[i]->type()));
    return fields;
  }

  const arrow::FieldVector fields_;
  GroupRows rows_;
  WindowSpan span_{};
};

class Latest final : public StoredValues {
 public:
  explicit Latest(arrow::FieldVector columns)
      : fields_(std::move(columns)), decoder_(arrow::schema(fields_)) {
    row_.Resize(1);
  }

  const arrow::FieldVector& fields() const override { return fields_; }
  Result<bool> Add(std::string_view row) override {
    MR_RETURN_IF_ERROR(row_.Decode(0, row));
    if (row_.state(0) != LatestRows::State::kRow) return false;
    rows_.emplace_back(row_.bytes(0));
    return true;
  }
  Result<arrow::ArrayVector> Finish() override {
    const std::vector<std::string> rows = std::exchange(rows_, {});
    const std::vector<std::string_view> views(rows.begin(), rows.end());
    MR_ASSIGN_OR_RETURN(const auto decoded, decoder_.Decode(views));
    return decoded->columns();
  }

 private:
  const arrow::FieldVector fields_;
  const RowBytes decoder_;
  LatestRows row_;
  std::vector<std::string> rows_;
};

class Changes final : public StoredValues {
 public:
  explicit Changes(arrow::FieldVector columns) : fields_(std::move(columns)) { row_.Resize(1); }

  const arrow::FieldVector& fields() const override { return fields_; }
  Result<bool> Add(std::string_view row) override {
    MR_RETURN_IF_ERROR(row_.Decode(0, row));
    if (row_.has(0)) values_.Append(row_[0]);
    return row_.has(0);
  }
  Result<arrow::ArrayVector> Finish() override {
    MR_ASSIGN_OR_RETURN(auto columns, DecodeKeys(values_.data(), values_.offsets(), fields_));
    values_.Clear();
    return columns;
  }

 private:
  const arrow::FieldVector fields_;
  BytesRows row_;
  KeyBuffer values_;
};

class Times final : public StoredValues {
 public:
  const arrow::FieldVector& fields() const override { return fields_; }
  Result<bool> Add(std::string_view row) override {
    std::int64_t time_ms = 0;
    if (row.size() != sizeof(time_ms)) return Status::Corrupt("the time of a row that passed is cut");
    std::memcpy(&time_ms, row.data(), sizeof(time_ms));
    MR_RETURN_IF_ARROW_ERROR(times_.Append(time_ms));
    return true;
  }
  Result<arrow::ArrayVector> Finish() override {
    MR_ASSIGN_ARROW(auto times, times_.Finish());
    return arrow::ArrayVector{std::move(times)};
  }

 private:
  const arrow::FieldVector fields_{arrow::field("passed_at", Milliseconds())};
  arrow::TimestampBuilder times_{Milliseconds(), arrow::default_memory_pool()};
};

class Ends final : public StoredValues {
 public:
  Ends() { row_.Resize(1); }

  const arrow::FieldVector& fields() const override { return fields_; }
  Result<bool> Add(std::string_view row) override {
    MR_RETURN_IF_ERROR(row_.Decode(0, row));
    if (!row_.live(0)) return false;
    const std::int64_t ends_ms = row_.ends_ms(0);
    MR_RETURN_IF_ARROW_ERROR(ends_ms == ExpirySchedule::kNever ? ends_.AppendNull() : ends_.Append(ends_ms));
    MR_RETURN_IF_ARROW_ERROR(times_.Append(row_.place(0).event_time_ms));
    return true;
  }
  Result<arrow::ArrayVector> Finish() override {
    MR_ASSIGN_ARROW(auto ends, ends_.Finish());
    MR_ASSIGN_ARROW(auto times, times_.Finish());
    return arrow::ArrayVector{std::move(ends), std::move(times)};
  }

 private:
  const arrow::FieldVector fields_{arrow::field("expires_at", Milliseconds()),
                                   arrow::field("event_time", Milliseconds())};
  ExpireRows row_;
  arrow::TimestampBuilder ends_{Milliseconds(), arrow::default_memory_pool()};
  arrow::TimestampBuilder times_{Milliseconds(), arrow::default_memory_pool()};
};

class Bytes final : public StoredValues {
 public:
  Bytes() { row_.Resize(1); }

  const arrow::FieldVector& fields() const override { return fields_; }
  Result<bool> Add(std::string_view row) override {
    row_.Clear(0);
    MR_RETURN_IF_ERROR(row_.Decode(0, row));
    if (!row_.has(0)) return false;
    MR_RETURN_IF_ARROW_ERROR(values_.Append(row_.value(0)));
    const std::int64_t expires_ms = row_.expires_ms(0);
    MR_RETURN_IF_ARROW_ERROR(expires_ms == ValueRows::kNever ? expires_.AppendNull()
                                                             : expires_.Append(expires_ms));
    return true;
  }
  Result<arrow::ArrayVector> Finish() override {
    MR_ASSIGN_ARROW(auto values, values_.Finish());
    MR_ASSIGN_ARROW(auto expires, expires_.Finish());
    return arrow::ArrayVector{std::move(values), std::move(expires)};
  }

 private:
  const arrow::FieldVector fields_{arrow::field("value", arrow::binary()),
                                   arrow::field("expires_at", Milliseconds())};
  ValueRows row_;
  arrow::BinaryBuilder values_;
  arrow::TimestampBuilder expires_{Milliseconds(), arrow::default_memory_pool()};
};

}  // namespace

std::unique_ptr<StoredValues> MakeStoredAggregates(std::vector<std::unique_ptr<Aggregator>> aggregators,
                                                   const std::vector<std::string>& names) {
  const std::size_t hidden = aggregators.size() - names.size();
  return std::make_unique<Aggregates>(std::move(aggregators), names, hidden);
}

std::unique_ptr<StoredValues> MakeStoredLatest(arrow::FieldVector columns) {
  return std::make_unique<Latest>(std::move(columns));
}

std::unique_ptr<StoredValues> MakeStoredChanges(arrow::FieldVector columns) {
  return std::make_unique<Changes>(std::move(columns));
}

std::unique_ptr<StoredValues> MakeStoredTimes() { return std::make_unique<Times>(); }

std::unique_ptr<StoredValues> MakeStoredEnds() { return std::make_unique<Ends>(); }

std::unique_ptr<StoredValues> MakeStoredBytes() { return std::make_unique<Bytes>(); }

}  // namespace millrace
