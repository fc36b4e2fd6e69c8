#include <limits>

#include <arrow/api.h>

#include "codec/json/json_codec.h"
#include "codec/json/json_parser.h"
#include "codec/row_tracker.h"

namespace millrace {
namespace {

class JsonDecoder final : public Decoder {
 public:
  JsonDecoder(std::shared_ptr<arrow::Schema> schema, std::unique_ptr<json::Column> root,
              std::unique_ptr<json::Column> extra, int max_depth)
      : schema_(std::move(schema)),
        root_(std::move(root)),
        extra_(std::move(extra)),
        parser_(root_.get(), {.max_depth = max_depth, .keep_unknown = extra_ != nullptr}) {}

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  Result<DecodedBlock> Decode(const RecordBlock& block) override;

 private:
  void AppendTombstone();
  void AppendExtra();
  std::shared_ptr<arrow::RecordBatch> FinishRows();

  // Constant after construction.
  const std::shared_ptr<arrow::Schema> schema_;
  const std::unique_ptr<json::Column> root_;
  const std::unique_ptr<json::Column> extra_;  // null unless unknown fields are kept

  json::Parser parser_;
  std::string scratch_;
};

Result<DecodedBlock> JsonDecoder::Decode(const RecordBlock& block) {
  // Texts and lists count with int32; none is longer than the values together.
  if (block.num_bytes() > std::numeric_limits<std::int32_t>::max()) {
    return Status::ResourceExhausted("a batch of " + std::to_string(block.num_bytes()) +
                                     " bytes cannot be decoded: the limit is 2 GiB; lower batch.bytes");
  }
  RowTracker tracker;
  for (const auto& child : root_->children) child->Reserve(block.num_records());
  const auto values = block.values();
  for (std::int64_t i = 0; i < block.num_records(); ++i) {
    const BytesView value = values[static_cast<std::size_t>(i)];
    if (value.is_null()) {
      AppendTombstone();
      tracker.Tombstone(i);
    } else if (parser_.Parse(value.view())) {
      if (extra_ != nullptr) AppendExtra();
      tracker.Row(i);
    } else {
      root_->Truncate(tracker.rows());
      tracker.Failed(i, parser_.error_class(), parser_.message());
    }
  }
  DecodedBlock decoded;
  decoded.rows = FinishRows();
  std::move(tracker).Finish(&decoded);
  return decoded;
}

void JsonDecoder::AppendTombstone() {
  for (const auto& child : root_->children) child->AppendNull();
  ++root_->length;
  if (extra_ != nullptr) extra_->AppendNull();
}

void JsonDecoder::AppendExtra() {
  extra_->GrowIfFull();
  if (!parser_.UnknownObject(&scratch_)) return extra_->AppendNull();
  std::copy(scratch_.begin(), scratch_.end(), extra_->TextRoom(static_cast<std::int64_t>(scratch_.size())));
  extra_->text_size += static_cast<std::int64_t>(scratch_.size());
  extra_->As<std::int32_t>()[++extra_->length] = static_cast<std::int32_t>(extra_->text_size);
}

std::shared_ptr<arrow::RecordBatch> JsonDecoder::FinishRows() {
  const std::int64_t rows = root_->length;
  std::vector<std::shared_ptr<arrow::ArrayData>> columns = root_->Finish()->child_data;
  if (extra_ != nullptr) columns.push_back(extra_->Finish());
  return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
}

}  // namespace

Result<std::unique_ptr<Decoder>> MakeJsonDecoder(JsonDecoderOptions options) {
  arrow::FieldVector fields = options.schema->fields();
  std::unique_ptr<json::Column> extra;
  if (!options.extra_column.empty()) {
    if (fields.empty() || fields.back()->name() != options.extra_column ||
        fields.back()->type()->id() != arrow::Type::STRING) {
      return Status::InvalidArgument(
          "the column '" + options.extra_column +
          "' that keeps unknown fields must be the last of the schema and of type json");
    }
    MR_ASSIGN_OR_RETURN(extra, json::Column::Make(*fields.back(), options.extra_column));
    fields.pop_back();
  }
  MR_ASSIGN_OR_RETURN(auto root, json::Column::Make(*arrow::field("", arrow::struct_(fields)), ""));
  return std::make_unique<JsonDecoder>(std::move(options.schema), std::move(root), std::move(extra),
                                       options.max_depth);
}

}  // namespace millrace
