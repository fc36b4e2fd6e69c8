#include "runtime/changelog_writer.h"

#include <algorithm>

#include "base/check.h"

namespace millrace {
namespace {

/// State is never left out of its changelog, so this stops the pipeline, with everything as of the last
/// commit.
Status TooMuchState(std::string_view step, const Status& too_large) {
  return Status::InvalidArgument(
      "step " + std::string(step) +
      ": what it keeps for one key is too large for its changelog topic; keep less "
      "(a shorter window, shorter columns, fewer values in collect or top_k) or "
      "allow larger records: " +
      too_large.message());
}

}  // namespace

ChangelogWriter::ChangelogWriter(const SubTopology& sub, Partition partition, std::int64_t now_ms,
                                 Producer* producer)
    : sub_(sub), partition_(partition), now_ms_(now_ms), producer_(producer) {
  for (const TableSpec& table : sub.tables) bytes_[table.table] = 0;
}

void ChangelogWriter::GoTo(std::string_view table) {
  const auto found = std::ranges::find(sub_.tables, table, &TableSpec::table);
  MR_CHECK(found != sub_.tables.end()) << "no table " << table;
  table_ = &*found;
  table_bytes_ = &bytes_.at(table);
}

Status ChangelogWriter::Add(const ChangelogEntry& entry) {
  if (table_ == nullptr || entry.table != table_->table) {
    MR_RETURN_IF_ERROR(Finish());
    GoTo(entry.table);
  }
  texts_.append(entry.key);
  const std::size_t key_end = texts_.size();
  texts_.append(entry.value.value_or(std::string_view()));
  waiting_[num_waiting_++] = {
      .key_end = key_end, .value_end = texts_.size(), .has_value = entry.value.has_value()};
  return num_waiting_ == kMostWaiting || texts_.size() >= kMostWaitingBytes ? Finish() : Status::Ok();
}

Status ChangelogWriter::Finish() {
  if (num_waiting_ == 0) return Status::Ok();
  std::array<KeyValue, kMostWaiting> records;
  const std::string_view texts = texts_;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < num_waiting_; ++i) {
    const Waiting& entry = waiting_[i];
    records[i].key = BytesView::Of(texts.substr(begin, entry.key_end - begin));
    records[i].value = entry.has_value
                           ? BytesView::Of(texts.substr(entry.key_end, entry.value_end - entry.key_end))
                           : BytesView();
    begin = entry.value_end;
  }
  *table_bytes_ += static_cast<std::int64_t>(texts_.size());
  const Status sent = producer_->SendAll(table_->changelog_topic, partition_, now_ms_,
                                         std::span(records).first(num_waiting_));
  texts_.clear();
  num_waiting_ = 0;
  return sent.code() == StatusCode::kInvalidArgument ? TooMuchState(table_->table, sent) : sent;
}

}  // namespace millrace
