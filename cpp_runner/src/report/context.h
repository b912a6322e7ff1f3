// The `context` of every report: what a reader needs to judge the figures.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/model.h"

namespace edgekit {

// `runtime` is the version of the runtime, or of all runtimes where no model is loaded.
[[nodiscard]] nlohmann::ordered_json runtime_context(const std::string& runtime);
[[nodiscard]] nlohmann::ordered_json model_context(const Model& model);

// {"schema_version": ..., "context": ..., "results": ...} as text.
[[nodiscard]] std::string document(nlohmann::ordered_json context, nlohmann::ordered_json results);

// The peak of the resident memory of this process, in bytes.
[[nodiscard]] std::size_t peak_rss_bytes();

}  // namespace edgekit
