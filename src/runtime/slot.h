#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace millrace {

/// The identity of one worker on one machine: transactional.id = <app>-<node>-<slot>. Stable over restarts,
/// so that a restarted worker fences what its predecessor left at once instead of waiting for a timeout.
///
/// Holds a file lock under "<state_dir>/<app>/slots" as long as it lives.
class Slot {
 public:
  /// Takes the first free slot, or exactly `wanted` (MILLRACE_SLOT).
  /// Errors: kAlreadyExists when `wanted` is held by another process, with its pid; kIo for the directory.
  static Result<std::unique_ptr<Slot>> Acquire(const std::string& app_dir, const std::string& app,
                                               std::optional<int> wanted);
  virtual ~Slot() = default;

  /// The part of a slot's id that names the machine's state directory; "" when `id` is not of a slot of
  /// `app`.
  static std::string NodeOf(const std::string& app, const std::string& id);

  virtual const std::string& transactional_id() const = 0;
  virtual int number() const = 0;
};

}  // namespace millrace
