#include <wavestride/npy.h>
#include <wavestride/operators.h>
#include <wavestride/stream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/integers.h"
#include "cli/sound.h"

namespace wavestride::cli {
namespace {

struct Arguments {
  std::vector<std::string> inputs;
  std::string output, indices_file, output_indices;
  Index chunk = 0;
  bool list = false;
  std::map<std::string, std::string, std::less<>> options;      // those that were given, as text
  std::map<std::string, std::string, std::less<>> array_files;  // of weight and bias
};

// max_pool1d and max_unpool1d speak of offsets into windows, files of positions in the signal.
constexpr std::string_view pooled_indices = "return-indices", unpooling = "max_unpool1d";

// Of pooling and unpooling: the input frame at which the window of output n of the pooling starts.
class Windows {
 public:
  explicit Windows(const Arguments& a)
      : pool_(op::by_name("max_pool1d", {.channels = {1}, .options = pooling_options(a)})) {}

  Index size() const { return pool_.receptive_field(); }
  Index start(Index n) const { return pool_.reads(n).first; }

 private:
  static std::map<std::string, std::string, std::less<>> pooling_options(const Arguments& a) {
    auto options = a.options;
    options.erase("output-size");
    return options;
  }

  Op pool_;
};

Signal offsets_of(const IndexSignal& indices, const Signal& values, const Arguments& a) {
  if (indices.rows() != values.rows() || indices.cols() != values.cols())
    throw IoError(a.indices_file, message("has ", indices.rows(), " channels of ", indices.cols(),
                                          " indices, and the input ", values.rows(), " of ", values.cols()));
  const Windows windows(a);
  Signal offsets(indices.rows(), indices.cols());
  for (Index n = 0; n < indices.cols(); ++n) {
    const Index start = windows.start(n);
    for (Index c = 0; c < indices.rows(); ++c) {
      const Index offset = detail::add_sat(indices(c, n), -start);
      if (offset < 0 || offset >= windows.size())
        throw IoError(a.indices_file,
                      message("index ", indices(c, n), " of channel ", c, " is not in the window of frame ",
                              n, ", which starts at ", start));
      offsets(c, n) = static_cast<float>(offset);
    }
  }
  return offsets;
}

IndexSignal indices_of(const Signal& offsets, const Arguments& a) {
  const Windows windows(a);
  IndexSignal indices = offsets.cast<Index>();
  for (Index n = 0; n < indices.cols(); ++n) indices.col(n).array() += windows.start(n);
  return indices;
}

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

// Whether two files are one, or will be.
bool same_place(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return same_file(a, b) ||
         std::filesystem::weakly_canonical(a, ignored) == std::filesystem::weakly_canonical(b, ignored);
}

void run(const OperatorInfo& what, Arguments& a) {
  std::vector<std::string> read = a.inputs;
  for (const auto& [name, file] : a.array_files) read.push_back(file);
  if (!a.indices_file.empty()) read.push_back(a.indices_file);
  if (a.output == "-" || a.output_indices == "-" || std::ranges::count(read, "-") > 0)
    throw UsageError(
        "apply reads and writes files alone, not standard input and output: name one instead of -");
  require_extension(a.output, ".npy", "--output");
  check_output(a.output, read);
  if (!a.output_indices.empty()) {
    require_extension(a.output_indices, ".npy", "--output-indices");
    if (same_place(a.output, a.output_indices))
      throw UsageError("--output and --output-indices must be two files, got " + a.output + " for both");
    check_output(a.output_indices, read);
    a.options.emplace(pooled_indices, "true");
  }

  OperatorSettings settings{.options = a.options};
  std::vector<Signal> inputs;
  for (const std::string& file : a.inputs) inputs.push_back(read_signal(file));
  for (const auto& [name, file] : a.array_files) settings.arrays.emplace(name, read_npy(file));
  if (!a.indices_file.empty()) inputs.push_back(offsets_of(read_npy_indices(a.indices_file), inputs[0], a));
  for (const Signal& x : inputs) {
    settings.channels.push_back(x.rows());
    settings.lengths.push_back(x.cols());
  }

  const Op op = op::by_name(what.name, settings);
  const Timer timer;
  std::vector<Signal> outputs;
  if (a.chunk > 0) {
    outputs = streamed(op, inputs, settings.lengths, a.chunk);
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

void declare(CLI::App& app, const OperatorOption& option, Arguments& a) {
  const std::string name(option.name), help(option.help), flag = "--" + name;
  if (option.name == pooled_indices) {
    app.add_option("--output-indices", a.output_indices,
                   "also write the positions of the maxima: .npy, int64")
        ->type_name("FILE");
    return;
  }
  const bool array = option.values == "ARRAY", flags = option.values == "true|false";
  CLI::Option* declared = app.add_option_function<std::string>(
      flag,
      [&to = array ? a.array_files : a.options, name](const std::string& text) {
        to[name] = text.empty() ? "true" : text;  // a flag alone
      },
      help + (array ? ", .npy" : ""));
  declared->required(option.required)
      ->type_name(array   ? "FILE"
                  : flags ? "[" + option.values + "]"
                          : option.values);
  if (array) return;
  if (flags) declared->expected(0, 1);
  declared->check(CLI::Validator(
      [name](const std::string& text) -> std::string {
        try {
          check_operator_option(name, text);
          return {};
        } catch (const std::invalid_argument& e) {
          return e.what();
        }
      },
      ""));
}

void declare(CLI::App& app, const OperatorInfo& what, Arguments& a) {
  const bool unpools = what.name == unpooling;
  app.add_option("--input", a.inputs, "signal [channels, length], .npy of floats or integers")
      ->required()
      ->expected(1, unpools ? 1 : static_cast<int>(what.most_inputs))
      ->type_name("FILE");
  if (unpools)
    app.add_option("--indices", a.indices_file, "positions as max_pool1d --output-indices writes them, .npy")
        ->required()
        ->type_name("FILE");
  app.add_option("--output", a.output, "result [channels, length], .npy, float32")
      ->required()
      ->type_name("FILE");
  app.add_option("--chunk", a.chunk, "run as a stream of so many frames at a time, and say its latency")
      ->transform(decimal<Index>(1));
  for (const OperatorOption& option : what.options) declare(app, option, a);
}

}  // namespace

std::function<void()> apply_command(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  auto chosen = std::make_shared<const OperatorInfo*>(nullptr);
  app.add_flag("--list", a->list, "only list the operators");
  app.require_subcommand(0, 1);
  app.footer("wavestride apply OP --help tells the options of an operator.");
  for (const OperatorInfo& what : known_operators()) {
    CLI::App* sub = app.add_subcommand(std::string(what.name), std::string(what.summary));
    sub->group("Operators");
    declare(*sub, what, *a);
    sub->final_callback([chosen, &what] { *chosen = &what; });
  }
  return [a, chosen] {
    if (a->list)
      for (const OperatorInfo& what : known_operators())
        say(std::string(what.name) + std::string(24 - what.name.size(), ' '), what.summary);
    else if (*chosen)
      run(**chosen, *a);
    else
      throw UsageError("apply: which operator? wavestride apply --list names them");
  };
}

}  // namespace wavestride::cli
