#include <wavestride/checkerboard.h>

#include <algorithm>
#include <cmath>

#include "check.h"

namespace wavestride {
namespace {

double spread_db(const Eigen::RowVectorXd& gains) {
  const double low = gains.minCoeff(), high = gains.maxCoeff();
  if (low == high) return 0;
  if (low <= 0 && high >= 0) return std::numeric_limits<double>::infinity();
  return 20 * std::abs(std::log10(high / low));
}

}  // namespace

Checkerboard checkerboard(const Op& op) {
  require(op.inputs() == 1 && op.outputs() == 1 && op.streamable(),
          "checkerboard: needs an Op that streams from one input to one output, got ", op.name());
  const Index phases = op.rate().den;
  // The first period whose frames read no virtual frame, and as much input as they read.
  Index first = 0, frames = 0;
  for (bool inside = false; !inside; first += inside ? 0 : phases) {
    inside = true;
    for (Index n = first; n < first + phases; ++n) {
      const FrameRange r = op.reads(n);
      inside = inside && r.first >= 0;
      frames = std::max(frames, r.last + 1);
    }
  }
  while (op.available(frames) < first + phases) ++frames;

  const auto response = [&](float value) {
    const Signal x = Signal::Constant(op.in_channels(), frames, value);
    return Eigen::MatrixXd(op(x).middleCols(first, phases).cast<double>());
  };
  const Eigen::MatrixXd gains = response(1) - response(0);
  Checkerboard result;
  for (Index c = 0; c < gains.rows(); ++c) result.spread_db.push_back(spread_db(gains.row(c)));
  for (const double s : result.spread_db) {
    result.worst_db = std::max(result.worst_db, s);
    result.mean_db += s / static_cast<double>(result.spread_db.size());
  }
  return result;
}

}  // namespace wavestride
