#include "format/signature.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>

#include "core/digest.h"

namespace edgekit {
namespace {

constexpr std::size_t kLongestPem = std::size_t{1} << 16;
constexpr const char* kMakeKey = "; make it: openssl pkey -in key.pem -pubout -out public.pem";

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string short_key(std::span<const std::byte> key) {
  return to_hex(key.first(8)) + "…";
}

bool is_signed(std::span<const std::byte> signature, std::span<const std::byte> message, const PublicKey& key) {
  const std::unique_ptr<EVP_PKEY, Free> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(key), key.size()));
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  const bool right =
      pkey && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
      EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
  ERR_clear_error();
  return right;
}

}  // namespace

Result<PublicKey> parse_public_key(std::string_view pem) {
  if (pem.size() > kLongestPem) {
    return usage_error("the public key has more than " + std::to_string(kLongestPem) +
                       " bytes; expected the text of a PEM file");
  }
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return usage_error(std::string("the public key is a private key; expected the public key that belongs to it") +
                       kMakeKey);
  }
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char passphrase[] = "";  // so that OpenSSL does not ask for one
  const std::unique_ptr<EVP_PKEY, Free> read(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, passphrase)
                                                 : nullptr);
  ERR_clear_error();
  if (!read) return usage_error(std::string("the public key is not a public key in a PEM file") + kMakeKey);
  PublicKey key;
  std::size_t size = key.size();
  if (EVP_PKEY_id(read.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(read.get(), reinterpret_cast<unsigned char*>(key.data()), &size) != 1) {
    return usage_error("the public key is of another kind; expected Ed25519, the key of who signed the package");
  }
  return key;
}

Status check_signature(std::span<const std::byte> record, std::span<const std::byte> manifest, const PublicKey& key,
                       const std::string& path) {
  if (record.empty()) {
    return package_error(path + " is not signed; expected a signature by the key " + short_key(key) +
                         "; get the signed package from who made it, or sign your own with edgekit sign");
  }
  const auto signer = record.first(key.size());
  if (!std::equal(signer.begin(), signer.end(), key.begin())) {
    return package_error(path + " is signed by the key " + short_key(signer) + "; expected the key " + short_key(key) +
                         "; get the package from the owner of that key, or give the public key of who signed it");
  }
  if (is_signed(record.subspan(key.size()), manifest, key)) return {};
  return package_error(path +
                       ": the signature does not fit the manifest; one of them was changed after signing, or is from "
                       "another package; get the signed package again from who made it");
}

}  // namespace edgekit
