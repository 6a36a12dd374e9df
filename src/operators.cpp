#include <wavestride/activation.h>
#include <wavestride/adaptive_pool1d.h>
#include <wavestride/avg_pool1d.h>
#include <wavestride/cepstrum.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/decibel.h>
#include <wavestride/deemphasis.h>
#include <wavestride/embedding.h>
#include <wavestride/flip.h>
#include <wavestride/index_select.h>
#include <wavestride/instance_norm1d.h>
#include <wavestride/interpolate.h>
#include <wavestride/join.h>
#include <wavestride/lfilter.h>
#include <wavestride/lp_pool1d.h>
#include <wavestride/lstm.h>
#include <wavestride/max_pool1d.h>
#include <wavestride/max_unpool1d.h>
#include <wavestride/mel.h>
#include <wavestride/mel_inversion.h>
#include <wavestride/mu_law.h>
#include <wavestride/noise.h>
#include <wavestride/norm.h>
#include <wavestride/operators.h>
#include <wavestride/pad1d.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/pqmf.h>
#include <wavestride/softmax.h>
#include <wavestride/spatial_pyramid_pool1d.h>
#include <wavestride/spline_upsample.h>
#include <wavestride/stretch_fir.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <variant>

#include "check.h"

namespace wavestride {
namespace {

/// Frames of padding, or a word: "same", "valid".
struct PaddingText {
  std::vector<Index> sides{0};
  std::string word = {};
};

// What may be said to an operator; each takes some of it.
struct Arguments {
  std::vector<Index> channels, lengths;  // of each input
  Tensor weight, bias, mean, variance, alphas, betas, weight_ih, weight_hh, bias_ih, bias_hh;

  PaddingText padding;
  PadMode padding_mode = PadMode::constant, pad_mode = PadMode::reflect;
  InterpolateMode mode = InterpolateMode::nearest;
  ShuffleOrder order = ShuffleOrder::channel_major;
  Pooling pooling = Pooling::max;
  std::optional<Index> stride, output_size, coefficients;
  Index dilation = 1, groups = 1, output_padding = 0, kernel_size = 0, factor = 1;
  Index mu = 255;
  std::vector<Index> size, levels{1, 2, 4};
  std::vector<double> scale_factor;
  Index n_fft = 1024, hop_length = 0, win_length = 0;
  WindowType window = WindowType::hann;
  std::string preset;
  double negative_slope = 0.01, alpha = 1, min = 0, max = 0, gain = 1, power = 1;
  double coefficient = 0.97, value = 0, threshold = 20;
  std::vector<Index> index;
  Index subbands = PqmfOptions().subbands, taps = PqmfOptions().taps, out_channels = 1, seed = 0;
  double cutoff_ratio = PqmfOptions().cutoff_ratio;
  std::optional<double> beta, eps;
  std::vector<double> a, b;
  double min_val = -1, max_val = 1, lambd = 0.5, exponent = 1, norm_type = 2, ref = 1, amin = 0, top_db = 0;
  double sample_rate = 0, q = 0.707;
  std::optional<double> frequency;
  GeluApproximation approximate = GeluApproximation::none;
  std::string to;
  bool const_skirt_gain = false;
  bool ceil_mode = false, count_include_pad = true, align_corners = false, causal = false;
  bool center = true, normalized = false, onesided = true, return_indices = false;
};

template <class... T>
using MemberOf = std::variant<T Arguments::*...>;

struct Option {
  const char* name;
  MemberOf<Tensor, PaddingText, std::string, Index, std::optional<Index>, std::vector<Index>, double,
           std::optional<double>, std::vector<double>, bool, PadMode, InterpolateMode, ShuffleOrder, Pooling,
           WindowType, GeluApproximation>
      member;
  const char* help;
};

const Option options[] = {
    {"weight", &Arguments::weight, "weights, shaped as in PyTorch"},
    {"bias", &Arguments::bias, "one value per channel"},
    {"mean", &Arguments::mean, "of every channel, as measured before"},
    {"variance", &Arguments::variance, "likewise"},
    {"alphas", &Arguments::alphas, "one value per channel: how fast its sine is"},
    {"betas", &Arguments::betas, "one value per channel: what its squared sine is divided by"},
    {"weight-ih", &Arguments::weight_ih,
     "of what the layer reads: (gates hidden, in), of an lstm i, f, g, o, of a gru r, z, n"},
    {"weight-hh", &Arguments::weight_hh, "of what it made last: (gates hidden, hidden)"},
    {"bias-ih", &Arguments::bias_ih, "gates hidden values"},
    {"bias-hh", &Arguments::bias_hh, "gates hidden values, added to what it made last"},
    {"return-indices", &Arguments::return_indices,
     "a second output: how far into its window each maximum stands, in frames (default false)"},
    {"stride", &Arguments::stride, "input frames from window to window (convolution 1, pooling kernel-size)"},
    {"padding", &Arguments::padding, "frames on both sides; for conv1d also LEFT,RIGHT or same or valid"},
    {"padding-mode", &Arguments::padding_mode, "what the padding holds"},
    {"dilation", &Arguments::dilation, "input frames from tap to tap"},
    {"groups", &Arguments::groups, "groups of channels that do not see each other"},
    {"output-padding", &Arguments::output_padding, "frames appended to the output"},
    {"output-size", &Arguments::output_size, "output frames"},
    {"kernel-size", &Arguments::kernel_size, "taps of a window"},
    {"ceil-mode", &Arguments::ceil_mode, "round the output length up (default false)"},
    {"count-include-pad", &Arguments::count_include_pad, "whether padding counts in a mean (default true)"},
    {"levels", &Arguments::levels, "bins of each level, as 1,2,4"},
    {"pooling", &Arguments::pooling, "what a bin becomes"},
    {"value", &Arguments::value, "of padding by zeros, instead of 0"},
    {"index", &Arguments::index, "channels, counted from 0, as 1,0,0"},
    {"factor", &Arguments::factor, "frames at the high rate per frame at the low rate"},
    {"order", &Arguments::order, "how the phases lie in the channels"},
    {"size", &Arguments::size, "output frames; for interpolate2d BINS,FRAMES"},
    {"scale-factor", &Arguments::scale_factor,
     "output frames per input frame; for interpolate2d BINS,FRAMES"},
    {"mode", &Arguments::mode, "how values between frames are made"},
    {"align-corners", &Arguments::align_corners, "first and last frames keep their places (default false)"},
    {"causal", &Arguments::causal, "the FIR reads no frame after its own (default false)"},
    {"negative-slope", &Arguments::negative_slope, "slope below 0"},
    {"alpha", &Arguments::alpha, "depth of the curve below 0"},
    {"approximate", &Arguments::approximate, "what stands for the error function"},
    {"lambd", &Arguments::lambd, "size of what becomes 0 (default 0.5)"},
    {"min-val", &Arguments::min_val, "lower bound (default -1)"},
    {"max-val", &Arguments::max_val, "upper bound (default 1)"},
    {"exponent", &Arguments::exponent, "power that values are raised to"},
    {"norm-type", &Arguments::norm_type, "power of the norm, by default 2, the Euclidean one"},
    {"min", &Arguments::min, "lower bound"},
    {"max", &Arguments::max, "upper bound"},
    {"mu", &Arguments::mu, "strength of the companding: classes less 1"},
    {"coefficient", &Arguments::coefficient, "of the sample before"},
    {"coefficients", &Arguments::coefficients, "of the transform, from the first on (of mfcc 40, else all)"},
    {"gain", &Arguments::gain, "what every value is multiplied by; of a biquad, dB"},
    {"eps", &Arguments::eps, "added to the variance; of rms_norm, to the mean of the squares"},
    {"ref", &Arguments::ref, "what is 0 dB (default 1)"},
    {"amin", &Arguments::amin, "values below it count as it; 0: 1e-5 of amplitudes, 1e-10 of powers"},
    {"top-db", &Arguments::top_db,
     "values are raised to the maximum of the whole signal less so much; 0: not"},
    {"a", &Arguments::a, "coefficients of outputs, of this one and those before, as 1,-1.8,0.81"},
    {"b", &Arguments::b, "coefficients of inputs, likewise"},
    {"sample-rate", &Arguments::sample_rate, "Hz"},
    {"frequency", &Arguments::frequency,
     "Hz: of the edge, of the centre or, of a shelf, of half of its gain in dB"},
    {"q", &Arguments::q, "quality of the resonance: a width is 1/q of the frequency (default 0.707)"},
    {"const-skirt-gain", &Arguments::const_skirt_gain, "gain q at the centre, instead of 1 (default false)"},
    {"n-fft", &Arguments::n_fft, "samples of a transform"},
    {"hop-length", &Arguments::hop_length, "samples from transform to transform; 0: n-fft/4"},
    {"win-length", &Arguments::win_length, "samples of the window; 0: n-fft. Frames of deltas; 0: 5"},
    {"window", &Arguments::window, "shape of the window"},
    {"center", &Arguments::center, "frames centred on their samples, with n-fft/2 of padding (default true)"},
    {"pad-mode", &Arguments::pad_mode, "what that padding holds"},
    {"normalized", &Arguments::normalized, "spectra scaled by 1/sqrt(n-fft) (default false)"},
    {"onesided", &Arguments::onesided, "only bins 0 to n-fft/2 (default true)"},
    {"power", &Arguments::power, "exponent of the magnitude"},
    {"preset", &Arguments::preset, "mel front end; wavestride presets lists them"},
    {"to", &Arguments::to, "that of the output"},
    {"subbands", &Arguments::subbands, "bands, of 1/subbands of the rate each"},
    {"taps", &Arguments::taps, "of the prototype filter, less 1; even"},
    {"cutoff-ratio", &Arguments::cutoff_ratio, "edge of the prototype, of the Nyquist frequency"},
    {"beta", &Arguments::beta,
     "of the prototype's Kaiser window; of softplus, how sharp it is, by default 1"},
    {"threshold", &Arguments::threshold, "of softplus, which is x where beta x is above it, by default 20"},
    {"out-channels", &Arguments::out_channels, "channels of noise"},
    {"seed", &Arguments::seed, "of the noise"},
};

const Option& option_named(std::string_view name) {
  const auto found =
      std::find_if(std::begin(options), std::end(options), [&](const Option& o) { return name == o.name; });
  require(found != std::end(options), "no operator has an option \"", name, "\"");
  return *found;
}

// The words that stand for the values of a type.
template <class E>
using Words = std::vector<std::pair<std::string_view, E>>;
template <class E>
const Words<E> words;
template <>
const Words<bool> words<bool>{{"true", true}, {"false", false}};
template <>
const Words<PadMode> words<PadMode>{{"zeros", PadMode::constant},
                                    {"reflect", PadMode::reflect},
                                    {"replicate", PadMode::replicate},
                                    {"circular", PadMode::circular}};
template <>
const Words<InterpolateMode> words<InterpolateMode>{{"nearest", InterpolateMode::nearest},
                                                    {"nearest-exact", InterpolateMode::nearest_exact},
                                                    {"linear", InterpolateMode::linear},
                                                    {"bilinear", InterpolateMode::linear}};
template <>
const Words<ShuffleOrder> words<ShuffleOrder>{{"channel-major", ShuffleOrder::channel_major},
                                              {"phase-major", ShuffleOrder::phase_major}};
template <>
const Words<WindowType> words<WindowType>{
    {"hann", WindowType::hann}, {"hamming", WindowType::hamming}, {"rectangular", WindowType::rectangular}};
template <>
const Words<GeluApproximation> words<GeluApproximation>{{"none", GeluApproximation::none},
                                                        {"tanh", GeluApproximation::tanh}};
template <>
const Words<Pooling> words<Pooling>{{"max", Pooling::max}, {"mean", Pooling::mean}};

// How a type is written: what it takes, in the words of OperatorOption, and a value from text. This one is of
// the types that have words.
template <class T>
struct Written {
  static std::string values() {
    std::string known;
    for (const auto& [word, value] : words<T>) known.append(known.empty() ? "" : "|").append(word);
    return known;
  }
  static std::optional<T> read(std::string_view text) {
    for (const auto& [word, value] : words<T>)
      if (word == text) return value;
    return {};
  }
};

template <class T>
requires std::same_as<T, Index> || std::same_as<T, double>
struct Written<T> {
  static std::string values() { return std::integral<T> ? "N" : "X"; }
  static std::optional<T> read(std::string_view text) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && at == end ? std::optional(value) : std::nullopt;
  }
};

template <class T>
struct Written<std::optional<T>> : Written<T> {};

constexpr std::size_t most_of_list = 65536;
template <class T>
constexpr const char* limit_of = "";
template <class T>
constexpr const char* limit_of<std::vector<T>> = ", at most 65536 of them";
// What lfilter takes.
constexpr const char* limit_of_filter = ", at most 1024 of them";

template <class T>
struct Written<std::vector<T>> {
  static std::string values() { return Written<T>::values() + ",..."; }
  static std::optional<std::vector<T>> read(std::string_view text) {
    std::vector<T> list;
    while (list.size() < most_of_list) {
      const std::size_t comma = text.find(',');
      const auto value = Written<T>::read(text.substr(0, comma));
      if (!value) break;
      list.push_back(*value);
      if (comma == text.npos) return list;
      text.remove_prefix(comma + 1);
    }
    return {};
  }
};

template <>
struct Written<PaddingText> {
  static std::string values() { return "N|LEFT,RIGHT|same|valid"; }
  static std::optional<PaddingText> read(std::string_view text) {
    if (text == "same" || text == "valid") return PaddingText{{}, std::string(text)};
    auto sides = Written<std::vector<Index>>::read(text);
    if (!sides || sides->size() > 2) return {};
    return PaddingText{std::move(*sides)};
  }
};

template <>
struct Written<std::string> {
  static std::string values() { return "NAME"; }
  static std::optional<std::string> read(std::string_view text) { return std::string(text); }
};

template <>
struct Written<Tensor> {
  static std::string values() { return "ARRAY"; }
  static std::optional<Tensor> read(std::string_view) { return {}; }
};

// What is wanted, in a sentence.
std::string in_words(const std::string& values) {
  static constexpr std::pair<const char*, const char*> kinds[] = {
      {"N", "a whole number of up to 64 bits"},
      {"X", "a number"},
      {"N,...", "whole numbers, as 1,2,3"},
      {"X,...", "numbers, as 1.5,2"},
      {"N|LEFT,RIGHT|same|valid", "N|LEFT,RIGHT|same|valid, in whole numbers"},
      {"ARRAY", "an array"}};
  for (const auto& [kind, words] : kinds)
    if (values == kind) return words;
  return values;
}

// Says of long text the beginning, of whole characters.
[[noreturn]] void refuse(const char* name, const std::string& values, const char* limit,
                         std::string_view text) {
  std::size_t end = std::min<std::size_t>(text.size(), 80);
  while (end > 0 && end < text.size() && (text[end] & 0xC0) == 0x80) --end;
  fail(name, " must be ", in_words(values), limit, ", got \"", text.substr(0, end),
       end < text.size() ? "…\"" : "\"");
}

// Puts a value where it belongs.
void set(Arguments& a, const Option& option, std::string_view text) {
  std::visit(
      [&]<class T>(T Arguments::*member) {
        auto value = Written<T>::read(text);
        if (!value) {
          const char* limit = limit_of<T>;
          if constexpr (std::same_as<T, std::vector<double>>)
            if (member == &Arguments::a || member == &Arguments::b) limit = limit_of_filter;
          refuse(option.name, Written<T>::values(), limit, text);
        }
        a.*member = std::move(*value);
      },
      option.member);
}

// As many values as the operator wants.
template <std::size_t N, class T>
std::array<T, N> exactly(const char* name, const std::vector<T>& values) {
  require(values.size() == N, name, " takes ", N, " here, got ", values.size());
  std::array<T, N> array{};
  std::copy(values.begin(), values.end(), array.begin());
  return array;
}

Index one_padding(const Arguments& a) {
  require(a.padding.word.empty(), "padding takes frames here, got \"", a.padding.word, "\"");
  return exactly<1>("padding", a.padding.sides)[0];
}

ConvPadding conv_padding(const Arguments& a) {
  if (!a.padding.word.empty()) return a.padding.word.c_str();
  return {a.padding.sides.front(), a.padding.sides.back()};
}

Index inputs(const Arguments& a) {
  return static_cast<Index>(a.channels.size());
}

StftOptions stft_of(const Arguments& a) {
  return {.n_fft = a.n_fft,
          .hop_length = a.hop_length,
          .win_length = a.win_length,
          .window_type = a.window,
          .center = a.center,
          .pad_mode = a.pad_mode,
          .normalized = a.normalized,
          .onesided = a.onesided};
}

PqmfOptions pqmf_of(const Arguments& a) {
  return {a.subbands, a.taps, a.cutoff_ratio, a.beta.value_or(PqmfOptions().beta)};
}

DecibelOptions decibel_of(const Arguments& a) {
  return {a.ref, a.amin, a.top_db};
}

Op design(Biquad (*make)(double, double, double), const Arguments& a) {
  return op::biquad(a.channels[0], make(a.sample_rate, a.frequency.value_or(0), a.q));
}

constexpr const char* design_options = "sample-rate* frequency* q";
constexpr const char* shelf_options = "sample-rate* gain* frequency q";
constexpr const char* decibel_options = "ref amin top-db";
constexpr const char* stft_options = "n-fft hop-length win-length window center pad-mode normalized onesided";

struct Operator {
  const char* name;
  const char* options;  // names of the options it takes, * after those that must be given
  const char* summary;
  Op (*make)(const Arguments&);
  Index least_inputs = 1, most_inputs = 1;
};

constexpr Index any_number = 64;

const Operator operators[] = {
    {"conv1d", "weight* bias stride padding padding-mode dilation groups",
     "Convolution; weight (out, in/groups, kernel), bias (out)",
     [](const Arguments& a) {
       return op::conv1d(a.weight, a.bias.data,
                         {.stride = a.stride.value_or(1),
                          .padding = conv_padding(a),
                          .dilation = a.dilation,
                          .groups = a.groups,
                          .padding_mode = a.padding_mode});
     }},
    {"conv_transpose1d", "weight* bias stride padding output-padding dilation groups",
     "Transposed convolution; weight (in, out/groups, kernel), bias (out)",
     [](const Arguments& a) {
       return op::conv_transpose1d(a.weight, a.bias.data,
                                   {.stride = a.stride.value_or(1),
                                    .padding = one_padding(a),
                                    .output_padding = a.output_padding,
                                    .groups = a.groups,
                                    .dilation = a.dilation});
     }},
    {"linear", "weight* bias", "The same matrix for every frame; weight (out, in), bias (out)",
     [](const Arguments& a) { return op::linear(a.weight, a.bias.data); }},
    {"pad1d", "padding* padding-mode value", "Frames before and behind the signal",
     [](const Arguments& a) {
       require(a.padding.word.empty(), "padding takes frames here, got \"", a.padding.word, "\"");
       return op::pad1d(a.channels[0], {a.padding.sides.front(), a.padding.sides.back(), a.padding_mode,
                                        static_cast<float>(a.value)});
     }},
    {"flip", "", "The frames in reverse order", [](const Arguments& a) { return op::flip(a.channels[0]); }},
    {"index_select", "index*", "Some of the channels, in any order",
     [](const Arguments& a) { return op::index_select(a.channels[0], a.index); }},
    {"embedding", "weight*",
     "The row of weight that a channel's number names, of several channels the sum; weight (rows, out), as "
     "many rows for each channel",
     [](const Arguments& a) { return op::embedding(a.weight, a.channels[0]); }},
    {"lstm", "weight-ih* weight-hh* bias-ih bias-hh", "A layer of torch.nn.LSTM, of one direction",
     [](const Arguments& a) {
       const LstmWeights layer{a.weight_ih, a.weight_hh, a.bias_ih.data, a.bias_hh.data};
       return op::lstm({&layer, 1});
     }},
    {"gru", "weight-ih* weight-hh* bias-ih bias-hh", "A layer of torch.nn.GRU, of one direction",
     [](const Arguments& a) {
       const GruWeights layer{a.weight_ih, a.weight_hh, a.bias_ih.data, a.bias_hh.data};
       return op::gru({&layer, 1});
     }},
    {"max_pool1d", "kernel-size* stride padding dilation ceil-mode return-indices", "Maximum of windows",
     [](const Arguments& a) {
       const MaxPool1dOptions o{a.kernel_size, a.stride.value_or(0), one_padding(a), a.dilation, a.ceil_mode};
       return a.return_indices ? op::max_pool1d_with_offsets(a.channels[0], o)
                               : op::max_pool1d(a.channels[0], o);
     }},
    {"max_unpool1d", "kernel-size* stride padding output-size",
     "Maxima back to the frames that they came from, zeros elsewhere",
     [](const Arguments& a) {
       const MaxUnpool1dOptions o{a.kernel_size, a.stride.value_or(0), one_padding(a)};
       const Op usual = op::max_unpool1d(a.channels[0], o);
       if (!a.output_size) return usual;
       require(!a.lengths.empty(), "max_unpool1d: output-size needs the lengths of the inputs");
       return op::max_unpool1d(a.channels[0], o, detail::add_sat(*a.output_size, -usual.total(a.lengths[0])));
     },
     2, 2},
    {"avg_pool1d", "kernel-size* stride padding ceil-mode count-include-pad", "Mean of windows",
     [](const Arguments& a) {
       return op::avg_pool1d(a.channels[0], {a.kernel_size, a.stride.value_or(0), one_padding(a), a.ceil_mode,
                                             a.count_include_pad});
     }},
    {"lp_pool1d", "kernel-size* norm-type stride ceil-mode",
     "Norm of windows: the root of the sum of their powers",
     [](const Arguments& a) {
       return op::lp_pool1d(a.channels[0], {a.norm_type, a.kernel_size, a.stride.value_or(0), a.ceil_mode});
     }},
    {"adaptive_avg_pool1d", "output-size*", "Mean of bins that divide the signal evenly",
     [](const Arguments& a) { return op::adaptive_avg_pool1d(a.channels[0], *a.output_size); }},
    {"adaptive_max_pool1d", "output-size*", "Maximum of bins that divide the signal evenly",
     [](const Arguments& a) { return op::adaptive_max_pool1d(a.channels[0], *a.output_size); }},
    {"spatial_pyramid_pool1d", "levels pooling", "A vector of fixed length from any number of frames",
     [](const Arguments& a) { return op::spatial_pyramid_pool1d(a.channels[0], a.levels, a.pooling); }},
    {"pixel_shuffle1d", "factor* order", "C·factor channels to factor times as many frames of C channels",
     [](const Arguments& a) { return op::pixel_shuffle1d(a.channels[0], a.factor, a.order); }},
    {"pixel_unshuffle1d", "factor* order", "Groups of factor frames to one frame of C·factor channels",
     [](const Arguments& a) { return op::pixel_unshuffle1d(a.channels[0], a.factor, a.order); }},
    {"interpolate", "size scale-factor mode align-corners",
     "Frames between frames, by an output size or a scale factor; mode nearest, nearest-exact or linear",
     [](const Arguments& a) {
       InterpolateOptions o{.mode = a.mode, .align_corners = a.align_corners};
       if (!a.size.empty()) o.size = exactly<1>("size", a.size)[0];
       if (!a.scale_factor.empty()) o.scale_factor = exactly<1>("scale-factor", a.scale_factor)[0];
       return op::interpolate(a.channels[0], o);
     }},
    {"interpolate2d", "size scale-factor mode align-corners",
     "The same over bins x frames; mode nearest, nearest-exact or bilinear",
     [](const Arguments& a) {
       Interpolate2dOptions o{.mode = a.mode, .align_corners = a.align_corners};
       if (!a.size.empty()) {
         const auto [bins, frames] = exactly<2>("size", a.size);
         o.size = {bins, frames};
       }
       if (!a.scale_factor.empty()) {
         const auto [bins, frames] = exactly<2>("scale-factor", a.scale_factor);
         o.scale_factor = {bins, frames};
       }
       return op::interpolate2d(a.channels[0], o);
     }},
    {"repeat", "factor*", "Every frame factor times",
     [](const Arguments& a) { return op::repeat(a.channels[0], a.factor); }},
    {"spline_upsample", "factor*", "The interpolating cubic spline, factor times as many frames",
     [](const Arguments& a) { return op::spline_upsample(a.channels[0], a.factor); }},
    {"stretch_fir", "weight* factor* causal",
     "Every frame factor times, then one FIR over bins x frames; weight (bins, taps)",
     [](const Arguments& a) {
       return op::stretch_fir(a.channels[0], a.factor, a.weight, {.causal = a.causal});
     }},
    {"instance_norm1d", "weight bias eps", "Every channel to mean 0 and variance 1 over the whole signal",
     [](const Arguments& a) {
       return op::instance_norm1d(a.channels[0], a.weight.data, a.bias.data, a.eps.value_or(1e-5));
     }},
    {"group_norm", "groups* weight bias eps",
     "Every group of channels to mean 0 and variance 1 over the whole signal",
     [](const Arguments& a) {
       return op::group_norm(a.channels[0], a.groups, a.weight.data, a.bias.data, a.eps.value_or(1e-5));
     }},
    {"layer_norm", "weight bias eps", "Every frame to mean 0 and variance 1 over its channels",
     [](const Arguments& a) {
       return op::layer_norm(a.channels[0], a.weight.data, a.bias.data,
                             static_cast<float>(a.eps.value_or(1e-5)));
     }},
    {"rms_norm", "weight eps",
     "Every frame over the root of the mean of its squares and eps (default 1.2e-7)",
     [](const Arguments& a) {
       const double eps = a.eps.value_or(std::numeric_limits<float>::epsilon());
       return op::rms_norm(a.channels[0], a.weight.data, static_cast<float>(eps));
     }},
    {"softmax", "", "exp(x) over its sum, of the channels of every frame",
     [](const Arguments& a) { return op::softmax(a.channels[0]); }},
    {"log_softmax", "", "Logarithm of softmax",
     [](const Arguments& a) { return op::log_softmax(a.channels[0]); }},
    {"batch_norm", "mean* variance* weight bias eps",
     "Every channel less its mean, over the root of its variance and eps, times weight, plus bias",
     [](const Arguments& a) {
       return op::batch_norm(a.mean.data, a.variance.data, a.weight.data, a.bias.data, a.eps.value_or(1e-5));
     }},
    {"channel_scale", "weight* bias", "Every channel times its weight, plus its bias",
     [](const Arguments& a) { return op::channel_scale(a.weight.data, a.bias.data); }},
    {"relu", "", "max(x, 0)", [](const Arguments& a) { return op::relu(a.channels[0]); }},
    {"leaky_relu", "negative-slope", "x above 0, negative-slope times x below",
     [](const Arguments& a) { return op::leaky_relu(a.channels[0], static_cast<float>(a.negative_slope)); }},
    {"prelu", "weight*", "x above 0, a channel's weight times x below",
     [](const Arguments& a) { return op::prelu(a.weight.data); }},
    {"elu", "alpha", "x above 0, alpha (exp(x) - 1) below",
     [](const Arguments& a) { return op::elu(a.channels[0], static_cast<float>(a.alpha)); }},
    {"selu", "", "1.0507 elu(x) of alpha 1.6733", [](const Arguments& a) { return op::selu(a.channels[0]); }},
    {"celu", "alpha", "x above 0, alpha (exp(x / alpha) - 1) below",
     [](const Arguments& a) { return op::celu(a.channels[0], static_cast<float>(a.alpha)); }},
    {"tanh", "", "Hyperbolic tangent", [](const Arguments& a) { return op::tanh(a.channels[0]); }},
    {"sigmoid", "", "1 / (1 + exp(-x))", [](const Arguments& a) { return op::sigmoid(a.channels[0]); }},
    {"silu", "", "x / (1 + exp(-x))", [](const Arguments& a) { return op::silu(a.channels[0]); }},
    {"mish", "", "x tanh(ln(1 + exp(x)))", [](const Arguments& a) { return op::mish(a.channels[0]); }},
    {"gelu", "approximate", "x (1 + erf(x / sqrt(2))) / 2, or by tanh",
     [](const Arguments& a) { return op::gelu(a.channels[0], a.approximate); }},
    {"softplus", "beta threshold", "ln(1 + exp(beta x)) / beta, x where beta x is above the threshold",
     [](const Arguments& a) {
       return op::softplus(a.channels[0], static_cast<float>(a.beta.value_or(1)),
                           static_cast<float>(a.threshold));
     }},
    {"logsigmoid", "", "-ln(1 + exp(-x))", [](const Arguments& a) { return op::logsigmoid(a.channels[0]); }},
    {"softsign", "", "x / (1 + |x|)", [](const Arguments& a) { return op::softsign(a.channels[0]); }},
    {"hardsigmoid", "", "min(max(x + 3, 0), 6) / 6",
     [](const Arguments& a) { return op::hardsigmoid(a.channels[0]); }},
    {"hardswish", "", "x min(max(x + 3, 0), 6) / 6",
     [](const Arguments& a) { return op::hardswish(a.channels[0]); }},
    {"hardtanh", "min-val max-val", "Values held between min-val and max-val",
     [](const Arguments& a) {
       return op::hardtanh(a.channels[0], static_cast<float>(a.min_val), static_cast<float>(a.max_val));
     }},
    {"relu6", "", "Values held between 0 and 6", [](const Arguments& a) { return op::relu6(a.channels[0]); }},
    {"hardshrink", "lambd", "x where |x| is above lambd, else 0",
     [](const Arguments& a) { return op::hardshrink(a.channels[0], static_cast<float>(a.lambd)); }},
    {"softshrink", "lambd", "sign(x) max(|x| - lambd, 0)",
     [](const Arguments& a) { return op::softshrink(a.channels[0], static_cast<float>(a.lambd)); }},
    {"snake", "alphas*", "x + sin(alpha x)^2 / (alpha + 1e-9), an alpha for each channel",
     [](const Arguments& a) { return op::snake(a.alphas.data); }},
    {"snake_beta", "alphas* betas*", "x + sin(alpha x)^2 / (beta + 1e-9), both for each channel",
     [](const Arguments& a) { return op::snake_beta(a.alphas.data, a.betas.data); }},
    {"exp", "", "Exponential", [](const Arguments& a) { return op::exp(a.channels[0]); }},
    {"log", "", "Natural logarithm", [](const Arguments& a) { return op::log(a.channels[0]); }},
    {"sqrt", "", "Square root", [](const Arguments& a) { return op::sqrt(a.channels[0]); }},
    {"abs", "", "Absolute value", [](const Arguments& a) { return op::abs(a.channels[0]); }},
    {"pow", "exponent*", "Power of every value",
     [](const Arguments& a) { return op::pow(a.channels[0], static_cast<float>(a.exponent)); }},
    {"amplitude_to_db", decibel_options, "20 log10 of max(x, amin) over ref",
     [](const Arguments& a) { return op::amplitude_to_db(a.channels[0], decibel_of(a)); }},
    {"power_to_db", decibel_options, "10 log10 of max(x, amin) over ref",
     [](const Arguments& a) { return op::power_to_db(a.channels[0], decibel_of(a)); }},
    {"db_to_amplitude", "ref", "ref times 10 to the power of x/20",
     [](const Arguments& a) { return op::db_to_amplitude(a.channels[0], a.ref); }},
    {"db_to_power", "ref", "ref times 10 to the power of x/10",
     [](const Arguments& a) { return op::db_to_power(a.channels[0], a.ref); }},
    {"sin", "", "Sine of radians", [](const Arguments& a) { return op::sin(a.channels[0]); }},
    {"cos", "", "Cosine of radians", [](const Arguments& a) { return op::cos(a.channels[0]); }},
    {"clip", "min* max*", "Values held between min and max (where min is greater, all are max)",
     [](const Arguments& a) {
       return op::clip(a.channels[0], static_cast<float>(a.min), static_cast<float>(a.max));
     }},
    {"scale", "gain*", "gain times x",
     [](const Arguments& a) { return op::scale(a.channels[0], static_cast<float>(a.gain)); }},
    {"mu_law_compress", "mu", "sign(x) ln(1 + mu |x|) / ln(1 + mu)",
     [](const Arguments& a) { return op::mu_law_compress(a.channels[0], a.mu); }},
    {"mu_law_expand", "mu", "Its inverse",
     [](const Arguments& a) { return op::mu_law_expand(a.channels[0], a.mu); }},
    {"deemphasis", "coefficient", "y[n] = x[n] + coefficient y[n - 1]",
     [](const Arguments& a) { return op::deemphasis(a.channels[0], static_cast<float>(a.coefficient)); }},
    {"preemphasis", "coefficient", "y[n] = x[n] - coefficient x[n - 1]",
     [](const Arguments& a) { return op::preemphasis(a.channels[0], static_cast<float>(a.coefficient)); }},
    {"lfilter", "a* b*", "Recursive filter: sum of a[k] y[n - k] = sum of b[k] x[n - k]",
     [](const Arguments& a) { return op::lfilter(a.channels[0], a.a, a.b); }},
    {"filtfilt", "a* b*", "The same forwards and backwards",
     [](const Arguments& a) { return op::filtfilt(a.channels[0], a.a, a.b); }},
    {"lowpass_biquad", design_options, "Low pass of second order",
     [](const Arguments& a) { return design(lowpass_biquad, a); }},
    {"highpass_biquad", design_options, "High pass of second order",
     [](const Arguments& a) { return design(highpass_biquad, a); }},
    {"bandpass_biquad", "sample-rate* frequency* q const-skirt-gain", "Band pass of second order",
     [](const Arguments& a) {
       const double frequency = a.frequency.value_or(0);
       return op::biquad(a.channels[0], bandpass_biquad(a.sample_rate, frequency, a.q, a.const_skirt_gain));
     }},
    {"bandreject_biquad", design_options, "Band stop of second order, a notch",
     [](const Arguments& a) { return design(bandreject_biquad, a); }},
    {"allpass_biquad", design_options, "All pass of second order",
     [](const Arguments& a) { return design(allpass_biquad, a); }},
    {"equalizer_biquad", "sample-rate* frequency* gain* q", "Peak of gain dB at the frequency",
     [](const Arguments& a) {
       return op::biquad(a.channels[0],
                         equalizer_biquad(a.sample_rate, a.frequency.value_or(0), a.gain, a.q));
     }},
    {"bass_biquad", shelf_options, "Gain in dB below the frequency (default 100)",
     [](const Arguments& a) {
       return op::biquad(a.channels[0], bass_biquad(a.sample_rate, a.gain, a.frequency.value_or(100), a.q));
     }},
    {"treble_biquad", shelf_options, "Gain in dB above the frequency (default 3000)",
     [](const Arguments& a) {
       return op::biquad(a.channels[0],
                         treble_biquad(a.sample_rate, a.gain, a.frequency.value_or(3000), a.q));
     }},
    {"gated", "", "tanh of the first half of the channels times sigmoid of the second",
     [](const Arguments& a) { return op::gated(a.channels[0]); }},
    {"glu", "", "The first half of the channels times sigmoid of the second",
     [](const Arguments& a) { return op::glu(a.channels[0]); }},
    {"stft", stft_options, "Spectra: a row for the real and one for the imaginary part of every bin",
     [](const Arguments& a) { return op::stft(stft_of(a)); }},
    {"istft", stft_options, "Spectra back to samples",
     [](const Arguments& a) { return op::istft(stft_of(a)); }},
    {"magnitude", "power", "Magnitudes of spectra, to a power",
     [](const Arguments& a) {
       require(a.channels[0] % 2 == 0, "magnitude: needs real and imaginary parts of each bin, got ",
               a.channels[0], " channels");
       return op::magnitude(a.channels[0] / 2, a.power);
     }},
    {"mel_spectrogram", "preset*", "Samples to the features of a mel front end",
     [](const Arguments& a) { return op::mel_spectrogram(mel_preset(a.preset)); }},
    {"mel_scale", "preset*", "Magnitudes to mel bands, without the logarithm",
     [](const Arguments& a) { return op::mel_scale(mel_preset(a.preset)); }},
    {"mel_compress", "preset*", "Mel bands to features: logarithm, scale and limits",
     [](const Arguments& a) { return op::mel_compress(mel_preset(a.preset)); }},
    {"mel_expand", "preset*", "Features to mel bands, without the logarithm",
     [](const Arguments& a) { return op::mel_expand(mel_preset(a.preset)); }},
    {"mel_convert", "preset* to*", "Features of one mel front end as those of another, where that is exact",
     [](const Arguments& a) { return op::mel_convert(mel_preset(a.preset), mel_preset(a.to)); }},
    {"mfcc", "preset* coefficients", "Samples to the cosine transform of the features of a mel front end",
     [](const Arguments& a) { return op::mfcc(mel_preset(a.preset), a.coefficients.value_or(40)); }},
    {"dct", "coefficients", "Cosine transform of every frame, orthonormal; its first coefficients",
     [](const Arguments& a) { return op::dct(a.channels[0], a.coefficients.value_or(a.channels[0])); }},
    {"deltas", "win-length", "Slope of every channel over win-length frames",
     [](const Arguments& a) { return op::deltas(a.channels[0], a.win_length == 0 ? 5 : a.win_length); }},
    {"mel_inversion", "preset*", "Mel bands (no logarithm) to the magnitudes that fit them best",
     [](const Arguments& a) { return op::mel_inversion(mel_preset(a.preset)); }},
    {"pqmf_analysis", "subbands taps cutoff-ratio beta", "A signal as subbands of lower rates",
     [](const Arguments& a) { return op::pqmf_analysis(pqmf_of(a)); }},
    {"pqmf_synthesis", "subbands taps cutoff-ratio beta", "Subbands back to the signal, nearly",
     [](const Arguments& a) { return op::pqmf_synthesis(pqmf_of(a)); }},
    {"normal_noise", "out-channels seed", "Standard normal noise, as many frames as the input has",
     [](const Arguments& a) {
       return op::normal_noise(a.channels[0], a.out_channels, static_cast<std::uint64_t>(a.seed));
     }},
    {"add", "", "Sum of several inputs", [](const Arguments& a) { return op::add(a.channels[0], inputs(a)); },
     1, any_number},
    {"mean", "", "Mean of several inputs",
     [](const Arguments& a) { return op::mean(a.channels[0], inputs(a)); }, 1, any_number},
    {"multiply", "", "Product of several inputs",
     [](const Arguments& a) { return op::multiply(a.channels[0], inputs(a)); }, 1, any_number},
    {"concatenate", "", "Channels of several inputs below one another",
     [](const Arguments& a) { return op::concatenate(a.channels); }, 1, any_number},
};

OperatorInfo info_of(const Operator& what) {
  OperatorInfo info{what.name, what.summary, {}, what.least_inputs, what.most_inputs};
  std::istringstream wanted(what.options);
  for (std::string name; wanted >> name;) {
    const bool required = name.back() == '*';
    if (required) name.pop_back();
    const Option& option = option_named(name);
    const auto values = [&]<class T>(T Arguments::*) { return Written<T>::values(); };
    info.options.push_back({option.name, std::visit(values, option.member), option.help, required});
  }
  return info;
}

const std::vector<OperatorInfo>& table() {
  static const std::vector<OperatorInfo> infos = [] {
    std::vector<OperatorInfo> all;
    for (const Operator& what : operators) all.push_back(info_of(what));
    return all;
  }();
  return infos;
}

// Refuses what the operator does not take.
void check_taken(const OperatorInfo& info, std::string_view name, bool is_array) {
  std::string known;
  for (const OperatorOption& option : info.options) {
    if (option.name != name) {
      known.append(known.empty() ? "it takes " : ", ").append(option.name);
      continue;
    }
    require((option.values == "ARRAY") == is_array, info.name, ": ", name,
            is_array ? " is text, not an array" : " is an array, not text");
    return;
  }
  fail(info.name, ": takes no ", is_array ? "array" : "option", " \"", name, "\"; ",
       known.empty() ? "it takes none" : known);
}

// Moves what is given into its place.
Arguments arguments_for(const OperatorInfo& info, const OperatorSettings& settings) {
  const auto inputs = static_cast<Index>(settings.channels.size());
  require(inputs >= info.least_inputs && inputs <= info.most_inputs, info.name, ": takes ", info.least_inputs,
          info.least_inputs == info.most_inputs ? "" : message(" to ", info.most_inputs), " inputs, got ",
          inputs);
  for (const Index channels : settings.channels)
    require(channels >= 1, info.name, ": channels must be at least 1, got ", channels);
  for (const auto& [name, text] : settings.options) check_taken(info, name, false);
  for (const auto& [name, array] : settings.arrays) check_taken(info, name, true);
  Arguments a;
  a.channels = settings.channels;
  a.lengths = settings.lengths;
  for (const OperatorOption& option : info.options) {
    const Option& known = option_named(option.name);
    const auto array = std::get_if<Tensor Arguments::*>(&known.member);
    const auto text = settings.options.find(option.name);
    const auto values = settings.arrays.find(option.name);
    const bool given = array ? values != settings.arrays.end() : text != settings.options.end();
    require(given || !option.required, info.name, ": ", option.name, " must be given");
    if (!given) continue;
    if (array)
      a.*(*array) = values->second;
    else
      set(a, known, text->second);
  }
  return a;
}

}  // namespace

std::span<const OperatorInfo> known_operators() {
  return table();
}

const OperatorInfo& operator_info(std::string_view name) {
  std::string known;
  for (const OperatorInfo& info : table()) {
    if (info.name == name) return info;
    known.append(known.empty() ? "" : ", ").append(info.name);
  }
  fail("unknown operator \"", name, "\"; known: ", known);
}

void check_operator_option(std::string_view option, std::string_view value) {
  Arguments ignored;
  set(ignored, option_named(option), value);
}

namespace op {

Op by_name(std::string_view name, const OperatorSettings& settings) {
  const OperatorInfo& info = operator_info(name);
  const Op op = operators[&info - table().data()].make(arguments_for(info, settings));
  for (Index i = 0; i < op.inputs(); ++i)
    require(op.in_channels(i) == settings.channels[static_cast<std::size_t>(i)], name, ": takes ",
            op.in_channels(i), " channels, got ", settings.channels[static_cast<std::size_t>(i)]);
  return op;
}

}  // namespace op
}  // namespace wavestride
