// torchvision's own library needs Python, so the runner has the two operators itself. They give what the CPU kernels of
// torchvision 0.27 give, but refuse numbers for which those would read beyond a tensor or never end.
#include "engine/vision_operators.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace edgekit {
namespace {

constexpr int64_t kMostPlaces = 1 << 22;  // along one side of a box

template <typename T>
at::Tensor chosen_boxes(const at::Tensor& boxes, const at::Tensor& scores, double threshold) {
  const at::Tensor corners = boxes.t().contiguous();  // a row for each of x1, y1, x2, y2
  const at::Tensor areas = corners[2].sub(corners[0]).mul(corners[3].sub(corners[1]));
  const at::Tensor order = std::get<1>(scores.sort(/*stable=*/true, 0, /*descending=*/true));
  const auto count = static_cast<size_t>(boxes.size(0));
  const T* x1 = corners.data_ptr<T>();
  const T *y1 = x1 + count, *x2 = y1 + count, *y2 = x2 + count;
  const T* area = areas.data_ptr<T>();
  const int64_t* ranked = order.data_ptr<int64_t>();

  std::vector<char> dropped(count, 0);
  std::vector<int64_t> kept;
  for (size_t rank = 0; rank < count; ++rank) {
    const auto best = static_cast<size_t>(ranked[rank]);
    if (dropped[best] != 0) continue;
    kept.push_back(ranked[rank]);
    for (size_t later = rank + 1; later < count; ++later) {
      const auto other = static_cast<size_t>(ranked[later]);
      if (dropped[other] != 0) continue;
      const T wide = std::max(T{0}, std::min(x2[best], x2[other]) - std::max(x1[best], x1[other]));
      const T high = std::max(T{0}, std::min(y2[best], y2[other]) - std::max(y1[best], y1[other]));
      const T shared = wide * high;
      if (static_cast<double>(shared / (area[best] + area[other] - shared)) > threshold) dropped[other] = 1;
    }
  }
  return at::tensor(kept, at::kLong);
}

at::Tensor nms(const at::Tensor& boxes, const at::Tensor& scores, double threshold) {
  TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 4, "nms: boxes have the shape ", boxes.sizes(), ", expected [N, 4]");
  TORCH_CHECK(scores.dim() == 1 && scores.size(0) == boxes.size(0), "nms: scores have the shape ", scores.sizes(),
              ", expected [", boxes.size(0), "]");
  TORCH_CHECK(boxes.scalar_type() == scores.scalar_type(), "nms: boxes are ", boxes.scalar_type(), " and scores are ",
              scores.scalar_type(), "; expected the same dtype");
  if (boxes.scalar_type() == at::kDouble) return chosen_boxes<double>(boxes, scores, threshold);
  TORCH_CHECK(boxes.scalar_type() == at::kFloat, "nms: boxes are ", boxes.scalar_type(),
              ", expected float32 or float64");
  return chosen_boxes<float>(boxes, scores, threshold);
}

// A place on one axis of a map: the elements before and after it, and how much of each counts.
template <typename T>
struct Place {
  int64_t before = 0, after = 0;
  T of_before = 0, of_after = 0;
};

// Where a box samples one axis of a map of `size` elements: `samples` places in each of `bins` bins.
template <typename T>
std::vector<Place<T>> places(T start, T bin, int64_t bins, int64_t samples, int64_t size) {
  std::vector<Place<T>> found;
  found.reserve(static_cast<size_t>(bins * samples));
  for (int64_t index = 0; index < bins * samples; ++index) {
    const T within = (static_cast<T>(index % samples) + T{0.5}) * bin / static_cast<T>(samples);
    T at = start + static_cast<T>(index / samples) * bin + within;
    Place<T> place;
    if (at >= T{-1} && at <= static_cast<T>(size)) {  // false for NaN too; elsewhere the map counts as zero
      at = std::max(at, T{0});
      place.before = std::min(static_cast<int64_t>(at), size - 1);
      place.after = std::min(place.before + 1, size - 1);
      const T rest = place.after == place.before ? T{0} : at - static_cast<T>(place.before);
      place.of_after = rest;
      place.of_before = T{1} - rest;
    }
    found.push_back(place);
  }
  return found;
}

// The number of samples in each bin.
template <typename T>
int64_t samples_of(T side, int64_t bins, int64_t wanted) {
  const T count = wanted > 0 ? static_cast<T>(wanted) : std::ceil(side / static_cast<T>(bins));
  TORCH_CHECK(count * static_cast<T>(bins) <= static_cast<T>(kMostPlaces), "roi_align: a box needs ", count,
              " samples along a side of each bin");
  return std::max<int64_t>(static_cast<int64_t>(count), 0);
}

struct Pooling {
  double scale;
  int64_t height, width, samples;
  bool aligned;
};

template <typename T>
void pool_box(const at::Tensor& map, const T* box, const Pooling& pooling, T* output) {
  const int64_t height = map.size(2), width = map.size(3), channels = map.size(1);
  TORCH_CHECK(box[0] >= T{0} && box[0] < static_cast<T>(map.size(0)), "roi_align: a box is in picture ", box[0], " of ",
              map.size(0));
  const T scale = static_cast<T>(pooling.scale), offset = pooling.aligned ? T{0.5} : T{0};
  const T left = box[1] * scale - offset, top = box[2] * scale - offset;
  T wide = box[3] * scale - offset - left, high = box[4] * scale - offset - top;
  if (!pooling.aligned) {
    wide = std::max(wide, T{1});
    high = std::max(high, T{1});
  }
  const int64_t rows = samples_of(high, pooling.height, pooling.samples);
  const int64_t columns = samples_of(wide, pooling.width, pooling.samples);
  const auto ys = places<T>(top, high / static_cast<T>(pooling.height), pooling.height, rows, height);
  const auto xs = places<T>(left, wide / static_cast<T>(pooling.width), pooling.width, columns, width);
  const T count = static_cast<T>(std::max<int64_t>(rows * columns, 1));
  const T* plane = map.data_ptr<T>() + static_cast<int64_t>(box[0]) * channels * height * width;
  for (int64_t channel = 0; channel < channels; ++channel, plane += height * width) {
    for (int64_t bin = 0; bin < pooling.height * pooling.width; ++bin) {
      const auto* y = ys.data() + bin / pooling.width * rows;
      T sum = 0;
      for (const auto* last_y = y + rows; y != last_y; ++y) {
        const T *before = plane + y->before * width, *after = plane + y->after * width;
        const auto* x = xs.data() + bin % pooling.width * columns;
        for (const auto* last_x = x + columns; x != last_x; ++x) {
          sum += y->of_before * x->of_before * before[x->before] + y->of_before * x->of_after * before[x->after] +
                 y->of_after * x->of_before * after[x->before] + y->of_after * x->of_after * after[x->after];
        }
      }
      *output++ = sum / count;
    }
  }
}

template <typename T>
void pool_boxes(const at::Tensor& map, const at::Tensor& boxes, const Pooling& pooling, at::Tensor& output) {
  const int64_t stride = output.numel() / boxes.size(0);
  for (int64_t index = 0; index < boxes.size(0); ++index) {
    pool_box(map, boxes.data_ptr<T>() + 5 * index, pooling, output.data_ptr<T>() + stride * index);
  }
}

at::Tensor roi_align(const at::Tensor& map, const at::Tensor& boxes, double scale, int64_t height, int64_t width,
                     int64_t samples, bool aligned) {
  TORCH_CHECK(map.dim() == 4, "roi_align: the map has the shape ", map.sizes(), ", expected [N, C, H, W]");
  TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 5, "roi_align: boxes have the shape ", boxes.sizes(),
              ", expected [K, 5]");
  TORCH_CHECK(map.scalar_type() == boxes.scalar_type(), "roi_align: the map is ", map.scalar_type(), " and boxes are ",
              boxes.scalar_type(), "; expected the same dtype");
  TORCH_CHECK(height > 0 && width > 0 && height <= kMostPlaces && width <= kMostPlaces,
              "roi_align: the pooled size is ", height, " x ", width);
  at::Tensor output = at::zeros({boxes.size(0), map.size(1), height, width}, map.options());
  if (output.numel() == 0) return output;
  TORCH_CHECK(map.numel() > 0, "roi_align: the map has the shape ", map.sizes(), " and no elements");
  const Pooling pooling{scale, height, width, samples, aligned};
  if (map.scalar_type() == at::kDouble) {
    pool_boxes<double>(map.contiguous(), boxes.contiguous(), pooling, output);
  } else {
    TORCH_CHECK(map.scalar_type() == at::kFloat, "roi_align: the map is ", map.scalar_type(),
                ", expected float32 or float64");
    pool_boxes<float>(map.contiguous(), boxes.contiguous(), pooling, output);
  }
  return output;
}

// Without one it would end the process to load torchvision after this library.
std::unique_ptr<torch::Library> registered() {
  auto& known = c10::Dispatcher::singleton();
  if (known.findSchema({"torchvision::nms", ""}) || known.findSchema({"torchvision::roi_align", ""})) return nullptr;
  std::unique_ptr<torch::Library> library(new torch::Library(torch::Library::FRAGMENT, "torchvision", {}, __FILE__, 0));
  library->def("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor", nms);
  library->def(
      "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, int "
      "sampling_ratio, "
      "bool aligned) -> Tensor",
      roi_align);
  return library;
}

}  // namespace

bool lacks_vision_operators(const std::exception& error) {
  return std::string_view(error.what()).find("torchvision::") != std::string_view::npos;
}

void register_vision_operators() {
  static const std::unique_ptr<torch::Library> kLibrary = registered();
}

}  // namespace edgekit
