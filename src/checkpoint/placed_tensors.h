// PlacedTensors: tensors that lie at places in a file, in any strides, and may share them.
#pragma once

#include <wavestride/tensor_file.h>

#include <memory>

#include "input_file.h"

namespace wavestride::detail {

struct PlacedTensor {
  TensorInfo info;
  Index begin = 0;                 ///< of element (0, 0, …), in bytes of the file
  std::vector<Index> stride = {};  ///< in elements, of each dimension; empty: C order
  /// Where values can't be read as they lie in the file: all of them, in C order.
  std::vector<std::byte> values = {};
};

class PlacedTensors final : public TensorFile {
 public:
  /// What is placed lies within the file. Throws IoError when one name comes twice, and when tensors that
  /// overlap add up to far more than the file holds, as in one value repeated to a matrix of millions.
  PlacedTensors(std::string format, std::unique_ptr<InputFile> file, std::vector<PlacedTensor> tensors,
                std::map<std::string, std::string> metadata);
  ~PlacedTensors() override;

 private:
  struct Place;
  void visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const override;

  std::unique_ptr<InputFile> file_;
  std::vector<Place> places_;
};

}  // namespace wavestride::detail
