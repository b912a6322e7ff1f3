#include "format/pickles.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "format/pickle_stack.h"

namespace edgekit {
namespace {

constexpr std::string_view kSuffix = ".pkl";
constexpr std::size_t kLongest = std::size_t{64} << 20;

// Where libtorch looks for the storages of a pickle. Files of bytecode 4 keep those of bytecode.pkl apart.
std::string folder_of(const Archive& archive, std::string_view pickle) {
  if (pickle != "bytecode.pkl") return std::string(pickle.substr(0, pickle.size() - kSuffix.size())) + "/";
  const auto& records = archive.records();
  const bool apart = std::any_of(records.begin(), records.end(),
                                 [](const auto& it) { return it.first.find("bytecode/") != std::string::npos; });
  return apart ? "bytecode/" : "constants/";
}

void check_tensor(const Archive& archive, const std::string& folder, const PickledTensor& tensor) {
  const std::string name = folder + std::string(tensor.key);
  const auto found = archive.records().find(name);
  const bool is_stored = found != archive.records().end() && !found->second.compressed;
  if (!is_stored) throw BadPickle{"the storage " + name + " of a tensor is missing or compressed"};
  if (found->second.bytes.size() >= tensor.end_bytes) return;
  throw BadPickle{"record " + name + " has " + std::to_string(found->second.bytes.size()) +
                  " bytes; expected at least " + std::to_string(tensor.end_bytes) + " for its tensor"};
}

void check_pickle(const Archive& archive, const std::string& name, const Record& record) {
  if (record.compressed || record.bytes.size() > kLongest) {
    throw BadPickle{"it is compressed, or has more than " + std::to_string(kLongest) + " bytes"};
  }
  const std::string folder = folder_of(archive, name);
  PickleStack(record.bytes, [&](const PickledTensor& tensor) { check_tensor(archive, folder, tensor); }).run();
}

}  // namespace

Status check_pickles(const Package& package) {
  if (!package.archive) return {};
  for (const auto& [name, record] : package.archive->records()) {
    if (!name.ends_with(kSuffix) || name.find('/') != std::string::npos) continue;
    try {
      check_pickle(*package.archive, name, record);
    } catch (const BadPickle& bad) {
      return package_error(package.path + ": " + name + " is damaged or hostile: " + bad.why +
                           "; copy or export the model again");
    }
  }
  return {};
}

}  // namespace edgekit
