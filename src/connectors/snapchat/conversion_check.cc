#include "connectors/snapchat/conversion_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "base/suggest.h"
#include "columnar/arrow_status.h"
#include "columnar/record_block.h"
#include "columnar/time_unit.h"
#include "connectors/snapchat/conversion_values.h"

namespace millrace {
namespace {

constexpr std::size_t kExtinfoFields = 16;

/// A column of the batch that may not be there.
class Values {
 public:
  Values(const Batch& batch, const char* path) : array_(batch.data->GetColumnByName(path)) {}

  bool exists() const { return array_ != nullptr; }
  bool IsNull(std::int64_t row) const { return array_ == nullptr || array_->IsNull(row); }
  const arrow::Array& array() const { return *array_; }
  /// Precondition: a column of texts, not null there.
  std::string_view Text(std::int64_t row) const {
    return static_cast<const arrow::StringArray&>(*array_).GetView(row);
  }
  /// Precondition: a column of 64-bit integers or timestamps.
  std::int64_t Int(std::int64_t row) const { return array_->data()->GetValues<std::int64_t>(1)[row]; }

 private:
  const std::shared_ptr<arrow::Array> array_;
};

/// Collects what is wrong with the rows: of each the first thing found.
class Findings {
 public:
  explicit Findings(std::int64_t rows) : bad_(static_cast<std::size_t>(rows), false) {}

  bool good(std::int64_t row) const { return !bad_[static_cast<std::size_t>(row)]; }
  void Fail(std::int64_t row, std::string message) {
    if (Mark(row)) errors_.push_back({row, kEventErrorClass, std::move(message)});
  }
  void Late(std::int64_t row, std::int64_t by_ms) {
    if (Mark(row)) late_.push_back({row, by_ms});
  }
  /// Nothing is wrong with it, but it is not sent.
  void Skip(std::int64_t row) { Mark(row); }
  void MoveTo(CheckedEvents* out) {
    for (std::int64_t row = 0; row < static_cast<std::int64_t>(bad_.size()); ++row) {
      if (good(row)) out->rows.push_back(row);
    }
    std::sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    std::sort(late_.begin(), late_.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    out->errors = std::move(errors_);
    out->late = std::move(late_);
  }

 private:
  bool Mark(std::int64_t row) {
    const bool first = good(row);
    bad_[static_cast<std::size_t>(row)] = true;
    return first;
  }

  std::vector<bool> bad_;
  std::vector<RowError> errors_;
  std::vector<LateRow> late_;
};

std::string Quoted(std::string_view text) {
  constexpr std::size_t kMost = 60;
  return "'" + std::string(text.substr(0, kMost)) + (text.size() > kMost ? "...'" : "'");
}

bool IsAddress(std::string_view text) {
  unsigned char room[sizeof(in6_addr)];
  const std::string address(text);
  return inet_pton(AF_INET, address.c_str(), room) == 1 || inet_pton(AF_INET6, address.c_str(), room) == 1;
}

// What a device says whose owner does not want to be followed.
constexpr std::string_view kNoDevice = "00000000-0000-0000-0000-000000000000";

bool BeginsWithSystem(const arrow::ListArray& lists, std::int64_t row) {
  if (lists.value_length(row) == 0 || lists.values()->type_id() != arrow::Type::STRING) return false;
  const auto& texts = static_cast<const arrow::StringArray&>(*lists.values());
  const std::int64_t first = lists.value_offset(row);
  return texts.IsValid(first) && (texts.GetView(first) == "i2" || texts.GetView(first) == "a2");
}

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// The times that events say, as timestamps, numbers or texts.
class GivenTimes {
 public:
  explicit GivenTimes(const Batch& batch) : values_(batch, "event_time") {
    if (!values_.exists()) return;
    type_ = values_.array().type_id();
    if (type_ != arrow::Type::TIMESTAMP) return;
    per_second_ = UnitsPerSecond(static_cast<const arrow::TimestampType&>(*values_.array().type()).unit());
  }

  const Values& values() const { return values_; }
  /// Nullopt for a text that is no time. Precondition: not null there.
  std::optional<std::int64_t> InMs(std::int64_t row) const {
    if (type_ == arrow::Type::STRING) return TimeInMs(values_.Text(row));
    return type_ == arrow::Type::TIMESTAMP ? OfTimestamp(values_.Int(row)) : TimeInMs(values_.Int(row));
  }

 private:
  std::int64_t OfTimestamp(std::int64_t time) const {
    if (per_second_ > 1000) return FloorDivide(time, per_second_ / 1000);
    std::int64_t ms = 0;
    if (!__builtin_mul_overflow(time, 1000 / per_second_, &ms)) return ms;
    return time < 0 ? std::numeric_limits<std::int64_t>::min() / 2
                    : std::numeric_limits<std::int64_t>::max() / 2;
  }

  const Values values_;
  arrow::Type::type type_ = arrow::Type::NA;
  std::int64_t per_second_ = 0;  // of timestamps
};

class Check {
 public:
  Check(const Batch& batch, const ConversionRules& rules, EventTime now, RecordRows* record_rows)
      : batch_(batch),
        rules_(rules),
        now_ms_(now.value()),
        rows_(batch.num_rows()),
        record_rows_(*record_rows),
        findings_(rows_) {}

  Result<CheckedEvents> Run() {
    CheckedEvents out;
    for (std::int64_t row = 0; batch_.tombstone != nullptr && row < rows_; ++row) {
      if (batch_.tombstone->Value(row)) findings_.Skip(row);
    }
    MR_ASSIGN_OR_RETURN(out.event_name, EventNames());
    MR_ASSIGN_OR_RETURN(out.action_source, ActionSources());
    MR_ASSIGN_OR_RETURN(out.currency, Currencies());
    MR_ASSIGN_OR_RETURN(out.event_id, EventIds());
    CheckPeople(*out.action_source);
    CheckSources(*out.action_source);
    CheckPurchases(*out.event_name);
    CheckAmounts();
    CheckAssets();
    MR_ASSIGN_OR_RETURN(out.event_time_ms, EventTimes());
    MR_ASSIGN_OR_RETURN(out.event_time, InUnit(out.event_time_ms));
    findings_.MoveTo(&out);
    return out;
  }

 private:
  /// A text per row of `raw`: what `known` makes of it. `missing(row)` and `unknown(row, text)` say what is
  /// wrong or give what stands there instead.
  template <typename Known, typename Missing, typename Unknown>
  Result<std::shared_ptr<arrow::StringArray>> Texts(const Values& raw, const Known& known,
                                                    const Missing& missing, const Unknown& unknown) {
    arrow::StringBuilder out;
    for (std::int64_t row = 0; row < rows_; ++row) {
      std::string_view text;
      if (raw.IsNull(row)) {
        text = missing(row);
      } else {
        text = known(raw.Text(row));
        if (text.empty()) unknown(row, raw.Text(row));
      }
      MR_RETURN_IF_ARROW_ERROR(text.empty() ? out.AppendNull() : out.Append(text));
    }
    std::shared_ptr<arrow::StringArray> made;
    MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
    return made;
  }

  Result<std::shared_ptr<arrow::StringArray>> EventNames() {
    return Texts(
        Values(batch_, "event_name"), KnownEventName,
        [this](std::int64_t row) {
          findings_.Fail(row, "event_name is missing");
          return std::string_view();
        },
        [this](std::int64_t row, std::string_view name) {
          findings_.Fail(row, "event_name " + Quoted(name) + " is none that Snap knows" +
                                  DidYouMean(std::string(name.substr(0, 60)), KnownEventNames()));
        });
  }

  Result<std::shared_ptr<arrow::StringArray>> ActionSources() {
    return Texts(
        Values(batch_, "action_source"), KnownActionSource,
        [this](std::int64_t row) -> std::string_view {
          if (rules_.action_source.empty()) findings_.Fail(row, "action_source is missing");
          return rules_.action_source;
        },
        [this](std::int64_t row, std::string_view source) {
          findings_.Fail(row, "action_source " + Quoted(source) + " is none of WEB, MOBILE_APP, OFFLINE");
        });
  }

  Result<std::shared_ptr<arrow::StringArray>> Currencies() {
    const Values raw(batch_, "custom_data.currency");
    if (!raw.exists()) return std::shared_ptr<arrow::StringArray>();
    return Texts(
        raw, KnownCurrency, [](std::int64_t) { return std::string_view(); },
        [this](std::int64_t row, std::string_view code) {
          findings_.Fail(row, "currency " + Quoted(code) + " is no ISO 4217 code");
        });
  }

  /// Rows of one record get a number behind its place: an explode makes several.
  Result<std::shared_ptr<arrow::StringArray>> EventIds() {
    const Values given(batch_, "event_id");
    arrow::StringBuilder out;
    const bool has_place = batch_.block != nullptr;
    if (has_place) record_rows_.Start(batch_);
    // Behind a repartition topic, too, where rows of several partitions meet.
    const TopicPartition& source = has_place ? batch_.block->partition() : batch_.origin.partition;
    const std::string place = source.topic + "-" + std::to_string(source.partition.value()) + "-";
    for (std::int64_t row = 0; row < rows_; ++row) {
      const std::int64_t of_record = has_place ? record_rows_.Next(batch_.RecordOf(row)) : 0;
      if (!given.IsNull(row)) {
        MR_RETURN_IF_ARROW_ERROR(out.Append(given.Text(row)));
      } else if (!has_place) {
        findings_.Fail(
            row,
            "event_id is missing; a row that was made of several records has no place to be called after");
        MR_RETURN_IF_ARROW_ERROR(out.AppendNull());
      } else {
        std::string id = place + std::to_string(batch_.OffsetOf(row).value());
        if (of_record > 0) id += "-" + std::to_string(of_record);
        MR_RETURN_IF_ARROW_ERROR(out.Append(id));
      }
    }
    std::shared_ptr<arrow::StringArray> made;
    MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
    return made;
  }

  void CheckPeople(const arrow::StringArray& source) {
    const Values email(batch_, "user_data.em");
    const Values phone(batch_, "user_data.ph");
    const Values address(batch_, "user_data.client_ip_address");
    const Values agent(batch_, "user_data.client_user_agent");
    const Values device(batch_, "user_data.madid");
    for (std::int64_t row = 0; row < rows_; ++row) {
      if (!address.IsNull(row) && !IsAddress(address.Text(row))) {
        findings_.Fail(row, "user_data.client_ip_address is no IP address; it is sent as it is, not hashed");
      }
      const bool of_app = !source.IsNull(row) && source.GetView(row) == kMobileApp;
      const bool known = !email.IsNull(row) || !phone.IsNull(row) ||
                         (!address.IsNull(row) && !agent.IsNull(row)) ||
                         (of_app && !device.IsNull(row) && device.Text(row) != kNoDevice);
      if (known) continue;
      findings_.Fail(row,
                     "nobody to attribute it to: it has neither user_data.em nor user_data.ph, nor "
                     "client_ip_address with "
                     "client_user_agent, nor madid of an app event");
    }
  }

  void CheckSources(const arrow::StringArray& source) {
    const Values url(batch_, "event_source_url");
    const Values extinfo(batch_, "app_data.extinfo");
    for (std::int64_t row = 0; row < rows_; ++row) {
      if (source.IsNull(row)) continue;
      if (source.GetView(row) == kWeb && url.IsNull(row)) {
        findings_.Fail(row, "event_source_url is missing; a WEB event needs it");
      } else if (source.GetView(row) == kMobileApp && extinfo.IsNull(row)) {
        findings_.Fail(row, "app_data.extinfo is missing; a MOBILE_APP event needs it");
      }
    }
    if (!extinfo.exists() || extinfo.array().type_id() != arrow::Type::LIST) return;
    const auto& lists = static_cast<const arrow::ListArray&>(extinfo.array());
    for (std::int64_t row = 0; row < rows_; ++row) {
      if (lists.IsNull(row)) continue;
      const std::int32_t fields = lists.value_length(row);
      if (fields > static_cast<std::int32_t>(kExtinfoFields)) {
        findings_.Fail(row, "app_data.extinfo has " + std::to_string(fields) + " fields; there are 16");
      } else if (!BeginsWithSystem(lists, row)) {
        findings_.Fail(row, "app_data.extinfo begins with neither i2 (iOS) nor a2 (Android)");
      }
    }
  }

  void CheckPurchases(const arrow::StringArray& name) {
    const Values value(batch_, "custom_data.value");
    const Values currency(batch_, "custom_data.currency");
    for (std::int64_t row = 0; row < rows_; ++row) {
      if (name.IsNull(row) || name.GetView(row) != "PURCHASE") continue;
      if (value.IsNull(row)) findings_.Fail(row, "custom_data.value is missing; a PURCHASE needs it");
      if (currency.IsNull(row)) findings_.Fail(row, "custom_data.currency is missing; a PURCHASE needs it");
    }
  }

  void CheckAmounts() {
    for (const char* path : {"custom_data.value", "custom_data.predicted_ltv"}) {
      const Values value(batch_, path);
      if (!value.exists()) continue;
      for (std::int64_t row = 0; row < rows_; ++row) {
        if (!value.IsNull(row) && !IsAmount(value.array(), row))
          findings_.Fail(row, std::string(path) + " is no number of 0 or more");
      }
    }
    for (const char* path :
         {"app_data.advertiser_tracking_enabled", "app_data.application_tracking_enabled"}) {
      const Values bit(batch_, path);
      for (std::int64_t row = 0; row < rows_; ++row) {
        if (!bit.IsNull(row) && bit.Int(row) != 0 && bit.Int(row) != 1)
          findings_.Fail(row, std::string(path) + " is neither 0 nor 1");
      }
    }
  }

  /// An asset becomes part of a URL.
  void CheckAssets() {
    const Values asset(batch_, kAssetColumn);
    if (!asset.exists()) return;
    for (std::int64_t row = 0; row < rows_; ++row) {
      if (asset.IsNull(row)) {
        findings_.Fail(row, "asset_id is missing");
      } else if (!IsAssetId(asset.Text(row))) {
        findings_.Fail(row, "asset_id " + Quoted(asset.Text(row)) +
                                " is none: it has letters, digits, '-', '_' and '.'");
      }
    }
  }

  static bool IsAmount(const arrow::Array& array, std::int64_t row) {
    switch (array.type_id()) {
      case arrow::Type::STRING: {
        const std::string_view text = static_cast<const arrow::StringArray&>(array).GetView(row);
        double amount = -1;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
        return error == std::errc() && end == text.data() + text.size() && std::isfinite(amount) &&
               amount >= 0;
      }
      case arrow::Type::DOUBLE: {
        const double amount = static_cast<const arrow::DoubleArray&>(array).Value(row);
        return std::isfinite(amount) && amount >= 0;
      }
      case arrow::Type::FLOAT: {
        const float amount = static_cast<const arrow::FloatArray&>(array).Value(row);
        return std::isfinite(amount) && amount >= 0;
      }
      case arrow::Type::INT64:
        return static_cast<const arrow::Int64Array&>(array).Value(row) >= 0;
      default: {
        const auto scalar = array.GetScalar(row);
        return scalar.ok() && !(*scalar)->ToString().starts_with('-');
      }
    }
  }

  Result<std::shared_ptr<arrow::Int64Array>> EventTimes() {
    const GivenTimes given(batch_);
    const std::int64_t oldest = now_ms_ - rules_.max_age.count();
    const std::int64_t newest = now_ms_ + rules_.max_ahead.count();
    arrow::Int64Builder out;
    MR_RETURN_IF_ARROW_ERROR(out.Reserve(rows_));
    for (std::int64_t row = 0; row < rows_; ++row) {
      std::int64_t ms = batch_.event_time->Value(row);
      if (!given.values().IsNull(row)) {
        const std::optional<std::int64_t> said = given.InMs(row);
        if (!said) findings_.Fail(row, "event_time " + Quoted(given.values().Text(row)) + " is no time");
        ms = said.value_or(ms);
      }
      if (ms < oldest) findings_.Late(row, oldest - ms);
      if (ms > newest) findings_.Late(row, newest - ms);
      out.UnsafeAppend(ms);
    }
    std::shared_ptr<arrow::Int64Array> made;
    MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
    return made;
  }

  Result<std::shared_ptr<arrow::Int64Array>> InUnit(
      const std::shared_ptr<arrow::Int64Array>& times_ms) const {
    if (rules_.milliseconds) return times_ms;
    arrow::Int64Builder out;
    MR_RETURN_IF_ARROW_ERROR(out.Reserve(rows_));
    for (std::int64_t row = 0; row < rows_; ++row) out.UnsafeAppend(FloorDivide(times_ms->Value(row), 1000));
    std::shared_ptr<arrow::Int64Array> made;
    MR_RETURN_IF_ARROW_ERROR(out.Finish(&made));
    return made;
  }

  const Batch& batch_;
  const ConversionRules& rules_;
  const std::int64_t now_ms_;
  const std::int64_t rows_;
  RecordRows& record_rows_;
  Findings findings_;
};

}  // namespace

Result<CheckedEvents> CheckConversions(const Batch& batch, const ConversionRules& rules, EventTime now,
                                       RecordRows* record_rows) {
  return Check(batch, rules, now, record_rows).Run();
}

}  // namespace millrace
