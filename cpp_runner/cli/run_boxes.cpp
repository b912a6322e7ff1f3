// The boxes of run PICTURE...
#include <limits>
#include <span>

#include "run.h"

namespace runner {

ek_status detect(ek_model* model, const char* picture, const PictureFiles& files, const RunOptions& options,
                 std::vector<Box>& boxes, ek_predict_times& times) {
  const std::size_t most = options.topk == 0 ? std::numeric_limits<std::size_t>::max() : options.topk;
  const char* overlay = files.overlay.empty() ? nullptr : files.overlay.c_str();
  ek_values* raw = nullptr;
  if (const ek_status status = ek_model_detect(model, picture, options.min_score, most, overlay, &raw, &times)) {
    return status;
  }
  const ValuesPtr values(raw);
  std::array<ek_tensor, 3> tensors{};  // boxes, labels, scores
  for (std::size_t i = 0; i < tensors.size(); ++i) check(ek_values_get(values.get(), i, &tensors[i], nullptr));
  const auto count = static_cast<std::size_t>(tensors[1].shape[0]);
  const std::span edges(static_cast<const float*>(tensors[0].data), 4 * count);
  const std::span labels(static_cast<const std::int64_t*>(tensors[1].data), count);
  const std::span scores(static_cast<const float*>(tensors[2].data), count);
  for (std::size_t i = 0; i < count; ++i) {
    boxes.push_back({{labels[i], scores[i], ek_model_label(model, labels[i])},
                     {edges[4 * i], edges[4 * i + 1], edges[4 * i + 2], edges[4 * i + 3]}});
  }
  return EK_OK;
}

}  // namespace runner
