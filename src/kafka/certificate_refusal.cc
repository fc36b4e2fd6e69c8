#include "kafka/certificate_refusal.h"

#include <array>
#include <ctime>
#include <memory>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

namespace millrace::kafka {
namespace {

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::string ToText(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 32> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  return std::string(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
}

}  // namespace

std::string DescribeRefusal(std::string_view broker, int x509_error, std::string_view der) {
  std::string text = "the certificate of broker " + std::string(broker);
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<X509, FreeCertificate> certificate(
      d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  if (certificate != nullptr) {
    std::array<char, 256> subject{};
    X509_NAME_oneline(X509_get_subject_name(certificate.get()), subject.data(), subject.size());
    text += " (" + std::string(subject.data()) + ", valid from " +
            ToText(X509_get0_notBefore(certificate.get())) + " until " +
            ToText(X509_get0_notAfter(certificate.get())) + ")";
  }
  return text + " is refused: " + X509_verify_cert_error_string(x509_error);
}

}  // namespace millrace::kafka
