#include "http/self_signed.h"

#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "env/file.h"

namespace millrace {
namespace {

template <typename Type, void (*free)(Type*)>
struct Free {
  void operator()(Type* object) const { free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION, X509_EXTENSION_free>>;
using Pem = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;

constexpr long kClockSkew_s = 86'400;

/// Errors: user error for a value that OpenSSL does not take.
Status AddExtension(X509* certificate, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  if (extension == nullptr) {
    return Status::InvalidArgument("a certificate cannot be for '" + value +
                                   "'; write names such as IP:127.0.0.1,DNS:localhost");
  }
  MR_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
  return Status::Ok();
}

Result<Certificate> MakeCertificate(EVP_PKEY* key, const SelfSignedOptions& options) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kClockSkew_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), static_cast<long>(options.life.count() / 1000));
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("millrace stand-in"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key);
  MR_RETURN_IF_ERROR(AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE"));
  MR_RETURN_IF_ERROR(AddExtension(certificate.get(), NID_subject_alt_name, options.names));
  MR_CHECK(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

Status Write(const std::string& path, BIO* pem) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(pem, &bytes);
  return WriteFileAtomically(path, {bytes, static_cast<std::size_t>(size)});
}

}  // namespace

Result<CertificateFiles> MakeSelfSignedCertificate(const SelfSignedOptions& options) {
  const Key key(EVP_EC_gen("P-256"));
  MR_CHECK(key != nullptr);
  MR_ASSIGN_OR_RETURN(const Certificate certificate, MakeCertificate(key.get(), options));
  const Pem certificate_pem(BIO_new(BIO_s_mem()));
  const Pem key_pem(BIO_new(BIO_s_mem()));
  MR_CHECK(PEM_write_bio_X509(certificate_pem.get(), certificate.get()) == 1);
  MR_CHECK(PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  MR_RETURN_IF_ERROR(CreateDirectories(options.folder));
  CertificateFiles files{options.folder + "/certificate.pem", options.folder + "/key.pem"};
  MR_RETURN_IF_ERROR(Write(files.certificate_file, certificate_pem.get()));
  MR_RETURN_IF_ERROR(Write(files.key_file, key_pem.get()));
  return files;
}

}  // namespace millrace
