#include "connectors/memory/partition_log.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace millrace {
namespace {

BytesView ViewOf(const std::optional<std::string>& bytes) {
  return bytes ? BytesView::Of(*bytes) : BytesView{};
}

std::int64_t SizeOf(const MemoryRecord& record) {
  return static_cast<std::int64_t>((record.key ? record.key->size() : 0) +
                                   (record.value ? record.value->size() : 0));
}

}  // namespace

Offset PartitionLog::Append(MemoryRecord record, TransactionNumber transaction) {
  const Offset offset = high_;
  high_ = Next(high_);
  record.offset = offset;
  if (transaction != 0) open_.try_emplace(transaction, offset);
  entries_.push_back({std::move(record), transaction, Kind::kData});
  return offset;
}

void PartitionLog::EndTransaction(TransactionNumber transaction, bool commit) {
  if (open_.erase(transaction) == 0) return;
  if (!commit) aborted_.insert(transaction);
  MemoryRecord marker;
  marker.offset = high_;
  high_ = Next(high_);
  entries_.push_back({std::move(marker), transaction, Kind::kMarker});
}

LogBounds PartitionLog::Bounds() const {
  LogBounds bounds{start_, high_, high_};
  for (const auto& [transaction, first] : open_) bounds.last_stable = std::min(bounds.last_stable, first);
  return bounds;
}

std::deque<PartitionLog::Entry>::const_iterator PartitionLog::At(Offset offset) const {
  return std::lower_bound(entries_.begin(), entries_.end(), offset,
                          [](const Entry& entry, Offset value) { return entry.record.offset < value; });
}

bool PartitionLog::Visible(const Entry& entry, Isolation isolation) const {
  if (entry.kind == Kind::kMarker) return false;
  return isolation == Isolation::kReadUncommitted || !aborted_.contains(entry.transaction);
}

Result<FetchedRecords> PartitionLog::Fetch(Offset from, const FetchLimits& limits) const {
  const LogBounds bounds = Bounds();
  if (from < bounds.start || from > bounds.high) {
    return Status::Aborted(partition_.ToString() + ": offset " + std::to_string(from.value()) +
                           ", which comes next, is not in the log any more");
  }
  const Offset end = limits.isolation == Isolation::kReadCommitted ? bounds.last_stable : bounds.high;
  FetchedRecords fetched;
  fetched.next = from;
  RecordBlockBuilder builder(partition_);
  for (auto it = At(fetched.next); it != entries_.end() && it->record.offset < end; ++it) {
    const MemoryRecord& record = it->record;
    if (it->broken && Visible(*it, limits.isolation)) {
      const Offset next = Next(record.offset);
      if (!fetched.broken.empty() && fetched.broken.back().second == record.offset) {
        fetched.broken.back().second = next;
      } else {
        fetched.broken.emplace_back(record.offset, next);
      }
    } else if (Visible(*it, limits.isolation)) {
      const std::int64_t count = builder.num_records();
      if (count >= limits.max_records ||
          (count > 0 && builder.num_bytes() + SizeOf(record) > limits.max_bytes)) {
        if (count > 0) fetched.block = builder.Finish(record.offset);
        fetched.next = record.offset;
        return fetched;
      }
      builder.Append(record.offset, record.timestamp_ms, ViewOf(record.key), ViewOf(record.value));
      for (const MemoryHeader& header : record.headers)
        builder.AppendHeader(header.name, ViewOf(header.value));
    }
  }
  fetched.next = std::max(fetched.next, end);
  if (builder.num_records() > 0) fetched.block = builder.Finish(fetched.next);
  return fetched;
}

std::vector<MemoryRecord> PartitionLog::Read(Isolation isolation) const {
  const LogBounds bounds = Bounds();
  const Offset end = isolation == Isolation::kReadCommitted ? bounds.last_stable : bounds.high;
  std::vector<MemoryRecord> records;
  for (const Entry& entry : entries_) {
    if (entry.record.offset >= end) break;
    if (Visible(entry, isolation) && !entry.broken) records.push_back(entry.record);
  }
  return records;
}

void PartitionLog::Compact(bool drop_tombstones) {
  const Offset end = Bounds().last_stable;
  std::unordered_map<std::string_view, Offset> last;
  for (const Entry& entry : entries_) {
    if (entry.record.offset >= end) break;
    if (Visible(entry, Isolation::kReadCommitted) && entry.record.key)
      last[*entry.record.key] = entry.record.offset;
  }
  std::deque<Entry> kept;
  for (const Entry& entry : entries_) {
    bool keep = entry.kind == Kind::kMarker || entry.record.offset >= end;
    if (!keep && Visible(entry, Isolation::kReadCommitted)) {
      const MemoryRecord& record = entry.record;
      keep = !record.key || (last[*record.key] == record.offset && (record.value || !drop_tombstones));
    }
    if (keep) kept.push_back(entry);
  }
  entries_ = std::move(kept);
}

void PartitionLog::Break(Offset first, Offset next) {
  for (Entry& entry : entries_) {
    if (entry.record.offset >= first && entry.record.offset < next) entry.broken = true;
  }
}

void PartitionLog::DeleteBefore(Offset before) {
  MR_CHECK(before <= high_) << partition_ << " before " << before;
  while (!entries_.empty() && entries_.front().record.offset < before) entries_.pop_front();
  start_ = std::max(start_, before);
}

}  // namespace millrace
