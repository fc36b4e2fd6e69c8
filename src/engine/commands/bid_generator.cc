#include "engine/commands/bid_generator.h"

#include <algorithm>
#include <cstdio>

namespace millrace {

const Bid& BidGenerator::Next(EventTime now) {
  const auto auction = static_cast<std::int64_t>(random_.Below(static_cast<std::uint64_t>(options_.keys)));
  const std::int64_t bidder = random_.Between(1, 10'000);
  bid_.price_cents = random_.Between(1, 10'000);
  bid_.time = now;
  if (options_.late_fraction > 0 && random_.Fraction() < options_.late_fraction) {
    bid_.time =
        EventTime(now.value() - random_.Between(1, std::max<std::int64_t>(1, options_.lateness.count())));
  }
  bid_.broken = options_.broken_fraction > 0 && random_.Fraction() < options_.broken_fraction;
  bid_.key = std::to_string(auction);
  char json[160];
  const int size = std::snprintf(
      json, sizeof(json), "{\"ts\":%lld,\"auction\":%lld,\"bidder\":%lld,\"price\":%lld.%02lld}",
      static_cast<long long>(bid_.time.value()), static_cast<long long>(auction),
      static_cast<long long>(bidder), static_cast<long long>(bid_.price_cents / 100),
      static_cast<long long>(bid_.price_cents % 100));
  bid_.value.assign(json, static_cast<std::size_t>(bid_.broken ? size / 2 : size));
  return bid_;
}

}  // namespace millrace
