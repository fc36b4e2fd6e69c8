#include "snap_server/lead_delivery.h"

#include <algorithm>
#include <utility>

namespace millrace::snap {
namespace {

constexpr Duration kFirstPause{100};
constexpr Duration kLongestPause{5'000};

Duration PauseAfter(std::int32_t tries) {
  return std::min(kLongestPause, Duration(kFirstPause.count() << std::min(tries - 1, 10)));
}

}  // namespace

Status LeadDelivery::Add(OutgoingLead lead) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) {
      return Status::ResourceExhausted("as many leads as can wait do so already: the webhook takes none");
    }
    ++added_;
    lead.generation = generation_;
    waiting_.push_back(std::move(lead));
  }
  Pump();
  return Status::Ok();
}

void LeadDelivery::Stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  waiting_.clear();
}

void LeadDelivery::Clear() {
  const MutexLock lock(mutex_);
  waiting_.clear();
  outcomes_.clear();
  order_.clear();
  added_ = delivered_ = tries_ = pausing_ = 0;
  ++generation_;
}

void LeadDelivery::Pump() {
  while (true) {
    OutgoingLead lead;
    {
      const MutexLock lock(mutex_);
      if (stopped_ || waiting_.empty() || in_flight_ >= kMaxInFlight) return;
      ++in_flight_;
      lead = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Send(std::move(lead));
  }
}

void LeadDelivery::Send(OutgoingLead lead) {
  ClientRequest request{"POST", lead.url, lead.headers, lead.body};
  const auto done = [this, lead](const Result<ClientResponse>& response) {
    Finish(lead, response.ok() ? response->status : 0);
    Pump();
  };
  if (!client_.Send(std::move(request), done).ok()) Finish(std::move(lead), 0);
}

void LeadDelivery::Finish(OutgoingLead lead, int status) {
  {
    const MutexLock lock(mutex_);
    --in_flight_;
    if (stopped_ || lead.generation != generation_) return;
    ++lead.tries;
    NoteTry(lead, status);
    if (status == 200) return;
    ++pausing_;
  }
  Again(std::move(lead));
}

void LeadDelivery::Again(OutgoingLead lead) {
  const Duration pause = PauseAfter(lead.tries);
  timetable_.After(pause, [this, lead = std::move(lead)] {
    {
      const MutexLock lock(mutex_);
      if (stopped_ || lead.generation != generation_) return;
      --pausing_;
      waiting_.push_back(lead);
    }
    Pump();
  });
}

void LeadDelivery::NoteTry(const OutgoingLead& lead, int status) {
  const auto [found, is_new] = outcomes_.try_emplace(lead.lead_id);
  if (is_new) order_.push_back(lead.lead_id);
  ++found->second.tries;
  ++tries_;
  found->second.last_status = status;
  if (status == 200) {
    ++found->second.delivered;
    ++delivered_;
  }
  if (order_.size() > kMaxKept) {
    outcomes_.erase(order_.front());
    order_.pop_front();
  }
}

json::object LeadDelivery::Received(std::size_t limit) const {
  const MutexLock lock(mutex_);
  json::array leads;
  for (std::size_t i = order_.size() > limit ? order_.size() - limit : 0; i < order_.size(); ++i) {
    const Outcome& outcome = outcomes_.at(order_[i]);
    leads.push_back(json::object{{"lead_id", JsonText(order_[i])},
                                 {"delivered", outcome.delivered},
                                 {"tries", outcome.tries},
                                 {"last_status", outcome.last_status}});
  }
  const std::int64_t pending = static_cast<std::int64_t>(waiting_.size()) + pausing_ + in_flight_;
  return {{"sent", added_},
          {"delivered", delivered_},
          {"pending", pending},
          {"tries", tries_},
          {"leads", std::move(leads)}};
}

}  // namespace millrace::snap
