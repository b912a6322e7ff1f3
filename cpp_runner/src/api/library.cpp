// The calls that need no loaded model.
#include <cstdlib>

#include "api/handles.h"
#include "core/compatibility.h"
#include "core/memory.h"
#include "core/version.h"
#include "report/reports.h"

using namespace edgekit::api;
using edgekit::Status;

const char* ek_version(void) {
  return edgekit::kVersion;
}

ek_status ek_check_version(int32_t major, int32_t minor, int32_t patch) {
  return guarded([&]() -> Status {
    constexpr edgekit::Version kLibrary{EDGEKIT_VERSION_MAJOR, EDGEKIT_VERSION_MINOR, EDGEKIT_VERSION_PATCH};
    if (edgekit::fits(kLibrary, {major, minor, patch})) return {};
    return edgekit::usage_error("the program was compiled with edgekit " + std::to_string(major) + "." +
                                std::to_string(minor) + "." + std::to_string(patch) + " and runs with " +
                                edgekit::kVersion + ", which does not fit; compile the program again");
  });
}

ek_status ek_keep_freed_memory(void) {
  return guarded([] { return edgekit::keep_freed_memory(); });
}

void ek_string_free(char* text) {
  std::free(text);
}

ek_status ek_operators(char** json) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(json));
    EK_ASSIGN(const std::string text, edgekit::operators_report());
    return give_text(text, json);
  });
}

ek_status ek_fingerprint(const char* path, char** hex) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, hex));
    EK_ASSIGN(const std::string text, edgekit::fingerprint(path));
    return give_text(text, hex);
  });
}

ek_status ek_check_signature(const char* path, const char* public_key) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, public_key));
    EK_ASSIGN(const edgekit::PublicKey key, edgekit::parse_public_key(public_key));
    return edgekit::check_signed_package(path, key);
  });
}

ek_status ek_inspect(const char* path, char** json) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, json));
    EK_ASSIGN(const std::string text, edgekit::inspect_report(path));
    return give_text(text, json);
  });
}
