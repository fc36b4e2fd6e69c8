#pragma once

#include <string>

#include "base/duration.h"
#include "base/result.h"

namespace millrace {

/// PEM files of a certificate and of its key.
struct CertificateFiles {
  std::string certificate_file;
  std::string key_file;
};

struct SelfSignedOptions {
  /// Where both files are written, as certificate.pem and key.pem; made when it is missing.
  std::string folder;
  /// What the certificate is for, as OpenSSL writes subject alternative names.
  std::string names = "IP:127.0.0.1,DNS:localhost";
  /// From now until it ends; negative: it has ended.
  Duration life{24 * 3'600'000};
};

/// Makes a certificate that is its own authority: clients that name it as their ca_file trust it. For
/// stand-ins of services on this machine and for tests; its key is as readable as any file.
/// Errors: user error for names that are none; those of writing files.
Result<CertificateFiles> MakeSelfSignedCertificate(const SelfSignedOptions& options);

}  // namespace millrace
