#pragma once

#include "snap_server/conversions_service.h"
#include "snap_server/faults.h"
#include "snap_server/lead_delivery.h"
#include "snap_server/received_events.h"
#include "snap_server/request_log.h"
#include "snap_server/router.h"
#include "snap_server/segments_service.h"

namespace millrace::snap {

/// What the stand-in has to show and to set, which Snap does not have: a page, what was received, the faults.
/// One owner.
class OwnPages {
 public:
  /// Events and members that /_received shows when it is not told how many.
  static constexpr std::size_t kUsualLimit = 1'000;

  /// What the pages are about; all of it outlives them.
  struct Parts {
    ReceivedEvents* events;
    ConversionsService* conversions;
    SegmentsService* segments;
    LeadDelivery* leads;
    RequestLog* requests;
    Faults* faults;
  };
  explicit OwnPages(const Parts& parts) : parts_(parts) {}

  void AddRoutes(Router* router);

 private:
  HttpResponse Page() const;
  HttpResponse ShowReceived(const ApiRequest& request) const;
  HttpResponse ShowFaults() const;
  HttpResponse SetFaults(const ApiRequest& request);
  HttpResponse Reset();
  json::object Received(std::size_t limit, bool with_bodies) const;

  const Parts parts_;
};

}  // namespace millrace::snap
