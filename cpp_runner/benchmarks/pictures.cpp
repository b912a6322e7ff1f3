// The time of a photograph in the package of a classifier: a JPEG that is decoded at the scale of the image contract,
// and the same at full size. Both run in turn in one process, with one thread. Usage: edgekit_pictures MODEL.ptl
// PICTURE ROUNDS
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>

#include "core/tensor.h"
#include "engine/model.h"
#include "image/decode.h"

namespace {

using namespace edgekit;

template <typename T>
T need(Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.status().message().c_str());
  std::exit(static_cast<int>(result.status().code()));
}

struct Times {
  double decode_ms = 0.0;
  double predict_ms = 0.0;
};

// The time of the processor, which other processes disturb least.
double since_ms(std::clock_t start) {
  return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

Times run(Model& model, const std::string& picture, PictureUse use) {
  Times times;
  const std::clock_t start = std::clock();
  const Tensor pixels = need(decode_image(picture, use));
  times.decode_ms = since_ms(start);
  const TensorView view = pixels.view();
  const Values outputs = need(model.run("predict", {&view, 1}, {}));
  times.predict_ms = since_ms(start) - times.decode_ms;
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  LoadOptions options;
  options.threads = 1;
  const auto model = need(Model::load(argv[1], options));
  const std::uint64_t resize = model->package().manifest ? model->package().manifest->resize : 0;
  const auto both = [&] { return std::pair{run(*model, argv[2], {resize}), run(*model, argv[2], {resize, true})}; };
  (void)both();  // the warm-up
  std::printf("scaled_decode_ms,scaled_predict_ms,full_decode_ms,full_predict_ms\n");
  for (int i = std::atoi(argv[3]); i > 0; --i) {
    const auto [scaled, full] = both();
    std::printf("%.4f,%.4f,%.4f,%.4f\n", scaled.decode_ms, scaled.predict_ms, full.decode_ms, full.predict_ms);
  }
  return 0;
}
