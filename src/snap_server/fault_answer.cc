#include "snap_server/fault_answer.h"

#include "base/check.h"

namespace millrace::snap {

HttpResponse FaultAnswer(Fault fault, const ApiRequest& request) {
  switch (fault) {
    case Fault::k429:
      return Refuse(request, {429, "Too many requests", "E4290"});
    case Fault::k500:
      return Refuse(request, {500, "internal error", "E1000"});
    case Fault::k503:
      return {503, "upstream connect error\n"};  // of a proxy in front of the API: no JSON
    case Fault::kInvalid:
      return Refuse(request, {200, "Events could not be processed; nothing was taken", "E1000"});
    case Fault::kExpired:
      return Unauthorized(request, "The access token expired");
    case Fault::kInvalidToken:  // users report that of tokens that were replaced
      return Refuse(request, {400, "Invalid access token", "E1001"});
    case Fault::kSlow:
    case Fault::kCut:
      break;
  }
  MR_CHECK(false) << "a fault that comes after the answer";
  return {};
}

}  // namespace millrace::snap
