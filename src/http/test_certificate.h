#pragma once

#include <string>

#include "http/self_signed.h"

namespace millrace {

using TestCertificate = CertificateFiles;

struct TestCertificateOptions {
  std::string names = "IP:127.0.0.1,DNS:localhost";
  /// Seconds from now until it ends; negative: it has ended.
  long seconds = 3'600;
};

/// Makes one in the folder of temporary files of the tests; the files stay for the process.
TestCertificate MakeTestCertificate(const TestCertificateOptions& options = {});

}  // namespace millrace
