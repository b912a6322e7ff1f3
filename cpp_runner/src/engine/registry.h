// The engines of a build: one row for each, in a table that the build lists explicitly.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "engine/engine.h"
#include "format/package.h"

namespace edgekit {

struct EngineFactory {
  std::string_view name;         // as reports show it: "lite"
  std::vector<ModelKind> kinds;  // the files that it runs
  Result<std::unique_ptr<Engine>> (*make)(const Package& package, const EngineOptions& options) = nullptr;
  std::string (*version)() = nullptr;                          // of its runtime: "torch 2.12.1"
  Result<std::vector<OperatorInfo>> (*operators)() = nullptr;  // null where the row of another engine lists them
  std::vector<std::string> (*quantized_engines)() = nullptr;   // of its runtime: "fbgemm"; null where it has none
};

using EngineTable = std::span<const EngineFactory>;

// The rows of this build; engine_table.cpp lists them.
[[nodiscard]] EngineTable engines_of_build();

// The rows that a build may list; each is defined beside its engine.
[[nodiscard]] EngineFactory lite_engine();
[[nodiscard]] EngineFactory torchscript_engine();

// The first row that runs the package's kind.
[[nodiscard]] Result<EngineFactory> find_engine(EngineTable engines, const Package& package);

// Fails where the runtime of the row does not have the engine that packed the package's quantized weights.
[[nodiscard]] Status check_quantized_engine(const EngineFactory& row, const Package& package);

// The runtimes of a table without repetitions: "torch 2.12.1"; "none" for an empty table.
[[nodiscard]] std::string runtime_versions(EngineTable engines);

// The operators that the engines of a table can run, sorted by name.
[[nodiscard]] Result<std::vector<OperatorInfo>> runtime_operators(EngineTable engines);

}  // namespace edgekit
