// Builders of topics, files and windows, and what they become in a plan.

#include <utility>

#include <arrow/type.h>

#include "api/access.h"
#include "columnar/schema_text.h"

namespace millrace {
namespace {

/// A copy with one member changed.
template <typename T, typename Member, typename Value>
T Changed(const T& from, Member T::*member, Value&& value) {
  T to = from;
  to.*member = std::forward<Value>(value);
  return to;
}

}  // namespace

Topic Topic::Json() const { return Changed(*this, &Topic::format_, "json"); }
Topic Topic::Json(Schema schema) const { return Changed(Json(), &Topic::schema_, std::move(schema)); }
Topic Topic::Text(std::string column) const {
  Topic to = Changed(*this, &Topic::format_, "string");
  to.schema_ = Schema(std::vector<Schema::Column>{{std::move(column), string()}});
  return to;
}
Topic Topic::Bytes(std::string column) const {
  Topic to = Changed(*this, &Topic::format_, "bytes");
  to.schema_ = Schema(std::vector<Schema::Column>{{std::move(column), binary()}});
  return to;
}
Topic Topic::Key(std::vector<std::string> columns) const {
  return Changed(*this, &Topic::key_, std::move(columns));
}
Topic Topic::KeyFormat(std::string format) const {
  return Changed(*this, &Topic::key_format_, std::move(format));
}
Topic Topic::EventTimeOf(Expression expression) const {
  return Changed(*this, &Topic::event_time_, std::move(expression));
}
Topic Topic::OffsetReset(std::string where) const {
  return Changed(*this, &Topic::offset_reset_, std::move(where));
}
Topic Topic::KeepUnknownFields() const { return Changed(*this, &Topic::keep_unknown_fields_, true); }
Topic Topic::Partitions(std::int32_t count) const { return Changed(*this, &Topic::partitions_, count); }
Topic Topic::Named(std::string step_name) const {
  return Changed(*this, &Topic::step_name_, std::move(step_name));
}

FileSink FileSink::PartitionBy(std::vector<Expression> expressions) const {
  return Changed(*this, &FileSink::partition_by_, std::move(expressions));
}
FileSink FileSink::Roll(std::chrono::milliseconds after) const {
  return Changed(*this, &FileSink::roll_, after);
}
FileSink FileSink::RollBytes(std::int64_t bytes) const {
  return Changed(*this, &FileSink::roll_bytes_, bytes);
}
FileSink FileSink::Named(std::string step_name) const {
  return Changed(*this, &FileSink::step_name_, std::move(step_name));
}

Console Console::Json() const { return Changed(*this, &Console::format_, "json"); }
Console Console::Limit(std::int64_t rows) const { return Changed(*this, &Console::limit_, rows); }
Console Console::Named(std::string step_name) const {
  return Changed(*this, &Console::step_name_, std::move(step_name));
}

WindowSpec WindowSpec::By(std::vector<std::string> columns) const {
  return Changed(*this, &WindowSpec::by_, std::move(columns));
}
WindowSpec WindowSpec::Grace(std::chrono::milliseconds grace) const {
  return Changed(*this, &WindowSpec::grace_, grace);
}
WindowSpec WindowSpec::Offset(std::chrono::milliseconds offset) const {
  return Changed(*this, &WindowSpec::offset_, offset);
}
WindowSpec WindowSpec::EmitCurrent() const { return Changed(*this, &WindowSpec::emit_current_, true); }
WindowSpec WindowSpec::CloseByKey() const { return Changed(*this, &WindowSpec::close_by_key_, true); }
WindowSpec WindowSpec::TriggerAfterUpdate(Expression when) const {
  return Changed(Changed(*this, &WindowSpec::trigger_, std::move(when)), &WindowSpec::trigger_before_, false);
}
WindowSpec WindowSpec::TriggerBeforeUpdate(Expression when) const {
  return Changed(Changed(*this, &WindowSpec::trigger_, std::move(when)), &WindowSpec::trigger_before_, true);
}
WindowSpec WindowSpec::LateTo(std::string topic) const {
  return Changed(Changed(*this, &WindowSpec::late_topic_, std::move(topic)),
                 &WindowSpec::late_to_dead_letters_, false);
}
WindowSpec WindowSpec::LateToDeadLetters() const {
  return Changed(Changed(*this, &WindowSpec::late_topic_, std::string()), &WindowSpec::late_to_dead_letters_,
                 true);
}
WindowSpec WindowSpec::NullKeysAre(NullKeys policy) const {
  return Changed(*this, &WindowSpec::null_keys_, policy);
}
WindowSpec WindowSpec::Named(std::string step_name) const {
  return Changed(*this, &WindowSpec::step_name_, std::move(step_name));
}

Aggregation Aggregation::Where(Expression only) const {
  Aggregation filtered = *this;
  filtered.condition = {std::move(only)};
  return filtered;
}

StateSpec StateSpec::Ttl(std::chrono::milliseconds ttl) const {
  return Changed(*this, &StateSpec::ttl_, ttl);
}
StateSpec StateSpec::Returns(Schema columns) const {
  return Changed(*this, &StateSpec::returns_, std::move(columns));
}
StateSpec StateSpec::NullKeysAre(NullKeys policy) const {
  return Changed(*this, &StateSpec::null_keys_, policy);
}
StateSpec StateSpec::Named(std::string step_name) const {
  return Changed(*this, &StateSpec::step_name_, std::move(step_name));
}

Aggregation count(AggregatedValue value, std::string name) {
  return {"count", {std::move(value.value)}, std::move(name)};
}
Aggregation sum(AggregatedValue value, std::string name) {
  return {"sum", {std::move(value.value)}, std::move(name)};
}
Aggregation mean(AggregatedValue value, std::string name) {
  return {"mean", {std::move(value.value)}, std::move(name)};
}
Aggregation min(AggregatedValue value, std::string name) {
  return {"min", {std::move(value.value)}, std::move(name)};
}
Aggregation max(AggregatedValue value, std::string name) {
  return {"max", {std::move(value.value)}, std::move(name)};
}
Aggregation first(AggregatedValue value, std::string name) {
  return {"first", {std::move(value.value)}, std::move(name)};
}
Aggregation last(AggregatedValue value, std::string name) {
  return {"last", {std::move(value.value)}, std::move(name)};
}
Aggregation earliest(AggregatedValue value, std::string name) {
  return {"earliest", {std::move(value.value)}, std::move(name)};
}
Aggregation latest(AggregatedValue value, std::string name) {
  return {"latest", {std::move(value.value)}, std::move(name)};
}
Aggregation variance(AggregatedValue value, std::string name) {
  return {"variance", {std::move(value.value)}, std::move(name)};
}
Aggregation stddev(AggregatedValue value, std::string name) {
  return {"stddev", {std::move(value.value)}, std::move(name)};
}
Aggregation median(AggregatedValue value, std::string name) {
  return {"median", {std::move(value.value)}, std::move(name)};
}
Aggregation count_distinct(AggregatedValue value, std::string name) {
  return {"count_distinct", {std::move(value.value)}, std::move(name)};
}
Aggregation approx_count_distinct(AggregatedValue value, std::string name) {
  return {"approx_count_distinct", {std::move(value.value)}, std::move(name)};
}
Aggregation quantile(AggregatedValue value, double q, std::string name) {
  return {"quantile", {std::move(value.value)}, std::move(name), q};
}
Aggregation top_k(AggregatedValue value, int k, std::string name) {
  return {"top_k", {std::move(value.value)}, std::move(name), k};
}
Aggregation collect(AggregatedValue value, std::string name) {
  return {"collect", {std::move(value.value)}, std::move(name)};
}
Aggregation collect(AggregatedValue value, int limit, std::string name) {
  return {"collect", {std::move(value.value)}, std::move(name), limit};
}
Aggregation argmin(AggregatedValue value, AggregatedValue compared, std::string name) {
  return {"argmin", {std::move(value.value), std::move(compared.value)}, std::move(name)};
}
Aggregation argmax(AggregatedValue value, AggregatedValue compared, std::string name) {
  return {"argmax", {std::move(value.value), std::move(compared.value)}, std::move(name)};
}

namespace api_internal {

Result<std::shared_ptr<arrow::Schema>> Access::ToArrow(const Schema& schema) {
  if (schema.arrow_ != nullptr) return schema.arrow_;
  arrow::FieldVector fields;
  for (const Schema::Column& column : schema.columns_) {
    auto field = ParseField(column.name, column.type.text());
    if (!field.ok()) return field.status().WithContext("column '" + column.name + "'");
    fields.push_back(*std::move(field));
  }
  return arrow::schema(std::move(fields));
}

Result<KafkaSource> Access::ToSource(const Topic& topic, const SourceLocation& location) {
  KafkaSource source;
  source.topic = topic.name_;
  source.format = topic.format_;
  source.key_format = topic.key_format_;
  if (topic.key_.size() > 1) {
    return Status::InvalidArgument("topic '" + topic.name_ +
                                   "': the key of a topic that is read is one column");
  }
  if (!topic.key_.empty()) source.key = topic.key_.front();
  if (topic.event_time_) {
    if (const std::string& error = ErrorOf(*topic.event_time_); !error.empty())
      return Status::InvalidArgument("topic '" + topic.name_ + "': event time: " + error);
    source.timestamp = {Get(*topic.event_time_), location};
  }
  source.offset_reset = topic.offset_reset_;
  if (topic.keep_unknown_fields_) source.extra = "keep";
  if (topic.schema_) {
    auto schema = ToArrow(*topic.schema_);
    if (!schema.ok()) return schema.status().WithContext("topic '" + topic.name_ + "'");
    source.schema = *std::move(schema);
  }
  return source;
}

KafkaSink Access::ToSink(const Topic& topic) {
  KafkaSink sink;
  sink.topic = topic.name_;
  sink.format = topic.format_;
  sink.key = topic.key_;
  sink.key_format = topic.key_format_;
  sink.partitions = topic.partitions_;
  return sink;
}

Result<MapStep> Access::ToStep(const StateSpec& state) {
  MapStep step;
  step.ttl = state.ttl_;
  if (!state.returns_) return step;
  MR_ASSIGN_OR_RETURN(step.columns, ToArrow(*state.returns_));
  return step;
}

WindowStep Access::ToStep(const WindowSpec& window) {
  WindowStep step;
  step.by = window.by_;
  step.null_key = static_cast<NullKey>(window.null_keys_);
  step.shape = static_cast<WindowShape>(window.shape_);
  step.size = window.size_;
  step.step = window.step_;
  step.count = window.count_;
  step.count_step = window.count_step_;
  step.grace = window.grace_;
  step.offset = window.offset_;
  step.emit = window.emit_current_ ? WindowEmit::kCurrent : WindowEmit::kFinal;
  step.closing = window.close_by_key_ ? WindowClosing::kKey : WindowClosing::kPartition;
  step.late_topic = window.late_topic_;
  step.late_to_dead_letters = window.late_to_dead_letters_;
  return step;
}

}  // namespace api_internal

static_assert(static_cast<int>(WindowSpec::Shape::kHopping) == static_cast<int>(WindowShape::kHopping));
static_assert(static_cast<int>(WindowSpec::Shape::kCount) == static_cast<int>(WindowShape::kCount));
static_assert(static_cast<int>(NullKeys::kDrop) == static_cast<int>(NullKey::kDrop));
static_assert(static_cast<int>(NullKeys::kGroup) == static_cast<int>(NullKey::kGroup));

}  // namespace millrace
