#pragma once

#include "snap_server/api_answer.h"
#include "snap_server/faults.h"

namespace millrace::snap {

/// What a client sees of a fault that is answered before anything was taken.
/// Precondition: it is not kSlow or kCut.
HttpResponse FaultAnswer(Fault fault, const ApiRequest& request);

}  // namespace millrace::snap
