// The two forms of run: pictures through predict, arrays through any method.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "common.h"

namespace runner {

struct RunOptions {
  ModelOptions model;
  std::vector<std::string> pictures;
  std::size_t topk = 0;    // 0: the default of what predict gives
  double min_score = 0.5;  // of boxes
  bool min_score_given = false;
  std::vector<std::string> inputs;
  std::string method = "forward";
  std::string output;
  std::string overlay;
};

inline constexpr std::size_t kMostLabels = 5;  // of a picture, unless the user asks for more

// The files to write for a picture; "" where none is wanted.
struct PictureFiles {
  std::string mask;
  std::string overlay;
};

// The files for each picture. Throws where two have the same name, or one is read.
[[nodiscard]] std::vector<PictureFiles> picture_files(const RunOptions& options,
                                                      const std::vector<std::string>& pictures);
// Runs a picture and writes its files. `classes` are those in the mask, the largest first, with their share of the
// pixels as the score.
ek_status segment(ek_model* model, const char* picture, const PictureFiles& files, std::size_t most,
                  std::vector<ek_class>& classes, ek_predict_times& times);

struct Box {
  ek_class found;
  std::array<float, 4> edges;  // left, top, right, bottom
};

// Runs a picture of a detector and writes the picture with its boxes. `boxes` are those with the least score, best
// first.
ek_status detect(ek_model* model, const char* picture, const PictureFiles& files, const RunOptions& options,
                 std::vector<Box>& boxes, ek_predict_times& times);

void run_pictures(const RunOptions& options);
void run_arrays(const RunOptions& options);

}  // namespace runner
