// Owners of library handles, for the test programs that include only the public header.
#pragma once

#include <edgekit/edgekit.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace edgekit::testing {

struct ModelDeleter {
  void operator()(ek_model* model) const { ek_model_destroy(model); }
};
struct ValuesDeleter {
  void operator()(ek_values* values) const { ek_values_destroy(values); }
};
using ModelPtr = std::unique_ptr<ek_model, ModelDeleter>;
using ValuesPtr = std::unique_ptr<ek_values, ValuesDeleter>;

inline void check(ek_status status) {
  if (status == EK_OK) return;
  std::fprintf(stderr, "%s\n", ek_last_error());
  std::exit(status);
}

}  // namespace edgekit::testing
