#include "format/pickles.h"
#include "report/context.h"
#include "report/reports.h"

namespace edgekit {

using nlohmann::ordered_json;

Result<std::string> inspect_report(const std::string& path) {
  EK_ASSIGN(const Package package, open_package(path));
  EK_RETURN_IF_ERROR(check_pickles(package));
  ordered_json records = ordered_json::array();
  if (package.archive) {
    for (const auto& [name, record] : package.archive->records()) {
      records.push_back({{"name", name}, {"size_bytes", record.bytes.size()}});
    }
  }
  ordered_json result{
      {"kind", model_kind_name(package.kind)},
      {"size_bytes", package.file->bytes().size()},
      {"labels", package.labels.size()},
      {"records", std::move(records)},
      {"signed_by", package.signed_by.empty() ? ordered_json(nullptr) : ordered_json(package.signed_by)},
      {"manifest", nullptr}};
  if (package.manifest) {
    ordered_json signatures = ordered_json::array();
    for (const MethodSpec& method : package.manifest->methods) {
      signatures.push_back(describe(method) + (method.structure ? "" : " in one case: they depend on the data"));
    }
    result["signatures"] = std::move(signatures);
    result["unproven"] = package.manifest->unproven();
    result["ranges_proved"] = package.manifest->ranges_are_proved();
    // The parser of ordered_json is quadratic in the keys of an object.
    result["manifest"] = nlohmann::json::parse(package.manifest_text);
  }
  return document(runtime_context(runtime_versions(engines_of_build())), ordered_json::array({result}));
}

Result<std::string> operators_report() {
  const EngineTable engines = engines_of_build();
  EK_ASSIGN(const auto operators, runtime_operators(engines));
  ordered_json results = ordered_json::array();
  for (const auto& [name, arguments] : operators) {
    results.push_back({{"name", name}, {"arguments", arguments ? ordered_json(*arguments) : ordered_json(nullptr)}});
  }
  return document(runtime_context(runtime_versions(engines)), std::move(results));
}

}  // namespace edgekit
