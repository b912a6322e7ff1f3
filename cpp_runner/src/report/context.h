// The `context` of every report: what a reader needs in order to trust the figures.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/model.h"

namespace edgekit {

[[nodiscard]] nlohmann::ordered_json runtime_context();
[[nodiscard]] nlohmann::ordered_json model_context(const Model& model);

// {"schema_version": ..., "context": ..., "results": ...} as text.
[[nodiscard]] std::string document(nlohmann::ordered_json context, nlohmann::ordered_json results);

// The most memory this process has had resident, in bytes.
[[nodiscard]] std::size_t peak_rss_bytes();

}  // namespace edgekit
