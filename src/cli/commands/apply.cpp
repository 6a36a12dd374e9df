#include <wavestride/npy.h>
#include <wavestride/wavestride.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <variant>

#include "cli/sound.h"

namespace wavestride::cli {
namespace {

// What a command line may say to an operator; each takes some of it.
struct Arguments {
  std::vector<std::string> inputs;
  std::string output, weight_file, bias_file, indices_file, output_indices;
  Index chunk = 0;
  bool list = false;

  std::vector<std::string> padding{"0"};
  PadMode padding_mode = PadMode::constant, pad_mode = PadMode::reflect;
  InterpolateMode mode = InterpolateMode::nearest;
  ShuffleOrder order = ShuffleOrder::channel_major;
  Pooling pooling = Pooling::max;
  std::optional<Index> stride, output_size;
  Index dilation = 1, groups = 1, output_padding = 0, kernel_size = 0, factor = 1;
  std::vector<Index> size, levels{1, 2, 4};
  std::vector<double> scale_factor;
  Index n_fft = 1024, hop_length = 0, win_length = 0;
  WindowType window = WindowType::hann;
  std::string preset;
  double negative_slope = 0.01, alpha = 1, min = 0, max = 0, gain = 1, eps = 1e-5, power = 1;
  bool ceil_mode = false, count_include_pad = true, align_corners = false, causal = false;
  bool center = true, normalized = false, onesided = true;

  // Read from the files before an operator is made.
  std::vector<Index> channels, lengths;  // of each input
  Tensor weight;
  std::vector<float> bias;
};

template <class E>
using Names = std::vector<std::pair<std::string, E>>;
template <class E>
const Names<E> names;
template <>
const Names<PadMode> names<PadMode>{
    {"zeros", PadMode::constant}, {"reflect", PadMode::reflect}, {"replicate", PadMode::replicate}};
template <>
const Names<InterpolateMode> names<InterpolateMode>{{"nearest", InterpolateMode::nearest},
                                                    {"nearest-exact", InterpolateMode::nearest_exact},
                                                    {"linear", InterpolateMode::linear},
                                                    {"bilinear", InterpolateMode::linear}};
template <>
const Names<ShuffleOrder> names<ShuffleOrder>{{"channel-major", ShuffleOrder::channel_major},
                                              {"phase-major", ShuffleOrder::phase_major}};
template <>
const Names<WindowType> names<WindowType>{
    {"hann", WindowType::hann}, {"hamming", WindowType::hamming}, {"rectangular", WindowType::rectangular}};
template <>
const Names<Pooling> names<Pooling>{{"max", Pooling::max}, {"mean", Pooling::mean}};

template <class... T>
using MemberOf = std::variant<T Arguments::*...>;

struct Option {
  const char* name;
  MemberOf<std::string, std::vector<std::string>, Index, std::optional<Index>, std::vector<Index>, double,
           std::vector<double>, bool, PadMode, InterpolateMode, ShuffleOrder, Pooling, WindowType>
      member;
  const char* help;
};

constexpr Option options[] = {
    {"weight", &Arguments::weight_file, "weights, .npy"},
    {"bias", &Arguments::bias_file, "one value per channel, .npy"},
    {"indices", &Arguments::indices_file, "positions as max_pool1d --output-indices writes them, .npy"},
    {"output-indices", &Arguments::output_indices, "also write the positions of the maxima: .npy, int64"},
    {"stride", &Arguments::stride, "input frames from window to window (convolution 1, pooling kernel-size)"},
    {"padding", &Arguments::padding, "frames on both sides; for conv1d also LEFT,RIGHT or same or valid"},
    {"padding-mode", &Arguments::padding_mode, "what the padding holds"},
    {"dilation", &Arguments::dilation, "input frames from tap to tap"},
    {"groups", &Arguments::groups, "groups of channels that do not see each other"},
    {"output-padding", &Arguments::output_padding, "frames appended to the output"},
    {"output-size", &Arguments::output_size, "output frames"},
    {"kernel-size", &Arguments::kernel_size, "taps of a window"},
    {"ceil-mode", &Arguments::ceil_mode, "round the output length up"},
    {"count-include-pad", &Arguments::count_include_pad, "whether padding counts in a mean: true or false"},
    {"levels", &Arguments::levels, "bins of each level, as 1,2,4"},
    {"pooling", &Arguments::pooling, "what a bin becomes"},
    {"factor", &Arguments::factor, "frames at the high rate per frame at the low rate"},
    {"order", &Arguments::order, "how the phases lie in the channels"},
    {"size", &Arguments::size, "output frames; for interpolate2d BINS,FRAMES"},
    {"scale-factor", &Arguments::scale_factor,
     "output frames per input frame; for interpolate2d BINS,FRAMES"},
    {"mode", &Arguments::mode, "how values between frames are made"},
    {"align-corners", &Arguments::align_corners, "first and last frames keep their places"},
    {"causal", &Arguments::causal, "the FIR reads no frame after its own"},
    {"negative-slope", &Arguments::negative_slope, "slope below 0"},
    {"alpha", &Arguments::alpha, "depth of the curve below 0"},
    {"min", &Arguments::min, "lower bound"},
    {"max", &Arguments::max, "upper bound"},
    {"gain", &Arguments::gain, "what every value is multiplied by"},
    {"eps", &Arguments::eps, "added to the variance"},
    {"n-fft", &Arguments::n_fft, "samples of a transform"},
    {"hop-length", &Arguments::hop_length, "samples from transform to transform; 0: n-fft/4"},
    {"win-length", &Arguments::win_length, "samples of the window; 0: n-fft"},
    {"window", &Arguments::window, "shape of the window"},
    {"center", &Arguments::center, "frames centred on their samples, with n-fft/2 of padding: true or false"},
    {"pad-mode", &Arguments::pad_mode, "what that padding holds"},
    {"normalized", &Arguments::normalized, "spectra scaled by 1/sqrt(n-fft)"},
    {"onesided", &Arguments::onesided, "only bins 0 to n-fft/2: true or false"},
    {"power", &Arguments::power, "exponent of the magnitude"},
    {"preset", &Arguments::preset, "mel front end; wavestride presets lists them"},
};

CLI::Option* declare(CLI::App& app, const Option& option, Arguments& a) {
  const std::string flag = std::string("--") + option.name;
  return std::visit(
      [&]<class T>(T Arguments::*member) {
        if constexpr (std::is_same_v<T, bool>) {
          return a.*member ? app.add_option(flag, a.*member, option.help)->type_name("BOOL")
                           : app.add_flag(flag, a.*member, option.help);
        } else if constexpr (std::is_enum_v<T>) {
          std::string known;
          for (const auto& [name, value] : names<T>) known += (known.empty() ? "" : "|") + name;
          return app.add_option(flag, a.*member, option.help)
              ->transform(CLI::CheckedTransformer(names<T>).description(""))
              ->type_name(known);
        } else {
          CLI::Option* o = app.add_option(flag, a.*member, option.help);
          if constexpr (CLI::detail::is_mutable_container<T>::value && !std::is_same_v<T, std::string>)
            o->delimiter(',')->expected(1, 64)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
          return o;
        }
      },
      option.member);
}

Index count(const Arguments& a) {
  return static_cast<Index>(a.inputs.size());
}

// As many values as the operator wants.
template <std::size_t N, class T>
std::array<T, N> numbers(const char* name, const std::vector<T>& values) {
  if (values.size() != N) throw UsageError(message("--", name, " takes ", N, " here, got ", values.size()));
  std::array<T, N> array{};
  std::copy(values.begin(), values.end(), array.begin());
  return array;
}

std::vector<Index> padding_frames(const Arguments& a) {
  std::vector<Index> sides;
  for (const std::string& text : a.padding) {
    const auto n = parse_index(text);
    if (!n) throw UsageError("--padding takes frames here, got " + text);
    sides.push_back(*n);
  }
  return sides;
}

Index padding(const Arguments& a) {
  return numbers<1>("padding", padding_frames(a))[0];
}

ConvPadding conv_padding(const Arguments& a) {
  if (a.padding[0] == "same") return "same";
  if (a.padding[0] == "valid") return "valid";
  if (a.padding.size() == 1) return padding(a);
  const auto [left, right] = numbers<2>("padding", padding_frames(a));
  return {left, right};
}

// Indices count frames of the signal, offsets from the start of a pooling window: of output n, here.
Index window_start(const Arguments& a, Index n) {
  return detail::affine_floor(n, a.stride.value_or(a.kernel_size), -padding(a), 1);
}

Signal offsets_of(const IndexSignal& indices, const Signal& values, const Arguments& a) {
  if (indices.rows() != values.rows() || indices.cols() != values.cols())
    throw IoError(a.indices_file, message("has ", indices.rows(), " channels of ", indices.cols(),
                                          " indices, and the input ", values.rows(), " of ", values.cols()));
  Signal offsets(indices.rows(), indices.cols());
  for (Index n = 0; n < indices.cols(); ++n)
    for (Index c = 0; c < indices.rows(); ++c) {
      const Index start = window_start(a, n), offset = detail::add_sat(indices(c, n), -start);
      if (offset < 0 || offset >= a.kernel_size)
        throw IoError(a.indices_file,
                      message("index ", indices(c, n), " of channel ", c, " is not in the window of frame ",
                              n, ", which starts at ", start));
      offsets(c, n) = static_cast<float>(offset);
    }
  return offsets;
}

IndexSignal indices_of(const Signal& offsets, const Arguments& a) {
  IndexSignal indices = offsets.cast<Index>();
  for (Index n = 0; n < indices.cols(); ++n) indices.col(n).array() += window_start(a, n);
  return indices;
}

constexpr const char* stft_options = "n-fft hop-length win-length window center pad-mode normalized onesided";

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

struct Operator {
  const char* name;
  const char* options;  // names of the options it takes, * after those that must be given
  const char* summary;
  Op (*make)(const Arguments&);
  int most_inputs = 1;
};

constexpr int any_number = 64;

const Operator operators[] = {
    {"conv1d", "weight* bias stride padding padding-mode dilation groups",
     "Convolution; weight (out, in/groups, kernel), bias (out)",
     [](const Arguments& a) {
       return op::conv1d(a.weight, a.bias,
                         {.stride = a.stride.value_or(1),
                          .padding = conv_padding(a),
                          .dilation = a.dilation,
                          .groups = a.groups,
                          .padding_mode = a.padding_mode});
     }},
    {"conv_transpose1d", "weight* bias stride padding output-padding dilation groups",
     "Transposed convolution; weight (in, out/groups, kernel), bias (out)",
     [](const Arguments& a) {
       return op::conv_transpose1d(a.weight, a.bias,
                                   {.stride = a.stride.value_or(1),
                                    .padding = padding(a),
                                    .output_padding = a.output_padding,
                                    .groups = a.groups,
                                    .dilation = a.dilation});
     }},
    {"linear", "weight* bias", "The same matrix for every frame; weight (out, in), bias (out)",
     [](const Arguments& a) { return op::linear(a.weight, a.bias); }},
    {"max_pool1d", "kernel-size* stride padding dilation ceil-mode output-indices", "Maximum of windows",
     [](const Arguments& a) {
       const MaxPool1dOptions o{a.kernel_size, a.stride.value_or(0), padding(a), a.dilation, a.ceil_mode};
       return a.output_indices.empty() ? op::max_pool1d(a.channels[0], o)
                                       : op::max_pool1d_with_offsets(a.channels[0], o);
     }},
    {"max_unpool1d", "kernel-size* indices* stride padding output-size",
     "Maxima back to the frames that they came from, zeros elsewhere",
     [](const Arguments& a) {
       const MaxUnpool1dOptions o{a.kernel_size, a.stride.value_or(0), padding(a)};
       const Op usual = op::max_unpool1d(a.channels[0], o);
       return a.output_size ? op::max_unpool1d(a.channels[0], o,
                                               detail::add_sat(*a.output_size, -usual.total(a.lengths[0])))
                            : usual;
     }},
    {"avg_pool1d", "kernel-size* stride padding ceil-mode count-include-pad", "Mean of windows",
     [](const Arguments& a) {
       return op::avg_pool1d(a.channels[0], {a.kernel_size, a.stride.value_or(0), padding(a), a.ceil_mode,
                                             a.count_include_pad});
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
       if (!a.size.empty()) o.size = numbers<1>("size", a.size)[0];
       if (!a.scale_factor.empty()) o.scale_factor = numbers<1>("scale-factor", a.scale_factor)[0];
       return op::interpolate(a.channels[0], o);
     }},
    {"interpolate2d", "size scale-factor mode align-corners",
     "The same over bins x frames; mode nearest, nearest-exact or bilinear",
     [](const Arguments& a) {
       Interpolate2dOptions o{.mode = a.mode, .align_corners = a.align_corners};
       if (!a.size.empty()) {
         const auto [bins, frames] = numbers<2>("size", a.size);
         o.size = {bins, frames};
       }
       if (!a.scale_factor.empty()) {
         const auto [bins, frames] = numbers<2>("scale-factor", a.scale_factor);
         o.scale_factor = {bins, frames};
       }
       return op::interpolate2d(a.channels[0], o);
     }},
    {"repeat", "factor*", "Every frame factor times",
     [](const Arguments& a) { return op::repeat(a.channels[0], a.factor); }},
    {"stretch_fir", "weight* factor* causal",
     "Every frame factor times, then one FIR over bins x frames; weight (bins, taps)",
     [](const Arguments& a) {
       return op::stretch_fir(a.channels[0], a.factor, a.weight, {.causal = a.causal});
     }},
    {"instance_norm1d", "weight bias eps", "Every channel to mean 0 and variance 1 over the whole signal",
     [](const Arguments& a) { return op::instance_norm1d(a.channels[0], a.weight.data, a.bias, a.eps); }},
    {"layer_norm", "weight bias eps", "Every frame to mean 0 and variance 1 over its channels",
     [](const Arguments& a) {
       return op::layer_norm(a.channels[0], a.weight.data, a.bias, static_cast<float>(a.eps));
     }},
    {"channel_scale", "weight* bias", "Every channel times its weight, plus its bias",
     [](const Arguments& a) { return op::channel_scale(a.weight.data, a.bias); }},
    {"relu", "", "max(x, 0)", [](const Arguments& a) { return op::relu(a.channels[0]); }},
    {"leaky_relu", "negative-slope", "x above 0, negative-slope times x below",
     [](const Arguments& a) { return op::leaky_relu(a.channels[0], static_cast<float>(a.negative_slope)); }},
    {"elu", "alpha", "x above 0, alpha (exp(x) - 1) below",
     [](const Arguments& a) { return op::elu(a.channels[0], static_cast<float>(a.alpha)); }},
    {"tanh", "", "Hyperbolic tangent", [](const Arguments& a) { return op::tanh(a.channels[0]); }},
    {"sigmoid", "", "1 / (1 + exp(-x))", [](const Arguments& a) { return op::sigmoid(a.channels[0]); }},
    {"gelu", "", "x (1 + erf(x / sqrt(2))) / 2", [](const Arguments& a) { return op::gelu(a.channels[0]); }},
    {"exp", "", "Exponential", [](const Arguments& a) { return op::exp(a.channels[0]); }},
    {"clip", "min* max*", "Values held between min and max",
     [](const Arguments& a) {
       return op::clip(a.channels[0], static_cast<float>(a.min), static_cast<float>(a.max));
     }},
    {"scale", "gain*", "gain times x",
     [](const Arguments& a) { return op::scale(a.channels[0], static_cast<float>(a.gain)); }},
    {"gated", "", "tanh of the first half of the channels times sigmoid of the second",
     [](const Arguments& a) { return op::gated(a.channels[0]); }},
    {"stft", stft_options, "Spectra: a row for the real and one for the imaginary part of every bin",
     [](const Arguments& a) { return op::stft(stft_of(a)); }},
    {"istft", stft_options, "Spectra back to samples",
     [](const Arguments& a) { return op::istft(stft_of(a)); }},
    {"magnitude", "power", "Magnitudes of spectra, to a power",
     [](const Arguments& a) { return op::magnitude(a.channels[0] / 2, a.power); }},
    {"mel_spectrogram", "preset*", "Samples to the features of a mel front end",
     [](const Arguments& a) { return op::mel_spectrogram(mel_preset(a.preset)); }},
    {"mel_inversion", "preset*", "Mel bands (no logarithm) to the magnitudes that fit them best",
     [](const Arguments& a) { return op::mel_inversion(mel_preset(a.preset)); }},
    {"add", "", "Sum of several inputs", [](const Arguments& a) { return op::add(a.channels[0], count(a)); },
     any_number},
    {"mean", "", "Mean of several inputs",
     [](const Arguments& a) { return op::mean(a.channels[0], count(a)); }, any_number},
    {"multiply", "", "Product of several inputs",
     [](const Arguments& a) { return op::multiply(a.channels[0], count(a)); }, any_number},
    {"concatenate", "", "Channels of several inputs below one another",
     [](const Arguments& a) { return op::concatenate(a.channels); }, any_number},
};

Signal read_signal(const std::string& path) {
  const Tensor array = read_npy(path);
  if (array.shape.empty() || array.shape.size() > 2)
    throw IoError(
        path, message("has shape ", shape_string(array.shape), ", must be [channels, length] or [length]"));
  return to_signal(array);
}

std::vector<Signal> streamed(const Op& op, std::span<const Signal> inputs, std::span<const Index> lengths,
                             Index chunk) {
  Stream stream = op.stream();
  std::vector<Signal> results;
  for (Index o = 0; o < op.outputs(); ++o) results.emplace_back(op.out_channels(o), op.total(lengths, o));
  std::vector<FramesView> in(inputs.size());
  std::vector<FramesSpan> out(results.size());
  std::vector<Index> written(results.size());
  const auto rest = [&] {
    for (std::size_t o = 0; o < out.size(); ++o) {
      const Index done = stream.emitted(static_cast<Index>(o));
      out[o] = FramesSpan(results[o]).slice(done, results[o].cols() - done);
    }
    return std::span<const FramesSpan>(out);
  };
  const Index longest = *std::max_element(lengths.begin(), lengths.end());
  Progress progress("streaming");
  for (Index n = 0; n < longest; n += chunk) {
    for (std::size_t i = 0; i < in.size(); ++i) {
      const Index from = std::min(n, lengths[i]);
      in[i] = FramesView(inputs[i]).slice(from, std::min(chunk, lengths[i] - from));
    }
    stream.push(in, rest(), written);
    progress.show(static_cast<double>(n) / static_cast<double>(longest));
  }
  stream.finish(rest(), written);
  say(op.name(), ": streamed in chunks of ", chunk, "; latency ", op.latency_frames(),
      " output frames, lookahead ", op.lookahead_frames(), " and receptive field ", op.receptive_field(),
      " input frames, ", stream.state_bytes(), " bytes of state");
  return results;
}

void run(const Operator& what, Arguments& a) {
  std::vector<std::string> read = a.inputs;
  for (const std::string& file : {a.weight_file, a.bias_file, a.indices_file})
    if (!file.empty()) read.push_back(file);
  check_output(a.output, read);
  if (!a.output_indices.empty()) check_output(a.output_indices, read);

  std::vector<Signal> inputs;
  for (const std::string& file : a.inputs) inputs.push_back(read_signal(file));
  if (!a.weight_file.empty()) a.weight = read_npy(a.weight_file);
  if (!a.bias_file.empty()) a.bias = read_npy(a.bias_file).data;
  for (const Signal& x : inputs) {
    a.channels.push_back(x.rows());
    a.lengths.push_back(x.cols());
  }

  const Op op = what.make(a);
  if (!a.indices_file.empty()) {
    inputs.push_back(offsets_of(read_npy_indices(a.indices_file), inputs[0], a));
    a.lengths.push_back(inputs[1].cols());
  }
  const Timer timer;
  std::vector<Signal> outputs;
  if (a.chunk > 0) {
    outputs = streamed(op, inputs, a.lengths, a.chunk);
  } else {
    const std::vector<FramesView> views(inputs.begin(), inputs.end());
    outputs = op(views);
  }
  const double spent = timer.seconds();
  write_npy(a.output, to_tensor(outputs[0]));
  if (!a.output_indices.empty()) write_npy(a.output_indices, indices_of(outputs[1], a));
  say(a.output, ": [", outputs[0].rows(), ", ", outputs[0].cols(), "] from [", inputs[0].rows(), ", ",
      inputs[0].cols(), "] by ", op.name(), " in ", fixed(spent, 3), " s");
}

void declare(CLI::App& app, const Operator& what, Arguments& a) {
  app.add_option("--input", a.inputs, "signal [channels, length], .npy; float32, float64, float16 or int16")
      ->required()
      ->expected(1, what.most_inputs)
      ->type_name("FILE");
  app.add_option("--output", a.output, "result [channels, length], .npy, float32")
      ->required()
      ->type_name("FILE");
  app.add_option("--chunk", a.chunk, "run as a stream of so many frames at a time, and say its latency")
      ->check(CLI::PositiveNumber.description(""));
  std::istringstream wanted(what.options);
  for (std::string name; wanted >> name;) {
    const bool required = name.back() == '*';
    if (required) name.pop_back();
    const auto option =
        std::find_if(std::begin(options), std::end(options), [&](const Option& o) { return name == o.name; });
    declare(app, *option, a)->required(required);
  }
}

}  // namespace

std::function<void()> apply_command(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  auto chosen = std::make_shared<const Operator*>(nullptr);
  app.add_flag("--list", a->list, "only list the operators");
  app.require_subcommand(0, 1);
  app.footer("wavestride apply OP --help tells the options of an operator.");
  for (const Operator& what : operators) {
    CLI::App* sub = app.add_subcommand(what.name, what.summary);
    sub->group("Operators");
    declare(*sub, what, *a);
    sub->final_callback([chosen, &what] { *chosen = &what; });
  }
  return [a, chosen] {
    if (a->list)
      for (const Operator& what : operators) std::printf("%-24s%s\n", what.name, what.summary);
    else if (*chosen)
      run(**chosen, *a);
    else
      throw UsageError("apply: which operator? wavestride apply --list names them");
  };
}

}  // namespace wavestride::cli
