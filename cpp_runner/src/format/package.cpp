#include "format/package.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/digest.h"
#include "core/parallel.h"
#include "format/labels.h"

namespace edgekit {
namespace {

constexpr std::ptrdiff_t kMostLabels = std::ptrdiff_t{1} << 20;
constexpr std::size_t kLongestText = std::size_t{64} << 20;  // the largest text that a reader parses
// Where hashing takes longer than starting threads, and more threads than these wait for memory.
constexpr std::size_t kParallelBytes = std::size_t{4} << 20;
constexpr int kMostHashThreads = 4;

using NamedRecord = std::pair<const std::string, Record>;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_flatbuffer(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 && as_text(bytes.subspan(4, 4)) == "PTMF";
}

Result<ModelKind> zip_kind(const Archive& archive, const std::string& path) {
  if (archive.find("bytecode.pkl")) return ModelKind::kLiteZip;
  for (const auto& [name, record] : archive.records()) {
    if (name.starts_with("code/")) return ModelKind::kTorchScript;
  }
  if (archive.find("data.pkl")) {
    return package_error(path + " is a plain torch.save file (a state dict?), not a model; export it with edgekit");
  }
  return package_error(path + " is a zip file without a PyTorch model; export the model with edgekit");
}

std::string_view text_of(const Package& package, std::string_view record) {
  const auto bytes = package.archive->find(record);
  return bytes ? as_text(*bytes) : std::string_view();
}

Status check_records(const Package& package) {
  for (const std::string_view name : {kManifestRecord, kGoldenRecord, kLabelsRecord}) {
    const auto record = package.archive->find(name);
    if (!record || record->size() <= kLongestText) continue;
    return package_error(package.path + ": record " + std::string(name) + " has " + std::to_string(record->size()) +
                         " bytes; at most " + std::to_string(kLongestText) + " are read");
  }
  // The records without a digest.
  for (const std::string_view name : {kManifestRecord, kSerializationIdRecord, kSignatureRecord}) {
    const auto found = package.archive->records().find(name);
    if (found == package.archive->records().end() || crc32(found->second.bytes) == found->second.crc) continue;
    return package_error(package.path + ": record " + std::string(name) +
                         " is damaged: its CRC-32 differs; copy or export the model again");
  }
  const auto signature = package.archive->find(kSignatureRecord);
  if (!signature || signature->size() == kSignatureBytes) return {};
  return package_error(package.path + ": record " + std::string(kSignatureRecord) + " has " +
                       std::to_string(signature->size()) + " bytes; expected " + std::to_string(kSignatureBytes) +
                       "; sign the package again, or get it again from who made it");
}

// Checks the signature before anything is parsed, if a key is trusted.
Status read_signature(Package& package, const std::optional<PublicKey>& key) {
  const auto manifest = package.archive ? package.archive->find(kManifestRecord) : std::nullopt;
  const auto record = manifest ? package.archive->find(kSignatureRecord) : std::nullopt;
  if (record) package.signed_by = to_hex(record->first(PublicKey().size()));
  if (!key) return {};
  return check_signature(record.value_or(std::span<const std::byte>()), manifest.value_or(std::span<const std::byte>()),
                         *key, package.path);
}

Status read_edgekit_records(Package& package, const std::optional<PublicKey>& key) {
  if (!package.archive->find(kManifestRecord)) return read_signature(package, key);
  EK_RETURN_IF_ERROR(check_records(package));
  EK_RETURN_IF_ERROR(read_signature(package, key));
  package.manifest_text = text_of(package, kManifestRecord);
  auto manifest = parse_manifest(package.manifest_text);
  if (!manifest.ok()) return {manifest.status().code(), package.path + ": " + manifest.status().message()};
  package.manifest = std::move(*manifest);
  if (package.archive->find(kGoldenRecord)) {
    auto goldens = parse_golden(text_of(package, kGoldenRecord));
    if (!goldens.ok()) return {goldens.status().code(), package.path + ": " + goldens.status().message()};
    package.goldens = std::move(*goldens);
  }
  const std::string_view labels = text_of(package, kLabelsRecord);
  if (std::any_of(labels.begin(), labels.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7f; })) {
    return package_error(package.path + ": the labels are not ASCII; export the model again");
  }
  if (std::count(labels.begin(), labels.end(), '\n') > kMostLabels) {
    return package_error(package.path + ": there are more than " + std::to_string(kMostLabels) +
                         " labels; export the model again");
  }
  package.labels = parse_labels(labels);
  return {};
}

// The SHA-256 of each record, in the order of `records`.
std::vector<std::string> digests_of(const std::vector<const NamedRecord*>& records) {
  std::size_t total = 0;
  for (const NamedRecord* record : records) total += record->second.bytes.size();
  std::vector<std::string> digests(records.size());
  for_each_index(records.size(), total < kParallelBytes ? 1 : std::min(core_count(), kMostHashThreads),
                 [&](std::size_t i) { digests[i] = sha256_hex(records[i]->second.bytes); });
  return digests;
}

}  // namespace

std::string_view model_kind_name(ModelKind kind) {
  switch (kind) {
    case ModelKind::kLiteZip:
      return "lite";
    case ModelKind::kLiteFlatbuffer:
      return "lite flatbuffer";
    case ModelKind::kTorchScript:
      break;
  }
  return "torchscript";
}

Result<Package> open_package(const std::string& path, const std::optional<PublicKey>& key) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return Status(Code::kBadPackage, file.status().message());
  return open_package(*file, path, key);
}

Result<Package> open_package(std::shared_ptr<const MappedFile> file, const std::string& path,
                             const std::optional<PublicKey>& key) {
  Package package;
  package.path = path;
  package.file = std::move(file);
  const auto bytes = package.file->bytes();
  if (bytes.empty()) return package_error(path + " is empty");
  if (is_flatbuffer(bytes)) {
    package.kind = ModelKind::kLiteFlatbuffer;
    EK_RETURN_IF_ERROR(read_signature(package, key));
    return package;
  }
  if (!Archive::looks_like_zip(bytes)) {
    return package_error(path + " is not a PyTorch model: expected a zip archive or a lite flatbuffer");
  }
  EK_ASSIGN(package.archive, Archive::open(package.file, path));
  EK_ASSIGN(package.kind, zip_kind(*package.archive, path));
  EK_RETURN_IF_ERROR(read_edgekit_records(package, key));
  return package;
}

Status check_signed_package(const std::string& path, const PublicKey& key) {
  EK_ASSIGN(const Package package, open_package(path, key));
  return check_digests(package);
}

Result<std::string> fingerprint(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return Status(Code::kBadPackage, file.status().message());
  const auto bytes = (*file)->bytes();
  if (Archive::looks_like_zip(bytes)) {
    auto archive = Archive::open(*file, path);
    const auto manifest = archive.ok() ? archive->find(kManifestRecord) : std::nullopt;
    if (manifest) return sha256_hex(*manifest);
  }
  return sha256_hex(bytes);
}

Status check_digests(const Package& package) {
  if (!package.manifest) return {};
  const auto& expected = package.manifest->records;
  std::vector<const NamedRecord*> records;
  for (const auto& record : package.archive->records()) {
    if (record.first == kManifestRecord || record.first == kSerializationIdRecord || record.first == kSignatureRecord) {
      continue;
    }
    if (!expected.contains(record.first)) {
      return package_error(package.path + ": record " + record.first +
                           " is not in the manifest; export the model again");
    }
    records.push_back(&record);
  }
  for (const auto& [name, digest] : expected) {
    if (!package.archive->find(name))
      return package_error(package.path + ": record " + name + " is missing; copy or export the model again");
  }
  const std::vector<std::string> digests = digests_of(records);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::string& name = records[i]->first;
    const std::string& known = expected.at(name);
    if (digests[i] == known) continue;
    return package_error(package.path + ": record " + name + " has changed since the export (SHA-256 " + digests[i] +
                         ", the manifest has " + known + "); copy or export the model again");
  }
  return {};
}

}  // namespace edgekit
