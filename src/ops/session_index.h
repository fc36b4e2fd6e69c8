#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace millrace {

/// The open sessions of all keys, and when they close. Derived from the table of sessions. One owner, one
/// thread.
///
/// A session is [first, last + gap): a row belongs to it when it is less than `gap` away from one of its
/// rows. Its `id` is the event time of the row that began it, by which its state is found; it stays when the
/// session grows.
class SessionIndex {
 public:
  struct Session {
    std::int64_t id;
    std::int64_t first_ms;
    std::int64_t last_ms;
  };
  /// What the caller finds again with an open session; not kept in its state.
  struct Mark {
    std::int64_t round = 0;
    std::uint32_t rank = 0;
  };
  SessionIndex(std::int64_t gap_ms, std::int64_t grace_ms) : gap_ms_(gap_ms), grace_ms_(grace_ms) {}

  std::int64_t EndOf(const Session& session) const;
  std::int64_t ClosesAt(const Session& session) const;
  /// The watermark at which a session of this one time closes.
  std::int64_t ClosesAt(std::int64_t time_ms) const { return ClosesAt(Session{time_ms, time_ms, time_ms}); }

  void Clear();
  /// A session that the table has.
  void Restore(std::string_view key, const Session& session);

  /// What became of a row.
  struct Placed {
    bool late = false;    ///< no open session reaches it, and its own would be closed
    Session session{};    ///< its own, with the row
    Session before{};     ///< and without it: when it joined two, both; when it began one, the row alone
    bool merged = false;  ///< it joined two sessions: first `from` has to be merged into `session`
    std::int64_t from_id = 0;
    Mark* mark = nullptr;  ///< of its session; valid until the next call. Null when late
  };
  /// True when Place would say so.
  bool IsLate(std::string_view key, std::int64_t time_ms, std::int64_t watermark_ms) const;
  /// Puts a row into a session; sessions that are closed at the watermark before it are left alone.
  Placed Place(std::string_view key, std::int64_t time_ms, std::int64_t watermark_ms);

  /// One session that closes.
  struct Closed {
    std::string key;
    Session session;
  };
  /// The clock of a key (W5): the greatest event time in its open sessions; the lowest time when it has none.
  /// A clock that was in a session that the watermark closed would be below that watermark.
  std::int64_t ClockOf(std::string_view key) const;
  /// Takes out the sessions of the key that are closed when its clock comes to `clock_ms` and that were open
  /// at the watermark; by end.
  std::vector<Session> CloseOfKey(std::string_view key, std::int64_t clock_ms, std::int64_t watermark_ms);
  /// False when no session is closed at the watermark.
  bool MayClose(std::int64_t watermark_ms) const {
    return !timers_.empty() && timers_.begin()->first <= watermark_ms;
  }
  /// Takes out the sessions that are closed at the watermark, by (end, key).
  std::vector<Closed> Close(std::int64_t watermark_ms);
  /// The session, or null.
  const Session* Find(std::string_view key, std::int64_t id) const;

  /// Open sessions, and entries that tell when to look at one: as many, however sessions ended.
  std::size_t num_sessions() const;
  std::size_t num_timers() const { return timers_.size(); }
  /// About what the open sessions take in memory. O(1).
  std::int64_t memory_bytes() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  /// When to look at a session (key, id): never later than it closes, but maybe earlier, for it may have
  /// grown.
  using Timers = std::multimap<std::int64_t, std::pair<std::string, std::int64_t>>;
  struct Open {
    Session session;
    Timers::iterator timer;
    Mark mark{};
  };
  /// Of a key, by last_ms: a session that begins lies behind those that are closed already, and those that
  /// are open are a gap apart, so that their order never changes. An id is above the last_ms before it.
  using Sessions = std::vector<Open>;

  /// The first session that closes after `time_ms`.
  template <typename OfKey>
  auto FirstClosingAfter(OfKey& sessions, std::int64_t time_ms) const;
  /// The session of that id, or the end.
  template <typename OfKey>
  static auto FindId(OfKey& sessions, std::int64_t id);
  /// The open sessions that the row belongs to: at most two, which are neighbours.
  template <typename OfKey>
  auto Reached(OfKey& sessions, std::int64_t time_ms, std::int64_t watermark_ms) const;
  Timers::iterator AddTimer(std::string_view key, const Session& session);
  void EraseTimer(Timers::iterator timer);
  Open& Add(std::string_view key, const Session& session);
  const std::int64_t gap_ms_;
  const std::int64_t grace_ms_;
  std::unordered_map<std::string, Sessions, Hash, std::equal_to<>> keys_;
  Timers timers_;  // one of each open session
  std::int64_t timer_key_bytes_ = 0;
};

}  // namespace millrace
