#include "http/test_certificate.h"

#include <memory>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "env/file.h"
#include "env/random.h"

namespace millrace {
namespace {

template <typename Type, void (*free)(Type*)>
struct Free {
  void operator()(Type* object) const { free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;

void AddExtension(X509* certificate, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  MR_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Certificate MakeCertificate(EVP_PKEY* key, const TestCertificateOptions& options) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -86'400);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.seconds);
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("millrace test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key);
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate.get(), NID_subject_alt_name, options.names);
  MR_CHECK(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

using Pem = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;

void Write(const std::string& path, BIO* pem) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(pem, &bytes);
  MR_CHECK(WriteFileAtomically(path, {bytes, static_cast<std::size_t>(size)}).ok()) << path;
}

}  // namespace

TestCertificate MakeTestCertificate(const TestCertificateOptions& options) {
  const std::string stem = testing::TempDir() + "/millrace-http-" + RandomId();
  TestCertificate files{stem + "-cert.pem", stem + "-key.pem"};
  const Key key(EVP_EC_gen("P-256"));
  MR_CHECK(key != nullptr);
  const Certificate certificate = MakeCertificate(key.get(), options);
  const Pem certificate_pem(BIO_new(BIO_s_mem()));
  const Pem key_pem(BIO_new(BIO_s_mem()));
  MR_CHECK(PEM_write_bio_X509(certificate_pem.get(), certificate.get()) == 1);
  MR_CHECK(PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  Write(files.certificate_file, certificate_pem.get());
  Write(files.key_file, key_pem.get());
  return files;
}

}  // namespace millrace
