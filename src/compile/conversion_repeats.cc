#include "compile/conversion_repeats.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <arrow/api.h>

#include "columnar/arrow_status.h"
#include "connectors/snapchat/checked_column.h"
#include "connectors/snapchat/conversion_values.h"
#include "connectors/snapchat/empty_values.h"
#include "connectors/snapchat/late_conversions.h"
#include "ops/keyed_rows.h"
#include "ops/passed_keys.h"
#include "ops/window_assigner.h"
#include "plan/state_names.h"

namespace millrace {
namespace {

constexpr const char* kEventId = "event_id";
constexpr const char* kOrderId = "custom_data.order_id";
constexpr std::string_view kPurchase = "PURCHASE";

/// Columns of the key, as they are called where state is shown.
arrow::FieldVector KeyFields(ConversionKey::Id id) {
  const auto text = [](const char* name) { return arrow::field(name, arrow::utf8()); };
  if (id == ConversionKey::Id::kEvent) return {text(kAssetColumn), text("event_name"), text(kEventId)};
  return {text(kAssetColumn), text("order_id")};
}

/// The texts of a column; "" for null, and everywhere when there is no such column.
class Texts {
 public:
  Texts(const Batch& batch, const char* column)
      : array_(std::static_pointer_cast<arrow::StringArray>(batch.data->GetColumnByName(column))) {}

  std::string_view operator[](std::int64_t row) const {
    return array_ == nullptr || array_->IsNull(row) ? std::string_view() : array_->GetView(row);
  }

 private:
  const std::shared_ptr<arrow::StringArray> array_;
};

/// As long as a text can become in a key.
std::int64_t MostBytes(std::string_view text) { return 2 * static_cast<std::int64_t>(text.size()) + 4; }

/// One kind of key: which rows have it, and which of them passed.
class Rule {
 public:
  Rule(ConversionKey key, Duration keep) : key_(std::move(key)), passed_(key_.within, keep) {}

  PassedKeys& passed() { return passed_; }
  Status AddTable(StateStore& store) { return passed_.AddTable(store, key_.table); }

  /// Finds the keys of valid events; `name_of(row)` is what Snap calls the event.
  template <typename NameOf>
  Status TakeKeys(const Batch& batch, std::span<const std::int64_t> events, const NameOf& name_of,
                  const std::string& asset) {
    const bool by_order = key_.id == ConversionKey::Id::kOrder;
    const Texts ids(batch, by_order ? kOrderId : kEventId);
    const Texts assets(batch, kAssetColumn);
    const int columns = by_order ? 2 : 3;
    std::vector<arrow::StringBuilder> key(static_cast<std::size_t>(columns));
    rows_.clear();
    for (const std::int64_t row : events) {
      const std::string_view name = name_of(row);
      if (ids[row].empty() || (by_order && name != kPurchase)) continue;
      const std::string_view of = asset.empty() ? assets[row] : std::string_view(asset);
      // Ids that the state cannot hold are judged by no rule: Snap says what they are.
      if (MostBytes(of) + MostBytes(name) + MostBytes(ids[row]) > passed_.most_key_bytes()) continue;
      rows_.push_back(row);
      MR_RETURN_IF_ARROW_ERROR(key.front().Append(of));
      if (!by_order) MR_RETURN_IF_ARROW_ERROR(key[1].Append(name));
      MR_RETURN_IF_ARROW_ERROR(key.back().Append(ids[row]));
    }
    arrow::ArrayVector arrays(key.size());
    for (std::size_t i = 0; i < key.size(); ++i) MR_RETURN_IF_ARROW_ERROR(key[i].Finish(&arrays[i]));
    return EncodeKeys(arrays, &keys_);
  }
  /// Those that have a key, ascending.
  std::span<const std::int64_t> rows() const { return rows_; }
  PassedKeys::Rows KeyedRows(const Batch& batch) const {
    return {.keys = keys_, .rows = rows_, .times_ms = batch.event_time->raw_values()};
  }

 private:
  const ConversionKey key_;
  PassedKeys passed_;
  // Of the batch under way; kept for their memory.
  std::vector<std::int64_t> rows_;
  KeyBuffer keys_;
};

class ConversionRepeats final : public Operator {
 public:
  ConversionRepeats(ConversionRepeatsOptions options, Duration keep, std::shared_ptr<arrow::Schema> schema,
                    const Clock& clock)
      : valid_(std::move(options.rules)),
        asset_(std::move(options.asset)),
        remember_(options.remember),
        keep_ms_(keep.count()),
        schema_(std::move(schema)),
        clock_(clock) {
    for (ConversionKey& key : options.keys) rules_.push_back(std::make_unique<Rule>(std::move(key), keep));
  }

  Status AddTables(StateStore& store) {
    for (const auto& rule : rules_) MR_RETURN_IF_ERROR(rule->AddTable(store));
    return Status::Ok();
  }

  Status Process(Batch fields, Output& output) override {
    MR_ASSIGN_OR_RETURN(Batch batch, WithoutEmptyValues(fields));
    MR_ASSIGN_OR_RETURN(const CheckedEvents checked,
                        CheckConversions(batch, valid_, clock_.Now(), &record_rows_));
    passes_.assign(static_cast<std::size_t>(batch.num_rows()), 1);
    keyed_.assign(static_cast<std::size_t>(batch.num_rows()), 0);
    const auto name_of = [&checked](std::int64_t row) { return checked.event_name->GetView(row); };
    for (const auto& rule : rules_) {
      MR_RETURN_IF_ERROR(rule->TakeKeys(batch, checked.rows, name_of, asset_));
      for (const std::int64_t row : rule->rows()) keyed_[static_cast<std::size_t>(row)] = 1;
    }
    Late late = TakeLate(batch, checked);
    MR_RETURN_IF_ERROR(Judge(batch, checked));
    const std::int64_t passing = batch.num_rows() - std::count(passes_.begin(), passes_.end(), 0);
    output.CountAbsorbed(batch.num_rows() - passing - static_cast<std::int64_t>(late.rows.size()));
    if (!late.rows.empty()) MR_RETURN_IF_ERROR(EmitLate(batch, checked, std::move(late), output));
    MR_ASSIGN_OR_RETURN(batch, WithChecked(batch, checked));
    if (passing == batch.num_rows()) return output.Emit(std::move(batch));
    arrow::BooleanBuilder mask;
    MR_RETURN_IF_ARROW_ERROR(mask.AppendValues(passes_.data(), batch.num_rows()));
    std::shared_ptr<arrow::BooleanArray> keep;
    MR_RETURN_IF_ARROW_ERROR(mask.Finish(&keep));
    MR_ASSIGN_OR_RETURN(Batch passed, FilterBatch(batch, *keep));
    return output.Emit(std::move(passed));
  }

  Status AdvanceTime(Watermark watermark, Output& /*output*/) override {
    for (const auto& rule : rules_) MR_RETURN_IF_ERROR(rule->passed().Forget(watermark));
    return Status::Ok();
  }

  /// What Snap refuses was not sent.
  Status TakeBack(const Batch& batch, std::span<const std::int64_t> rows) override {
    if (!remember_) return Status::Ok();
    const Texts names(batch, "event_name");
    const auto name_of = [&names](std::int64_t row) { return KnownEventName(names[row]); };
    for (const auto& rule : rules_) {
      MR_RETURN_IF_ERROR(rule->TakeKeys(batch, rows, name_of, asset_));
      MR_RETURN_IF_ERROR(rule->passed().TakeBack(rule->KeyedRows(batch)));
    }
    return Status::Ok();
  }

  const std::shared_ptr<arrow::Schema>& output_schema() const override { return schema_; }

 private:
  struct Late {
    std::vector<std::int32_t> rows;
    std::vector<std::int64_t> by_ms;
  };

  /// The events that come when what would tell that they are repeats may be forgotten.
  Late TakeLate(const Batch& batch, const CheckedEvents& checked) {
    Late late;
    for (const std::int64_t row : checked.rows) {
      if (keyed_[static_cast<std::size_t>(row)] == 0) continue;
      const std::int64_t before =
          batch.watermark_before == nullptr ? batch.watermark.value() : batch.watermark_before->Value(row);
      const std::int64_t ends = AddTime(batch.event_time->Value(row), keep_ms_);
      if (ends > before) continue;
      late.rows.push_back(static_cast<std::int32_t>(row));
      late.by_ms.push_back(SubtractTime(before, ends));
      passes_[static_cast<std::size_t>(row)] = 0;
    }
    return late;
  }

  Status Judge(const Batch& batch, const CheckedEvents& checked) {
    for (const auto& rule : rules_)
      MR_RETURN_IF_ERROR(rule->passed().FindRepeats(rule->KeyedRows(batch), &passes_));
    if (!remember_) return Status::Ok();
    for (const auto& rule : rules_) MR_RETURN_IF_ERROR(rule->passed().Add(rule->KeyedRows(batch), passes_));
    for (const std::int64_t row : checked.rows) {
      std::uint8_t& passes = passes_[static_cast<std::size_t>(row)];
      if (passes == 0) continue;
      const auto repeats = [row](const auto& rule) { return rule->passed().IsRepeat(row); };
      if (std::any_of(rules_.begin(), rules_.end(), repeats)) {
        passes = 0;
        continue;
      }
      for (const auto& rule : rules_) rule->passed().Pass(row);
    }
    for (const auto& rule : rules_) rule->passed().End();
    return Status::Ok();
  }

  static Status EmitLate(const Batch& batch, const CheckedEvents& checked, Late late, Output& output) {
    MR_ASSIGN_OR_RETURN(const Batch told, LateConversions(batch, checked, late.rows));
    arrow::Int32Builder rows;
    MR_RETURN_IF_ARROW_ERROR(rows.AppendValues(late.rows));
    std::shared_ptr<arrow::Int32Array> indices;
    MR_RETURN_IF_ARROW_ERROR(rows.Finish(&indices));
    MR_ASSIGN_OR_RETURN(Batch taken, TakeRows(told, indices));
    return output.Late(std::move(taken), std::move(late.by_ms));
  }

  const ConversionRules valid_;
  const std::string asset_;
  const bool remember_;
  const std::int64_t keep_ms_;
  const std::shared_ptr<arrow::Schema> schema_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Rule>> rules_;
  RecordRows record_rows_;

  // Of the batch under way; kept for their memory.
  std::vector<std::uint8_t> passes_;
  std::vector<std::uint8_t> keyed_;
};

}  // namespace

std::string ConversionKey::Layout() const {
  const arrow::FieldVector fields = KeyFields(id);
  std::vector<int> all;
  for (std::size_t i = 0; i < fields.size(); ++i) all.push_back(static_cast<int>(i));
  return table + "=deduplicate within " + FormatDuration(within) + " by " +
         ColumnsLayout(all, *arrow::schema(fields));
}

std::vector<ConversionKey> ConversionKeysOf(const SnapchatConversionsSink& sink, const std::string& name,
                                            const arrow::Schema& fields) {
  std::vector<ConversionKey> keys;
  if (sink.deduplicate.event_id && fields.GetFieldIndex(kEventId) >= 0)
    keys.push_back({ConversionKey::Id::kEvent, EventsTable(name), *sink.deduplicate.event_id});
  if (sink.deduplicate.order_id && fields.GetFieldIndex(kOrderId) >= 0)
    keys.push_back({ConversionKey::Id::kOrder, OrdersTable(name), *sink.deduplicate.order_id});
  return keys;
}

Result<std::unique_ptr<Operator>> MakeConversionRepeats(ConversionRepeatsOptions options,
                                                        const std::shared_ptr<arrow::Schema>& fields,
                                                        StateStore* store, const Clock& clock) {
  const Duration keep = options.rules.max_age + options.rules.max_ahead;
  auto made = std::make_unique<ConversionRepeats>(std::move(options), keep, WithCheckedField(*fields), clock);
  if (store != nullptr) MR_RETURN_IF_ERROR(made->AddTables(*store));
  return std::unique_ptr<Operator>(std::move(made));
}

}  // namespace millrace
