#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/duration.h"
#include "base/result.h"
#include "connectors/snapchat/conversion_check.h"
#include "env/clock.h"
#include "ops/operator.h"
#include "plan/sinks.h"
#include "state/state_store.h"

namespace millrace {

/// What tells an event from its repeats, and the table in which that is remembered.
struct ConversionKey {
  enum class Id {
    kEvent,  ///< asset, event_name and event_id
    kOrder,  ///< asset and order_id, of a PURCHASE
  };
  Id id = Id::kEvent;
  std::string table;
  Duration within{0};

  /// "<table>=<layout>": a line of StateStoreOptions::layout.
  std::string Layout() const;
};

/// What a sink called `name` goes by. `fields`: the columns of MakeSinkFields. Events whose ids are made of
/// their places have no repeats; where no row has an id of either kind there is nothing to go by.
std::vector<ConversionKey> ConversionKeysOf(const SnapchatConversionsSink& sink, const std::string& name,
                                            const arrow::Schema& fields);

struct ConversionRepeatsOptions {
  std::vector<ConversionKey> keys;  ///< not empty
  ConversionRules rules;
  std::string asset;  ///< of all events; "": kAssetColumn
  /// False where Snap does not count what is sent: repeats of what was sent before are absorbed, and what
  /// passes leaves no trace.
  bool remember = true;
};

/// Absorbs events that were sent before, by any of the keys, so that each is sent once however often it is
/// read. An event is a repeat when one with the same key was let pass whose event time is less than `within`
/// away (PassedKeys). Only what the sink sends is remembered: what it refuses or finds late passes without a
/// trace, and so do tombstones; what Snap refuses is forgotten before the state is written (TakeBack);
/// repeats of one key leave no trace under another.
///
/// Rows that are behind the watermark by `rules.max_age` + `rules.max_ahead` are late: what they might repeat
/// is forgotten, and by the clock they would be too old for Snap. A key is remembered for that and its
/// `within`.
///
/// The rows come out WithoutEmptyValues and with kCheckedColumn: the sink does not check them again, and the
/// event_id of a row does not change with what is absorbed before it. `store` null: only checks. `clock`
/// outlives it.
Result<std::unique_ptr<Operator>> MakeConversionRepeats(ConversionRepeatsOptions options,
                                                        const std::shared_ptr<arrow::Schema>& fields,
                                                        StateStore* store, const Clock& clock);

}  // namespace millrace
