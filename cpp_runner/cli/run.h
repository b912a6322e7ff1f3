// The two forms of run: pictures through predict, arrays through any method.
#pragma once

#include <string>
#include <vector>

#include "common.h"

namespace runner {

struct RunOptions {
  ModelOptions model;
  std::vector<std::string> pictures;
  std::size_t topk = 5;
  std::vector<std::string> inputs;
  std::string method = "forward";
  std::string output;
};

void run_pictures(const RunOptions& options);
void run_arrays(const RunOptions& options);

}  // namespace runner
