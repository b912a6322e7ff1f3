// A model file as it lies on disk: its kind, and, where edgekit wrote it, its manifest, labels and golden cases.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive.h"
#include "manifest.h"
#include "status.h"

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

  [[nodiscard]] std::string_view manifest_text() const { return text_of(kManifestRecord); }
  [[nodiscard]] std::string_view golden_text() const { return text_of(kGoldenRecord); }

 private:
  [[nodiscard]] std::string_view text_of(std::string_view record) const;
};

// Reads the container and the manifest; does not touch libtorch.
[[nodiscard]] Result<Package> open_package(const std::string& path);

// Compares every record with the manifest: the same names, the same SHA-256. Passes where there is no manifest.
[[nodiscard]] Status check_digests(const Package& package);

}  // namespace edgekit
