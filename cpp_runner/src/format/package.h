// A model file on disk: its kind, and the manifest, labels and golden cases of a package.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "format/archive.h"
#include "format/golden.h"
#include "format/manifest.h"
#include "format/signature.h"

namespace edgekit {

enum class ModelKind { kLiteZip, kLiteFlatbuffer, kTorchScript };
[[nodiscard]] std::string_view model_kind_name(ModelKind kind);

struct Package {
  std::string path;
  ModelKind kind = ModelKind::kLiteZip;
  std::shared_ptr<const MappedFile> file;
  std::optional<Archive> archive;  // nothing for a flatbuffer
  std::optional<Manifest> manifest;
  std::vector<std::string> labels;
  std::vector<GoldenCase> goldens;
  std::string manifest_text;  // empty without a manifest
  std::string signed_by;      // the public key in the signature, in hex; empty without one

  // Releases the file after loading, so that replacing it does not affect the model.
  void close() {
    archive.reset();
    file.reset();
  }
};

// Reads the container and the manifest; does not touch libtorch. With a key, it first checks that its owner signed the
// package; check_digests then checks the records.
[[nodiscard]] Result<Package> open_package(const std::string& path, const std::optional<PublicKey>& key = std::nullopt);
// The same for an open file; `path` is its name in messages.
[[nodiscard]] Result<Package> open_package(std::shared_ptr<const MappedFile> file, const std::string& path,
                                           const std::optional<PublicKey>& key);

// Checks the signature and the digests of a package.
[[nodiscard]] Status check_signed_package(const std::string& path, const PublicKey& key);

// What identifies the content of a model file, in hex: the SHA-256 of its manifest, else of the whole file.
[[nodiscard]] Result<std::string> fingerprint(const std::string& path);

// Compares every record with the manifest: the same names, the same SHA-256. Passes where there is no manifest.
[[nodiscard]] Status check_digests(const Package& package);

}  // namespace edgekit
