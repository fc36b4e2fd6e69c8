#include "ops/expiry_index.h"

#include <algorithm>

#include "base/check.h"
#include "ops/window_assigner.h"

namespace millrace {
namespace {

constexpr std::int64_t kSlicesPerTtl = 256;

}  // namespace

ExpiryIndex::ExpiryIndex(Duration ttl, KeyedTable* table)
    : width_ms_(std::max<std::int64_t>(1, ttl.count() / kSlicesPerTtl)), table_(table) {
  MR_CHECK(ttl.count() > 0);
}

std::int64_t ExpiryIndex::SliceOf(std::int64_t expires_ms) const {
  const std::int64_t slice = expires_ms / width_ms_ - (expires_ms % width_ms_ < 0 ? 1 : 0);
  return std::min(slice, kRows - 1);
}

void ExpiryIndex::Add(std::int64_t expires_ms, std::string_view key) {
  added_.Append(key);
  added_slices_.push_back(SliceOf(expires_ms));
}

Status ExpiryIndex::Flush() {
  if (added_slices_.empty()) return Status::Ok();
  slots_.resize(added_slices_.size());
  const Status status =
      table_->Lookup(added_slices_, {.data = added_.data(), .offsets = added_.offsets()}, slots_);
  added_.Clear();
  added_slices_.clear();
  return status;
}

std::optional<std::int64_t> ExpiryIndex::NextClose() const {
  const std::optional<std::int64_t> first = table_->FirstSlice();
  if (!first || *first == kRows) return std::nullopt;
  return EndOf(*first);
}

std::int64_t ExpiryIndex::EndOf(std::int64_t slice) const {
  std::int64_t start;
  if (__builtin_mul_overflow(slice, width_ms_, &start)) {
    // Only the slice that the lowest time lies in begins before int64.
    return slice < 0 ? AddTime((slice + 1) * width_ms_, -1) : std::numeric_limits<std::int64_t>::max();
  }
  return AddTime(start, width_ms_ - 1);
}

Status ExpiryIndex::Close(Watermark watermark, const ReadExpiries& read, const Expire& expire) {
  for (auto closes = NextClose(); closes && *closes <= watermark.value(); closes = NextClose()) {
    const std::int64_t slice = *table_->FirstSlice();
    closed_.Clear();
    MR_RETURN_IF_ERROR(table_->CloseSlice(slice, [this](std::string_view key, std::uint32_t) {
      closed_.Append(key);
      return Status::Ok();
    }));
    expires_ms_.assign(static_cast<std::size_t>(closed_.num_rows()), kGone);
    MR_RETURN_IF_ERROR(read(closed_, expires_ms_));
    expired_.Clear();
    for (std::size_t i = 0; i < expires_ms_.size(); ++i) {
      if (expires_ms_[i] == kGone) continue;
      if (SliceOf(expires_ms_[i]) > slice) {
        Add(expires_ms_[i], closed_[i]);
      } else {
        expired_.Append(closed_[i]);
      }
    }
    MR_RETURN_IF_ERROR(Flush());
    if (expired_.num_rows() > 0) MR_RETURN_IF_ERROR(expire(expired_));
  }
  return Status::Ok();
}

}  // namespace millrace
