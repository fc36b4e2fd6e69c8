#include "connectors/snapchat/segment_follower.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "connectors/snapchat/ads_answer.h"
#include "http/redact.h"

namespace millrace {
namespace {

constexpr std::array<std::string_view, 3> kUploadStates = {"NO_UPLOAD", "PROCESSING", "COMPLETE"};
constexpr std::array<std::string_view, 3> kTargetStates = {"NOT_READY", "TOO_FEW_USERS", "READY"};

}  // namespace

struct SegmentFollower::State {
  State(Options its_options, SnapConnection& its_connection)
      : options(std::move(its_options)), connection(its_connection) {}

  bool Due() {
    const MutexLock lock(mutex);
    return uploads != uploads_seen || facts.upload_status != "COMPLETE";
  }

  /// `uploads_before`: how many there were when it was asked for.
  void Take(const ClientResponse& response, std::int64_t uploads_before) {
    if (JudgeAdsAnswer(response, "segments").kind != BatchVerdict::Kind::kAccepted) return;
    const SegmentsAnswer answer = ReadSegments(response);
    const MutexLock lock(mutex);
    for (const SegmentFacts& now : answer.segments) {
      if (now.id != segment) continue;
      uploads_seen = uploads_before;
      Show(now);
    }
  }

  /// Precondition: the lock is held.
  void Show(const SegmentFacts& now) {
    SetStates("millrace_snapchat_segment_upload", "Whether Snap works on uploads to a segment.",
              kUploadStates, now.upload_status);
    SetStates("millrace_snapchat_segment_targetable", "Whether a segment can be used for ads.", kTargetStates,
              now.targetable_status);
    if (now.users) {
      connection.metrics()
          .GetGauge("millrace_snapchat_segment_users", "Users of a segment that Snap knows, approximately.",
                    {{"step", connection.step()}})
          .Set(static_cast<double>(*now.users));
    }
    const bool changed = now.upload_status != facts.upload_status ||
                         now.targetable_status != facts.targetable_status || now.users != facts.users;
    facts = now;
    if (!changed) return;
    Log(LogLevel::kInfo, "what Snap says of the segment",
        {{"step", connection.step()},
         {"segment", segment},
         {"upload_status", now.upload_status},
         {"targetable_status", now.targetable_status},
         {"users", now.users.value_or(0)}});
  }

  /// One gauge per state, 1 for that which it is in.
  template <typename States>
  void SetStates(std::string_view name, std::string_view help, const States& states,
                 const std::string& current) {
    for (const std::string_view state : states) {
      connection.metrics()
          .GetGauge(name, help, {{"step", connection.step()}, {"status", std::string(state)}})
          .Set(state == current ? 1 : 0);
    }
  }

  const Options options;
  SnapConnection& connection;

  Mutex mutex;
  std::string segment;  // guarded by mutex, as all below
  std::int64_t uploads = 0;
  std::int64_t uploads_seen = 0;
  SegmentFacts facts;  // as they were told last
};

SegmentFollower::SegmentFollower(Options options, SnapConnection& connection)
    : state_(std::make_shared<State>(std::move(options), connection)) {}

SegmentFollower::~SegmentFollower() { stop_.RequestStop(); }

void SegmentFollower::Uploaded(const std::string& segment_id) {
  {
    const MutexLock lock(state_->mutex);
    state_->segment = segment_id;
    ++state_->uploads;
  }
  const MutexLock lock(mutex_);
  if (thread_.running()) return;
  thread_ = Thread("segment", [state = state_, stop = stop_] {
    while (!stop.WaitFor(state->options.every)) {
      if (state->Due()) Ask(state);
    }
  });
}

void SegmentFollower::Ask(const std::shared_ptr<State>& state) {
  std::string segment;
  std::int64_t uploads = 0;
  {
    const MutexLock lock(state->mutex);
    segment = state->segment;
    uploads = state->uploads;
  }
  state->connection.SendAside(
      [state, segment](const std::string& token) {
        return ClientRequest{.method = "GET",
                             .url = state->options.url + "/v1/segments/" + PercentEncoded(segment),
                             .headers = {{"Authorization", "Bearer " + token}}};
      },
      [state, uploads](const Result<ClientResponse>& response) {
        if (response.ok()) state->Take(*response, uploads);
      });
}

}  // namespace millrace
