#include <wavestride/weights.h>

#include <cmath>

#include "check.h"

namespace wavestride {

LayerWeights Initialiser::layer(std::vector<Index> shape, Index bias) {
  LayerWeights w{Tensor(std::move(shape))};
  require(w.weight.shape.size() >= 2 && !w.weight.empty() && bias >= 0,
          "Initialiser: weight must have shape (out, in, …), got ", shape_string(w.weight.shape), " and ",
          bias, " biases");
  w.bias.resize(static_cast<std::size_t>(bias));
  const Index fan_in = w.weight.size() / w.weight.dim(0);
  const float bound = 1.0f / std::sqrt(static_cast<float>(fan_in));
  // 24 random bits are every float of [0, 1) that lies on a grid of 2⁻²⁴.
  const auto value = [&] {
    return bound * (2.0f * std::ldexp(static_cast<float>(rng_() >> 40), -24) - 1.0f);
  };
  for (float& v : w.weight.data) v = value();
  for (float& v : w.bias) v = value();
  return w;
}

LayerWeights icnr_init(const LayerWeights& sub, Index factor) {
  require(factor >= 1, "icnr_init: factor must be at least 1, got ", factor);
  require(!sub.weight.empty(), "icnr_init: needs a weight (out, in, kernel), got ",
          shape_string(sub.weight.shape));
  sub.weight.check();
  const auto repeated = [factor](const std::vector<float>& rows, std::size_t count) {
    const auto size = static_cast<std::ptrdiff_t>(rows.size() / std::max<std::size_t>(count, 1));
    std::vector<float> out;
    for (auto row = rows.begin(); row != rows.end(); row += size)
      for (Index i = 0; i < factor; ++i) out.insert(out.end(), row, row + size);
    return out;
  };
  std::vector<Index> shape = sub.weight.shape;
  shape[0] *= factor;
  return {Tensor(std::move(shape), repeated(sub.weight.data, static_cast<std::size_t>(sub.weight.dim(0)))),
          repeated(sub.bias, sub.bias.size())};
}

}  // namespace wavestride
