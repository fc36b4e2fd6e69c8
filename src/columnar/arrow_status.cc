#include "columnar/arrow_status.h"

namespace millrace {

Status FromArrow(const arrow::Status& status) {
  if (status.ok()) return Status::Ok();
  switch (status.code()) {
    case arrow::StatusCode::Invalid:
    case arrow::StatusCode::TypeError:
    case arrow::StatusCode::IndexError:
    case arrow::StatusCode::NotImplemented:
      return Status::InvalidArgument(status.message());
    case arrow::StatusCode::KeyError:
      return Status::NotFound(status.message());
    case arrow::StatusCode::AlreadyExists:
      return Status::AlreadyExists(status.message());
    case arrow::StatusCode::OutOfMemory:
      return Status::ResourceExhausted(
          status.message() + "; out of memory: give the process more, or lower `memory` of the pipeline");
    case arrow::StatusCode::CapacityError:
      return Status::ResourceExhausted(status.message());
    case arrow::StatusCode::IOError:
      return Status::Io(status.message());
    case arrow::StatusCode::Cancelled:
      return Status::Cancelled(status.message());
    default:
      return Status::Bug(status.ToString());
  }
}

}  // namespace millrace
