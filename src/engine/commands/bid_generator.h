#pragma once

#include <cstdint>
#include <string>

#include "base/duration.h"
#include "base/ids.h"
#include "env/random.h"

namespace millrace {

struct BidOptions {
  std::uint64_t seed = 1;
  std::int64_t keys = 100;     ///< auctions
  double late_fraction = 0;    ///< part of the bids with an event time in the past
  Duration lateness{10'000};   ///< how far in the past at most
  double broken_fraction = 0;  ///< part of the records that are cut in the middle
};

/// One record of the topic `bids`.
struct Bid {
  std::string key;    ///< the auction, in decimal digits
  std::string value;  ///< JSON, cut short when `broken`
  EventTime time{0};
  std::int64_t price_cents = 0;
  bool broken = false;
};

/// Makes bids: {"ts": ms, "auction": n, "bidder": n, "price": x}. The same options and times give the same
/// bids. One owner.
class BidGenerator {
 public:
  explicit BidGenerator(const BidOptions& options) : options_(options), random_(options.seed) {}

  /// The next bid at the time `now`; the result is valid until the next call.
  const Bid& Next(EventTime now);

 private:
  const BidOptions options_;
  Random random_;
  Bid bid_;
};

}  // namespace millrace
