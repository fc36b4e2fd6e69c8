#include "engine/savepoint/key_placement.h"

#include <utility>

#include <arrow/api.h>

#include "codec/text/text_codec.h"
#include "columnar/key_encoding.h"
#include "connect/murmur2.h"
#include "ops/stored_rows.h"
#include "state/store_key.h"

namespace millrace {
namespace {

class OnePartition final : public KeyPlacement {
 public:
  Result<std::vector<std::int32_t>> PartitionsOf(const arrow::BinaryArray& state_keys) override {
    return std::vector<std::int32_t>(static_cast<std::size_t>(state_keys.length()), 0);
  }
};

/// By murmur2 of some columns of the key, in one of two encodings.
class ByColumns final : public KeyPlacement {
 public:
  ByColumns(std::int32_t partitions, std::size_t skip, arrow::FieldVector key_fields,
            std::vector<int> columns)
      : partitions_(partitions),
        skip_(skip),
        key_fields_(std::move(key_fields)),
        columns_(std::move(columns)) {}

  /// Message keys instead of canonical ones.
  Status UseMessageKeys(const std::string& format) {
    MR_ASSIGN_OR_RETURN(const KeyFormat key_format, ParseKeyFormat(format));
    arrow::FieldVector fields;
    for (const int column : columns_) fields.push_back(key_fields_[static_cast<std::size_t>(column)]);
    schema_ = arrow::schema(std::move(fields));
    MR_ASSIGN_OR_RETURN(encoder_, MakeKeyEncoder(key_format, schema_));
    return Status::Ok();
  }

  Result<std::vector<std::int32_t>> PartitionsOf(const arrow::BinaryArray& state_keys) override {
    KeyBuffer keys;
    for (std::int64_t i = 0; i < state_keys.length(); ++i) {
      const std::string_view key = state_keys.GetView(i);
      if (key.size() < skip_) return Status::Corrupt("a key of the state is cut short");
      keys.Append(key.substr(skip_));
    }
    MR_ASSIGN_OR_RETURN(const arrow::ArrayVector all, DecodeKeys(keys.data(), keys.offsets(), key_fields_));
    arrow::ArrayVector chosen;
    for (const int column : columns_) chosen.push_back(all[static_cast<std::size_t>(column)]);
    return encoder_ == nullptr ? ByCanonicalKey(chosen) : ByMessageKey(std::move(chosen));
  }

 private:
  Result<std::vector<std::int32_t>> ByCanonicalKey(const arrow::ArrayVector& columns) const {
    KeyBuffer keys;
    MR_RETURN_IF_ERROR(EncodeKeys(columns, &keys));
    std::vector<std::int32_t> out(static_cast<std::size_t>(keys.num_rows()));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = PartitionOfKey(keys[i], partitions_).value();
    return out;
  }

  Result<std::vector<std::int32_t>> ByMessageKey(arrow::ArrayVector columns) const {
    const std::int64_t rows = columns.front()->length();
    EncodedRows keys;
    MR_RETURN_IF_ERROR(encoder_->Encode(*arrow::RecordBatch::Make(schema_, rows, std::move(columns)), &keys));
    std::vector<std::int32_t> out(static_cast<std::size_t>(rows));
    for (std::int64_t i = 0; i < rows; ++i) {
      if (keys.row(i).is_null()) {
        return Status::InvalidArgument(
            "it holds a null key, which a message key does not place; keep the partition count");
      }
      out[static_cast<std::size_t>(i)] = PartitionOfKey(keys.row(i).view(), partitions_).value();
    }
    return out;
  }

  const std::int32_t partitions_;
  const std::size_t skip_;  // bytes before the key columns
  const arrow::FieldVector key_fields_;
  const std::vector<int> columns_;  // of key_fields_
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<Encoder> encoder_;  // null: canonical keys
};

}  // namespace

Result<std::unique_ptr<KeyPlacement>> KeyPlacement::Make(const std::string& layout, const KeyPlace& place,
                                                         std::int32_t partitions) {
  if (partitions == 1) return std::unique_ptr<KeyPlacement>(std::make_unique<OnePartition>());
  MR_ASSIGN_OR_RETURN(const auto rows, StoredRows::Make(layout));
  std::vector<int> columns;
  for (const std::string& column : place.columns) {
    columns.push_back(arrow::schema(rows->key_fields())->GetFieldIndex(column));
    if (columns.back() < 0) return Status::InvalidArgument("its key has no column '" + column + "'");
  }
  if (columns.empty()) return Status::InvalidArgument("it is not known by which columns its rows are placed");
  auto placement = std::make_unique<ByColumns>(partitions, kSliceBytes + rows->key_prefix_bytes(),
                                               rows->key_fields(), std::move(columns));
  if (place.by == KeyPlace::By::kMessageKey) MR_RETURN_IF_ERROR(placement->UseMessageKeys(place.key_format));
  return std::unique_ptr<KeyPlacement>(std::move(placement));
}

}  // namespace millrace
