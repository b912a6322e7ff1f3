// A small manifest with every field that the runner reads.
#pragma once

#include <nlohmann/json.hpp>

namespace edgekit::testing {

inline nlohmann::json sample_manifest() {
  return nlohmann::json::parse(R"({
    "schema_version": "2.0", "name": "toy",
    "provenance": {"source": "toy.py:make", "weights": {"kind": "random", "seed": 0}},
    "methods": [{"name": "forward", "structure": "*",
      "inputs": [{"name": "x", "dtype": "float32", "shape": [null, 3], "low": -2.0, "high": 2.0}],
      "outputs": [{"name": "0", "dtype": "float32", "shape": [null, 2], "low": null, "high": null}]}],
    "runtime": {"pool": "xnnpack", "threads": null},
    "tolerance": {"norm": 1e-05, "max": 1e-05, "absolute": 1e-05, "loosened": false},
    "records": {}})");
}

}  // namespace edgekit::testing
