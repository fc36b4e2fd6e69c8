#include "http/test_certificate.h"

#include <gtest/gtest.h>

#include "env/random.h"

namespace millrace {

TestCertificate MakeTestCertificate(const TestCertificateOptions& options) {
  const std::string folder = testing::TempDir() + "/millrace-http-" + RandomId();
  return *MakeSelfSignedCertificate({folder, options.names, Duration(options.seconds * 1000)});
}

}  // namespace millrace
