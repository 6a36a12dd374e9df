#include "checkpoint/placed_tensors.h"

#include <algorithm>
#include <array>

namespace wavestride::detail {

// The elements of a tensor in C order are runs of neighbours in the file.
struct PlacedTensors::Place {
  Index begin;
  std::vector<Index> shape, stride;  // of the runs, in bytes
  Index run;                         // bytes
  std::vector<std::byte> values;

  explicit Place(PlacedTensor tensor)
      : begin(tensor.begin),
        shape(tensor.info.shape),
        stride(std::move(tensor.stride)),
        run(dtype_size(tensor.info.dtype)),
        values(std::move(tensor.values)) {
    const Index element = run;
    if (stride.empty()) {
      run *= tensor.info.elements;
      shape.clear();
    }
    for (Index& step : stride) step *= element;
    while (!shape.empty() && (shape.back() == 1 || stride.back() == run)) {
      run *= shape.back();
      shape.pop_back();
      stride.pop_back();
    }
  }

  Index runs() const {
    Index count = 1;
    for (const Index size : shape) count *= size;
    return count;
  }

  Index begin_of_run(Index n) const {
    Index at = begin;
    for (std::size_t d = shape.size(); d-- > 0; n /= shape[d]) at += n % shape[d] * stride[d];
    return at;
  }
};

namespace {

// Short pieces that lie near each other are read at once.
class Window {
 public:
  static constexpr Index most = 4096;

  explicit Window(const InputFile& file) : file_(file) {}

  /// At most `most` bytes, until the next call.
  std::span<const std::byte> at(Index begin, Index size) {
    if (begin < begin_ || begin + size > begin_ + held_) {
      begin_ = begin;
      held_ = std::clamp(file_.size() - begin, size, most);
      file_.read_at(begin, std::span(bytes_).first(static_cast<std::size_t>(held_)));
    }
    return std::span(bytes_).subspan(static_cast<std::size_t>(begin - begin_),
                                     static_cast<std::size_t>(size));
  }

 private:
  const InputFile& file_;
  std::array<std::byte, most> bytes_;
  Index begin_ = 0, held_ = 0;
};

}  // namespace

PlacedTensors::~PlacedTensors() = default;

PlacedTensors::PlacedTensors(std::string format, std::unique_ptr<InputFile> file,
                             std::vector<PlacedTensor> tensors, std::map<std::string, std::string> metadata)
    : TensorFile(file->path(), std::move(format)), file_(std::move(file)) {
  // Tied weights and copies of a network under two names share storages; nothing shares them many times over.
  constexpr Index copies = 16, always = 1 << 20;
  const Index most = std::max(always, copies * file_->size());
  Index total = 0;
  std::vector<TensorInfo> infos;
  infos.reserve(tensors.size());
  places_.reserve(tensors.size());
  for (PlacedTensor& t : tensors) {
    const Index bytes = t.info.elements * dtype_size(t.info.dtype);
    file_->require(bytes <= most - total, "its tensors add up to more than ", copies, " times the file at \"",
                   t.info.name, "\" ", shape_string(t.info.shape));
    total += bytes;
    infos.push_back(t.info);
    places_.emplace_back(std::move(t));
  }
  set_directory(std::move(infos), std::move(metadata));
}

void PlacedTensors::visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const {
  const Place& place = places_[i];
  if (!place.values.empty()) return take(place.values);
  if (place.shape.empty()) return file_->visit(place.begin, place.run, take);
  Window window(*file_);
  for (Index n = 0; n < place.runs(); ++n) {
    const Index begin = place.begin_of_run(n);
    place.run <= Window::most ? take(window.at(begin, place.run)) : file_->visit(begin, place.run, take);
  }
}

}  // namespace wavestride::detail
