#pragma once

#include <string>
#include <string_view>

namespace millrace::kafka {

/// Why a certificate that a broker showed is refused, in words: the broker, the certificate's subject, until
/// when it is valid, and what OpenSSL found. `x509_error`: X509_V_ERR_*. `der`: the certificate.
std::string DescribeRefusal(std::string_view broker, int x509_error, std::string_view der);

}  // namespace millrace::kafka
