// The masks of run PICTURE...
#include <algorithm>
#include <array>

#include "run.h"

namespace runner {

ek_status segment(ek_model* model, const char* picture, const PictureFiles& files, std::size_t most,
                  std::vector<ek_class>& classes, ek_predict_times& times) {
  const auto path = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  ek_values* raw = nullptr;
  if (const ek_status status = ek_model_segment(model, picture, path(files.mask), path(files.overlay), &raw, &times)) {
    return status;
  }
  const ValuesPtr values(raw);
  ek_tensor mask;
  check(ek_values_get(values.get(), 0, &mask, nullptr));
  std::array<std::size_t, 256> counts{};
  const auto* pixels = static_cast<const unsigned char*>(mask.data);
  for (std::size_t i = 0; i < mask.size_bytes; ++i) ++counts[pixels[i]];
  classes.clear();
  for (std::size_t index = 0; index < counts.size(); ++index) {
    if (counts[index] == 0) continue;
    const auto number = static_cast<std::int64_t>(index);
    const double share = static_cast<double>(counts[index]) / static_cast<double>(mask.size_bytes);
    classes.push_back({number, static_cast<float>(share), ek_model_label(model, number)});
  }
  std::stable_sort(classes.begin(), classes.end(),
                   [](const ek_class& a, const ek_class& b) { return a.score > b.score; });
  classes.resize(std::min(most, classes.size()));
  return EK_OK;
}

}  // namespace runner
