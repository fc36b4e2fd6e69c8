#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::bench {

constexpr std::int64_t kWindowMs = 60'000;
/// Auctions from here on only move the event time past the last window; they are in no result.
constexpr std::int64_t kFirstSentinelAuction = 9'000'000'000;

/// The input of the job that every figure is about: a fixed sequence of JSON bids.
///
/// Record i is a function of (size, keys, order, i) alone. Event time moves by one minute every 60 records
/// per key and never goes back; prices are multiples of 0.25, so that sums of doubles are exact in any order.
/// Every record has exactly `size` bytes, 86 or 363.
class JobRecords {
 public:
  static constexpr std::int64_t kKeys = 10'000;
  static constexpr std::int64_t kStartMs = 1'767'225'600'000;  // 2026-01-01, a whole minute

  struct Bid {
    std::int64_t ts = 0;
    std::int64_t auction = 0;
    std::int64_t bidder = 0;
    double price = 0;
  };

  /// Which of so many auctions a record is for.
  enum class Order {
    kUniform,   ///< any
    kEachOnce,  ///< one after the other, not in the order of their numbers
    kSkewed,    ///< in 99 of 100 records one of a hundredth of them
  };

  explicit JobRecords(int size, std::int64_t keys = kKeys, Order order = Order::kUniform);

  /// Moves to the next record.
  void Next();
  const Bid& bid() const { return bid_; }
  /// Decimal digits of the auction. Valid until the next call of Next.
  std::string_view key() const { return key_; }
  /// Valid until the next call of Next.
  std::string_view value() const { return value_; }

  /// A record far behind every window of `records` records of kKeys keys, for one partition: it closes them.
  static std::string Sentinel(std::int64_t records, std::int32_t partition);
  static std::int64_t SentinelAuction(std::int32_t partition) { return kFirstSentinelAuction + partition; }

 private:
  std::uint64_t ChooseAuction(std::uint64_t random) const;
  void Write();

  const int size_;
  const std::int64_t keys_;
  const Order order_;
  std::int64_t index_ = 0;
  std::uint64_t state_ = 20'260'101;
  Bid bid_;
  std::string key_;
  std::string value_;
};

}  // namespace millrace::bench
