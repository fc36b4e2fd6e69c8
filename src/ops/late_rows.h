#pragma once

#include "base/duration.h"
#include "ops/operator.h"

namespace millrace {

/// Takes out the rows whose time in a step's state is over before they come: event time + span <= the
/// watermark before the row (T2b). They leave through Output::Late, late by the difference.
Status RemoveLateRows(Duration span, Batch* batch, Output& output);

}  // namespace millrace
