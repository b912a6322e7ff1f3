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
  std::string overlay;
};

// The files to write for a picture; "" where none is wanted.
struct MaskFiles {
  std::string mask;
  std::string overlay;
};

// Whether `predict` of the package gives the class of each pixel.
[[nodiscard]] bool gives_masks(const ek_model* model);
// The files for each picture. Throws where two have the same name, or one is read.
[[nodiscard]] std::vector<MaskFiles> mask_files(const RunOptions& options, const std::vector<std::string>& pictures);
// Runs a picture and writes its files. `classes` are those in the mask, the largest first, with their share of the
// pixels as the score.
ek_status segment(ek_model* model, const char* picture, const MaskFiles& files, std::size_t most,
                  std::vector<ek_class>& classes, ek_predict_times& times);

void run_pictures(const RunOptions& options);
void run_arrays(const RunOptions& options);

}  // namespace runner
