#include "engine/commands/demo_view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

namespace millrace {
namespace {

constexpr std::size_t kWindowsShown = 8;
constexpr int kShowsPerLine = 5;  // plain lines: one of so many moments

// A line that a narrow terminal wraps would take two, and the table could not be drawn over.
constexpr const char* kNoWrap = "\x1b[?7l";
constexpr const char* kWrap = "\x1b[?7h";

std::string Padded(const std::string& text, std::size_t width) {
  return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

std::string Money(double value) {
  const auto cents = static_cast<std::int64_t>(std::llround(value * 100));
  char out[16];
  std::snprintf(out, sizeof(out), ".%02d", static_cast<int>(cents % 100));
  return WithThousands(cents / 100) + out;
}

std::string NumbersLine(const DemoMoment& moment) {
  const RunnerStatus& status = moment.status;
  char commit[32];
  std::snprintf(commit, sizeof(commit), "%.1f ms", status.last_commit_ms);
  const std::string watermark =
      status.watermark && *status.watermark != kNoWatermark && *status.watermark != kEndOfTime
          ? TimeOfDay(EventTime(status.watermark->value()))
          : "none yet";
  return WithThousands(std::llround(moment.bids_per_second)) + " records/s   lag " +
         WithThousands(moment.lag) + "   watermark " + watermark + "   commit " + commit + "   late " +
         WithThousands(status.rows_late) + "   dead letters " + WithThousands(status.dead_letters);
}

std::string WindowLine(const ClosedWindow& window) {
  return TimeOfDay(window.start) + " - " + TimeOfDay(window.end) +
         Padded(WithThousands(window.auctions), 10) + Padded(WithThousands(window.bids), 12) +
         Padded(Money(window.total), 17) + Padded(Money(window.best), 9) + "  auction " +
         std::to_string(window.best_auction);
}

constexpr const char* kHeadLine = "window (UTC)          auctions        bids          revenue     best";

}  // namespace

std::string WithThousands(std::int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return (number < 0 ? "-" : "") + digits;
}

std::string TimeOfDay(EventTime time) {
  const std::int64_t second = ((time.value() / 1000) % 86'400 + 86'400) % 86'400;
  char out[32];
  std::snprintf(out, sizeof(out), "%02d:%02d:%02d", static_cast<int>(second / 3600),
                static_cast<int>(second / 60 % 60), static_cast<int>(second % 60));
  return out;
}

void DemoView::Show(const DemoMoment& moment, const DemoResults& results) {
  if (io_.out_is_terminal) {
    Draw(moment, results);
  } else {
    PrintNewWindows(moment, results);
    if (shows_++ % kShowsPerLine == 0) io_.out << NumbersLine(moment) << "\n";
  }
  io_.out.flush();
}

void DemoView::Draw(const DemoMoment& moment, const DemoResults& results) {
  if (lines_drawn_ > 0) io_.out << "\x1b[" << lines_drawn_ << "A\x1b[J";
  io_.out << kNoWrap << NumbersLine(moment) << "\n\n\x1b[1m" << kHeadLine << "\x1b[0m\n";
  lines_drawn_ = 3;
  const auto& windows = results.windows();
  const auto skipped = static_cast<std::ptrdiff_t>(windows.size() - std::min(windows.size(), kWindowsShown));
  for (auto at = std::next(windows.begin(), skipped); at != windows.end(); ++at) {
    io_.out << WindowLine(at->second) << "\n";
    ++lines_drawn_;
  }
  io_.out << kWrap;
}

/// A window's rows come from several partitions: it is printed when the watermark says that all of them
/// closed it.
void DemoView::PrintNewWindows(const DemoMoment& moment, const DemoResults& results) {
  for (const auto& [start, window] : results.windows()) {
    if (last_printed_ && start <= *last_printed_) continue;
    const bool closed =
        moment.status.watermark && moment.status.watermark->value() >= (window.end.value() + grace_.count());
    if (!closed) return;
    if (!last_printed_) io_.out << "        " << kHeadLine << "\n";
    io_.out << "closed  " << WindowLine(window) << "\n";
    last_printed_ = start;
  }
}

}  // namespace millrace
