#include "runtime/feed_position_reader.h"

#include <utility>

namespace millrace {

Result<std::unique_ptr<FeedPositionReader>> FeedPositionReader::Make(std::unique_ptr<ChangelogReader> log,
                                                                     TopicPartition partition) {
  std::unique_ptr<FeedPositionReader> reader(new FeedPositionReader(std::move(log), std::move(partition)));
  MR_ASSIGN_OR_RETURN(const auto bounds, reader->log_->Bounds(reader->partition_));
  reader->end_ = bounds.second;
  reader->is_empty_ = bounds.first >= bounds.second;
  if (!reader->is_empty_) MR_RETURN_IF_ERROR(reader->log_->Add(reader->partition_, bounds.first));
  return reader;
}

Result<std::optional<FeedPositions>> FeedPositionReader::Step(Duration wait) {
  // read_committed stops in front of an open transaction, so a position at the end has passed none.
  if (!is_empty_ && log_->Position(partition_) < end_) MR_RETURN_IF_ERROR(Read(wait));
  if (!is_empty_ && log_->Position(partition_) < end_) return std::optional<FeedPositions>();
  return std::optional(std::move(positions_));
}

Status FeedPositionReader::Read(Duration wait) {
  MR_ASSIGN_OR_RETURN(const auto blocks, log_->Poll(wait));
  for (const UndecodableRecords& lost : log_->TakeUndecodable()) {
    return Status::Corrupt("the positions in " + lost.partition.ToString() +
                           " cannot be decoded at offsets " + std::to_string(lost.first.value()) + " to " +
                           std::to_string(lost.next.value() - 1) + " (" + lost.message +
                           "); restore the topic, or 'millrace reset' the pipeline");
  }
  for (const auto& block : blocks) {
    for (std::size_t i = 0; i < block->keys().size(); ++i) {
      const std::string key(block->keys()[i].view());
      if (block->values()[i].is_null()) {
        positions_.erase(key);
      } else {
        positions_[key] = block->values()[i].view();
      }
    }
  }
  return Status::Ok();
}

}  // namespace millrace
