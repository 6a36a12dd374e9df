// EnCodec (Défossez et al. 2022), of one channel, causal or not. The decoder: sums of codebook rows, an LSTM
// beside itself, and transposed convolutions with residual blocks behind; the encoder the same the other way
// round. What stands before the first frame is its reflection, and behind the last so much of it that strides
// leave nothing over.
#include <wavestride/activation.h>
#include <wavestride/compose.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/embedding.h>
#include <wavestride/lstm.h>
#include <wavestride/stack.h>

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "models/architecture.h"
#include "models/residual_quantiser.h"

namespace wavestride::models {
namespace {

/// How a recipe names its tensors: {i} is the place of a layer, {q} the number of a book.
struct Spelling {
  const char* layers;          // what the names of all layers begin with
  const char *conv, *up;       // what those of convolutions and transposed ones end with
  const char *books, *values;  // before and behind {q}
  const char* encoder_layers;  // `layers` of the other half

  std::string layer(Index i) const { return message(layers, i); }
  std::string conv_at(Index i) const { return layer(i) + conv; }
  std::string up_at(Index i) const { return layer(i) + up; }
  std::string conv_of(Index i, const char* part) const { return layer(i) + part + conv; }
  std::string lstm(Index i, const char* what, Index n) const {
    return message(layers, i, ".lstm.", what, "_l", n);
  }
  std::string book(Index q) const { return message(books, q, values); }
  /// Layers that it has for certain.
  std::vector<std::string> anchors() const { return {conv_at(0), up_at(3)}; }
  Spelling of_encoder() const {
    Spelling s = *this;
    s.layers = encoder_layers;
    return s;
  }
};

constexpr Spelling spellings[] = {
    {"decoder.model.", ".conv.conv", ".convtr.convtr", "quantizer.vq.layers.", "._codebook.embed",
     "encoder.model."},  // Meta's
    {"decoder.layers.", ".conv", ".conv", "quantizer.layers.", ".codebook.embed",
     "encoder.layers."},  // transformers'
};

struct Found {
  const Spelling* spelling;
  std::string prefix;
};

std::optional<Found> find(const TensorFile& file) {
  for (const Spelling& s : spellings)
    for (const std::string& prefix : prefixes_of(file, s.anchors()))
      if (file.find(prefix + s.lstm(1, "weight_ih", 0)) != nullptr) return Found{&s, prefix};
  return {};
}

// ---- What a file says of itself ----

/// Of Meta's network at 24 kHz, whose file has no config.
constexpr Index usual_rate = 24'000, usual_hop = 320;
constexpr Index usual_hidden = 128, usual_filters = 32, usual_lstms = 2, usual_codes = 1024;
const std::vector<Index> usual_ratios{8, 5, 4, 2};
const std::vector<double> usual_bandwidths{1.5, 3, 6, 12, 24};

constexpr Index most_channels = 1 << 14, most_stages = 16, most_hop = 1 << 16, most_books = 256;

/// Codes of a frame at a bandwidth: each has log2(codes) bits.
Index codes_at(double kbps, Index rate, Index hop, Index codes) {
  const double frames = std::ceil(static_cast<double>(rate) / static_cast<double>(hop));
  return std::max<Index>(
      1, static_cast<Index>(std::floor(kbps * 1000 / (frames * std::log2(static_cast<double>(codes))))));
}

Index product(const std::vector<Index>& ratios) {
  Index hop = 1;
  for (const Index ratio : ratios) hop = std::min(detail::mul_sat(hop, ratio), most_hop + 1);
  return hop;
}

/// The settings that names and shapes tell, by the names of transformers' config. Of the rest, those of the
/// network at 24 kHz where it has the sizes of that: others have its names, too.
Json told_settings(const TensorFile& file, const std::string& prefix, const Spelling& s) {
  const auto size = [&](const std::string& layer, std::size_t d) {
    const auto shape = weight_shape(file, prefix + layer);
    return shape && shape->size() == 3 ? (*shape)[d] : 0;
  };
  const auto holds = [&](const std::string& tensor) { return file.find(prefix + tensor) != nullptr; };
  std::vector<Index> ratios;
  Index channels = size(s.conv_at(0), 0), at = 2, blocks = 0, inner = 0, kernel = 0;
  bool shortcut = false;
  while (channels > 1 && size(s.up_at(at + 1), 0) == channels && std::ssize(ratios) < most_stages) {
    ratios.push_back(size(s.up_at(at + 1), 2) / 2);
    channels = size(s.up_at(at + 1), 1);
    const Index first = at + 2;
    for (blocks = 0; size(s.conv_of(first + blocks, ".block.1"), 0) > 0;) ++blocks;
    inner = size(s.conv_of(first, ".block.1"), 0);
    kernel = size(s.conv_of(first, ".block.1"), 2);
    shortcut = size(s.conv_of(first, ".shortcut"), 0) > 0;
    at = first + blocks;
  }
  Index lstms = 0, books = 0;
  while (holds(s.lstm(1, "weight_ih", lstms))) ++lstms;
  while (holds(s.book(books))) ++books;
  const TensorInfo* book = file.find(prefix + s.book(0));
  const Index codes = book != nullptr && book->shape.size() == 2 ? book->shape[0] : 0;
  const std::string norm = s.layer(0) + s.conv;
  const bool whole = holds(norm.substr(0, norm.rfind('.')) + ".norm.weight");
  Json told{{"audio_channels", size(s.conv_at(at + 1), 0)},
            {"num_filters", size(s.conv_at(at + 1), 1)},
            {"last_kernel_size", size(s.conv_at(at + 1), 2)},
            {"hidden_size", size(s.conv_at(0), 1)},
            {"kernel_size", size(s.conv_at(0), 2)},
            {"upsampling_ratios", ratios},
            {"num_residual_layers", blocks},
            {"residual_kernel_size", kernel},
            {"compress", inner > 0 ? channels / inner : 0},
            {"use_conv_shortcut", shortcut},
            {"num_lstm_layers", lstms},
            {"codebook_size", codes},
            {"dilation_growth_rate", 2},
            {"pad_mode", "reflect"},
            {"trim_right_ratio", 1.0},
            {"norm_type", whole ? "time_group_norm" : "weight_norm"}};
  if (told["hidden_size"] != usual_hidden || told["num_filters"] != usual_filters || ratios != usual_ratios ||
      lstms != usual_lstms || codes != usual_codes)
    return told;
  std::vector<double> bandwidths;
  for (const double kbps : usual_bandwidths)
    if (codes_at(kbps, usual_rate, usual_hop, usual_codes) <= books) bandwidths.push_back(kbps);
  told["sampling_rate"] = usual_rate;
  told["use_causal_conv"] = true;
  told["target_bandwidths"] = bandwidths;
  return told;
}

std::optional<Config> own_config(const TensorFile& file) {
  const auto found = find(file);
  if (!found) return {};
  Json told = told_settings(file, found->prefix, *found->spelling);
  told["model_type"] = "encodec";
  return Config(file.path(), std::move(told));
}

// ---- Settings ----

struct Settings {
  Index rate, hidden, kernel, filters, last_kernel;
  std::vector<Index> ratios;
  Index blocks, block_kernel, growth, compress, lstms, codes, hop, channels;
  bool shortcut, causal;
  PadMode pad;
};

/// Refuses networks of the same names that are others.
void require_streamable(const Config& c) {
  const Keys norm{"norm_type"}, causal{"use_causal_conv"}, rate{"sampling_rate"}, channels{"audio_channels"};
  if (const std::string kind = c.text(norm); kind == "time_group_norm")
    c.refuse(c.name(norm), " is time_group_norm: networks that normalise over time, as EnCodec's of 48 kHz, ",
             "need whole segments of a second and are not supported");
  else if (kind != "weight_norm" && kind != "none")
    c.refuse(c.name(norm), " must be weight_norm or none, is \"", kind, "\"");
  for (const Keys& k : {rate, causal})
    if (!c.has(k))
      c.refuse("says nothing of ", c.name(k), ", which tensors tell of the network of ", usual_rate,
               " Hz alone, by its ", usual_filters, " filters, hidden size of ", usual_hidden, ", ",
               usual_lstms, " LSTMs, ratios of 8, 5, 4, 2 and books of ", usual_codes, " rows");
  if (c.integer(channels, 1, most_channels) != 1)
    c.refuse(c.name(channels), " must be 1, is ", c.integer(channels, 1, most_channels));
  for (const char* segments : {"chunk_length_s", "overlap"})
    if (c.has({segments}))
      c.refuse(c.name({segments}), " must be null: networks that work on segments are not supported");
  if (const Keys k{"normalize"}; c.has(k) && c.flag(k))
    c.refuse(c.name(k), " must be false: networks of normalised segments are not supported");
  if (const Keys k{"trim_right_ratio"}; c.number(k) != 1) c.refuse(c.name(k), " must be 1, is ", c.number(k));
}

PadMode pad_mode(const Config& c) {
  const Keys k{"pad_mode"};
  const std::string name = c.text(k);
  if (name == "reflect") return PadMode::reflect;
  if (name == "replicate") return PadMode::replicate;
  if (name != "constant") c.refuse(c.name(k), " must be reflect, replicate or constant, is \"", name, "\"");
  return PadMode::constant;
}

Settings settings_of(const Config& c) {
  constexpr Index most_kernel = 1024, most_growth = 64, most_layers = 64;
  require_streamable(c);
  Settings s{.rate = c.integer({"sampling_rate"}, 1, 1 << 24),
             .hidden = c.integer({"hidden_size"}, 1, most_channels),
             .kernel = c.integer({"kernel_size"}, 1, most_kernel),
             .filters = c.integer({"num_filters"}, 1, most_channels),
             .last_kernel = c.integer({"last_kernel_size"}, 1, most_kernel),
             .ratios = c.integers({"upsampling_ratios"}, 1, most_stages, 1, 1024),
             .blocks = c.integer({"num_residual_layers"}, 0, 8),
             .block_kernel = 1,
             .growth = c.integer({"dilation_growth_rate"}, 1, most_growth),
             .compress = 1,
             .lstms = c.integer({"num_lstm_layers"}, 1, most_layers),
             .codes = c.integer({"codebook_size"}, 2, 1 << 16),
             .hop = 1,
             .channels = 1,
             .shortcut = !c.has({"use_conv_shortcut"}) || c.flag({"use_conv_shortcut"}),
             .causal = c.flag({"use_causal_conv"}),
             .pad = pad_mode(c)};
  if (!s.causal && std::ranges::count(s.ratios, 1) > 0)
    c.refuse(c.name({"upsampling_ratios"}), " must be 2 or more where ", c.name({"use_causal_conv"}),
             " is false");
  s.hop = product(s.ratios);
  if (s.hop > most_hop) c.refuse(c.name({"upsampling_ratios"}), " must have a product of at most ", most_hop);
  s.channels = s.filters << s.ratios.size();
  if (s.channels > most_channels)
    c.refuse(c.name({"num_filters"}), " must be at most ", most_channels, " when doubled for each of ",
             c.name({"upsampling_ratios"}), ", is ", s.filters);
  if (s.blocks == 0) return s;
  s.block_kernel = c.integer({"residual_kernel_size"}, 1, most_kernel);
  s.compress = c.integer({"compress"}, 1, most_channels);
  if (s.filters % s.compress != 0)
    c.refuse(c.name({"compress"}), " must divide ", c.name({"num_filters"}), ", ", s.filters, ", is ",
             s.compress);
  return s;
}

// ---- The network ----

void copy_or_elu(bool elu, const float* in, Index size, float* out) noexcept {
  elu ? kernels::map(kernels::Function::elu, 1, 1, in, size, out) : kernels::copy(in, size, out);
}

/// What a causal convolution reads: so many frames before the first and, of a stride, behind the last; and
/// behind an ELU, where it has one.
class CausalStart final : public Kernel {
 public:
  CausalStart(Index channels, Index left, Index right, PadMode mode, bool elu)
      : Kernel(message(elu ? "elu(" : "pad1d(", channels, ", left ", left, ")"),
               {{channels, conv_geometry(1, 1, 1, left, right), {mode, 0.0f}}}, channels),
        left_(left),
        elu_(elu) {}

  void compute(const Work& work) const noexcept override {
    const Index channels = out_channels(), size = work.count * channels;
    copy_or_elu(elu_, work.in[0], size, work.out);
    const Index length = work.length[0];
    if (inputs()[0].padding.mode != PadMode::reflect || length > left_) return;
    // A signal not longer than its padding is reflected with zeros behind it: those are the first frames, and
    // all behind the signal.
    const Index first = std::clamp<Index>(left_ + 1 - length - work.n, 0, work.count),
                end = std::clamp<Index>(left_ + length - work.n, 0, work.count);
    std::fill_n(work.out, first * channels, 0.0f);
    std::fill_n(work.out + end * channels, (work.count - end) * channels, 0.0f);
  }

 private:
  Index left_;
  bool elu_;
};

/// A signal too short for its reflections with as many zeros behind it as the longest of them needs: of
/// `left` frames before it, and behind it of `right` and of what the stride leaves nothing over with.
class LongEnough final : public Kernel {
 public:
  LongEnough(Index channels, Index left, Index right, Index stride)
      : Kernel(message("pad1d(", channels, ", to more than ", left, ")"),
               {{channels, conv_geometry(1, 1, 1, 0, std::max(left, right + stride - 1)), {}}}, channels),
        left_(left),
        right_(right),
        stride_(stride) {}

  Index total(std::span<const Index> lengths) const override {
    const Index length = lengths[0];
    if (length == 0 || length == Work::unknown) return length;
    const Index over = (stride_ - length % stride_) % stride_;
    return std::max(length, std::max(left_, right_ + over) + 1);
  }

  void compute(const Work& work) const noexcept override {
    kernels::copy(work.in[0], work.count * out_channels(), work.out);
  }

 private:
  Index left_, right_, stride_;
};

/// The first input, reflected, and behind an ELU, where it has one; as many frames as the padded second.
class Reflected final : public Kernel {
 public:
  Reflected(Index channels, Index left, Index right, bool elu)
      : Kernel(message(elu ? "elu(" : "pad1d(", channels, ", left ", left, ", right ", right, ")"),
               {{channels, conv_geometry(1, 1, 1, left, right), {PadMode::reflect, 0.0f}},
                {channels, conv_geometry(1, 1, 1, left, right), {}}},
               channels),
        elu_(elu) {}

  void compute(const Work& work) const noexcept override {
    copy_or_elu(elu_, work.in[0], work.count * out_channels(), work.out);
  }

 private:
  bool elu_;
};

/// What a convolution that looks ahead reads: CausalStart's counterpart.
Op padded_on_both_sides(Index channels, Index total, Index stride, PadMode mode, bool elu) {
  const Index right = total / 2, left = total - right, most = right + stride - 1;
  if (mode != PadMode::reflect) return Op(std::make_shared<CausalStart>(channels, left, most, mode, elu));
  StackBuilder b("reflected");
  const auto x = b.input(channels);
  const auto longer = b.apply(Op(std::make_shared<LongEnough>(channels, left, right, stride)), {x});
  return b.build({b.apply(Op(std::make_shared<Reflected>(channels, left, most, elu)), {longer, x})});
}

/// The layers of either half.
class Layers {
 public:
  Layers(ModelFile& file, const Config& c, const Spelling& names, const Settings& s)
      : file_(file), config_(c), names_(names), settings_(s) {}

  std::vector<Op> conv(const std::string& name, Index in, Index out, Index kernel, Index dilation, bool elu,
                       const std::string& by, Index stride = 1) const {
    const LayerWeights w = file_.conv(name, {out, in, kernel}, Bias::required, by);
    const Op layer = op::conv1d(w.weight, w.bias, {.stride = stride, .dilation = dilation});
    const Index left = (kernel - 1) * dilation - (stride - 1);
    if (left > 0 && !settings_.causal)
      return {padded_on_both_sides(in, left, stride, settings_.pad, elu), layer};
    if (left > 0) return {Op(std::make_shared<CausalStart>(in, left, stride - 1, settings_.pad, elu)), layer};
    return elu ? std::vector<Op>{op::elu(in), layer} : std::vector<Op>{layer};
  }

  Op lstm(Index i, Index channels) const {
    std::vector<LstmWeights> layers;
    const std::string by = keys({"num_lstm_layers", "num_filters", "upsampling_ratios"});
    for (Index n = 0; n < settings_.lstms; ++n) {
      const auto values = [&](const char* what, std::vector<Index> shape) {
        return file_.tensor(names_.lstm(i, what, n), shape, by);
      };
      layers.push_back({values("weight_ih", {4 * channels, channels}),
                        values("weight_hh", {4 * channels, channels}), values("bias_ih", {4 * channels}).data,
                        values("bias_hh", {4 * channels}).data});
    }
    return op::lstm(layers);
  }

  std::vector<Op> downsample(Index i, Index channels, Index ratio) const {
    return conv(names_.conv_at(i), channels, 2 * channels, 2 * ratio, 1, true,
                keys({"num_filters", "upsampling_ratios"}), ratio);
  }

  Op upsample(Index i, Index channels, Index ratio) const {
    const LayerWeights w = file_.conv_transpose(names_.up_at(i), {channels, channels / 2, 2 * ratio},
                                                Bias::required, keys({"num_filters", "upsampling_ratios"}));
    if (settings_.causal) return Stack({op::elu(channels), causal_conv_transpose(w, ratio)});
    const ConvTranspose1dOptions trimmed{
        .stride = ratio, .padding = ratio - ratio / 2, .output_padding = ratio % 2};
    return Stack({op::elu(channels), op::conv_transpose1d(w.weight, w.bias, trimmed)});
  }

  StackBuilder::Value block(StackBuilder& b, StackBuilder::Value x, Index i, Index channels,
                            Index dilation) const {
    const Index inner = channels / settings_.compress;
    const std::string by = keys({"num_filters", "compress", "residual_kernel_size"});
    auto h = b.chain(
        x, conv(names_.conv_of(i, ".block.1"), channels, inner, settings_.block_kernel, dilation, true, by));
    h = b.chain(h, conv(names_.conv_of(i, ".block.3"), inner, channels, 1, 1, true, by));
    const std::string shortcut = names_.conv_of(i, ".shortcut");
    if (file_.holds(shortcut) != settings_.shortcut)
      config_.refuse(config_.name({"use_conv_shortcut"}), " says that blocks have ",
                     settings_.shortcut ? "a" : "no", " shortcut, the file holds ",
                     settings_.shortcut ? "no" : "a", " layer \"", shortcut, '"');
    if (settings_.shortcut) x = b.chain(x, conv(shortcut, channels, channels, 1, 1, false, by));
    return b.apply(op::add(channels), {x, h});
  }

  /// The first `books` books; `most` of them are the network's.
  std::vector<Tensor> books(Index books, Index most) const {
    std::vector<Tensor> list;
    for (Index q = 0; q < most; ++q) {
      Tensor book = file_.tensor(names_.book(q), {settings_.codes, settings_.hidden},
                                 keys({"codebook_size", "hidden_size"}));
      if (q < books) list.push_back(std::move(book));
    }
    return list;
  }

  std::string keys(Keys names) const {
    std::string all;
    for (const char* name : names) all += (all.empty() ? "" : " and ") + config_.name({name});
    return all;
  }

 private:
  ModelFile& file_;
  const Config& config_;
  const Spelling& names_;
  const Settings& settings_;
};

/// What half of a network is built from.
struct Plan {
  const Spelling& names;
  Config config;
  Settings settings;
  Index most;   ///< books that the network has
  Index books;  ///< of which there are codes

  std::string ends(const Layers& l) const { return l.keys({"num_filters", "upsampling_ratios"}); }
};

Plan plan_of(ModelFile& file, const char* half) {
  const Found found = *find(file.tensors());
  const Spelling& names = *found.spelling;
  file.locate(names.anchors(), {half});
  if (const Keys kind{"model_type"}; !file.config().has(kind) || file.config().text(kind) != "encodec")
    file.config().refuse(file.config().name(kind), " must be \"encodec\"; {\"model_type\": \"encodec\"} is ",
                         "config enough for the network of ", usual_rate, " Hz");
  const Config c = file.config().completed(told_settings(file.tensors(), file.prefix(), names));
  const Settings s = settings_of(c);
  const Keys list{"target_bandwidths"};
  const std::vector<double> bandwidths = c.numbers(list, 1, 64, 1e-3, 1e3);
  const auto codes = [&](double kbps) { return codes_at(kbps, s.rate, s.hop, s.codes); };
  const Index most = codes(*std::ranges::max_element(bandwidths)),
              books = codes(file.bandwidth_kbps(bandwidths, codes));
  if (most > most_books || !file.holds_tensor(names.book(most - 1)))
    c.refuse(c.name(list), " call for ", most, " books, the file holds no tensor \"", names.book(most - 1),
             '"');
  return {names, c, s, most, books};
}

/// The rows that codes stand for, summed.
Op codebooks(const std::vector<Tensor>& books) {
  std::vector<float> rows;
  for (const Tensor& book : books) rows.insert(rows.end(), book.data.begin(), book.data.end());
  const Index count = std::ssize(books);
  return op::embedding(Tensor({count * books[0].shape[0], books[0].shape[1]}, std::move(rows)), count);
}

Network build(ModelFile& file) {
  const Plan p = plan_of(file, "decoder.");
  const Settings& s = p.settings;
  const Layers l(file, p.config, p.names, s);
  StackBuilder b("encodec");
  Index channels = s.channels, at = 3;
  auto x = b.apply(codebooks(l.books(p.books, p.most)), {b.input(p.books)});
  x = b.chain(x, l.conv(p.names.conv_at(0), s.hidden, channels, s.kernel, 1, false,
                        l.keys({"hidden_size", "kernel_size"}) + " and " + p.ends(l)));
  x = b.apply(op::add(channels), {b.apply(l.lstm(1, channels), {x}), x});
  for (const Index ratio : s.ratios) {
    x = b.apply(l.upsample(at, channels, ratio), {x});
    channels /= 2;
    Index dilation = 1;
    for (Index n = 0; n < s.blocks; ++n, dilation *= s.growth)
      x = l.block(b, x, at + 1 + n, channels, dilation);
    at += s.blocks + 2;
  }
  x = b.chain(x, l.conv(p.names.conv_at(at), channels, 1, s.last_kernel, 1, true,
                        l.keys({"num_filters", "last_kernel_size"})));
  return {b.build({x}), features_of_codes("EnCodec", s.rate, s.hop, p.books, s.codes)};
}

CodecEncoder build_encoder(ModelFile& file) {
  const Plan p = plan_of(file, "encoder.");
  const Settings& s = p.settings;
  const Spelling names = p.names.of_encoder();
  require_encoder(file, names.conv_at(0));
  const Layers l(file, p.config, names, s);
  StackBuilder b("encodec encoder");
  Index channels = s.filters, at = 1;
  auto x = b.chain(b.input(1), l.conv(names.conv_at(0), 1, channels, s.kernel, 1, false,
                                      l.keys({"num_filters", "kernel_size"})));
  for (auto ratio = s.ratios.rbegin(); ratio != s.ratios.rend(); ++ratio) {
    Index dilation = 1;
    for (Index n = 0; n < s.blocks; ++n, dilation *= s.growth) x = l.block(b, x, at + n, channels, dilation);
    at += s.blocks + 1;
    x = b.chain(x, l.downsample(at, channels, *ratio));
    channels *= 2;
    ++at;
  }
  x = b.apply(op::add(channels), {b.apply(l.lstm(at, channels), {x}), x});
  x = b.chain(x, l.conv(names.conv_at(at + 2), channels, s.hidden, s.last_kernel, 1, true,
                        l.keys({"hidden_size", "last_kernel_size"}) + " and " + p.ends(l)));
  std::vector<QuantiserBook> books;
  for (Tensor& rows : l.books(p.books, p.most)) books.push_back({.rows = std::move(rows)});
  return encoder_of("EnCodec", b.build({x}), residual_quantiser(s.hidden, books), s.rate, s.codes);
}

bool holds_encoder(const ModelFile& file) {
  const Spelling names = find(file.tensors())->spelling->of_encoder();
  return file.holds(names.conv_at(0)) &&
         (file.holds(names.conv_of(1, ".block.1")) || file.holds(names.conv_at(2)));
}

bool recognises(const TensorFile& file) {
  return find(file).has_value();
}

}  // namespace

const Architecture encodec{"encodec", recognises, build, own_config, build_encoder, holds_encoder};

}  // namespace wavestride::models
