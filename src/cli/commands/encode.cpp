#include <wavestride/codec_encoder.h>
#include <wavestride/npy.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/feature_source.h"
#include "cli/files.h"
#include "cli/model_options.h"

namespace wavestride::cli {
namespace {

struct Arguments {
  std::string channel, model;
  ModelOptions options;
  StreamOptions stream;
  Arithmetic arithmetic;
};

// To a file, as whole numbers.
Index write_codes(FeatureSource& source, Index per_frame, const std::string& path) {
  constexpr Index block_frames = 256;
  std::vector<Index> codes;
  {
    Progress progress("encoding");
    for (Signal x; (x = source.read(block_frames)).cols() > 0;) {
      for (const float code : x.reshaped()) codes.push_back(static_cast<Index>(code));
      progress.show(source.done());
    }
  }
  const Index frames = std::ssize(codes) / per_frame;
  write_npy(path, IndexSignal(Eigen::Map<IndexSignal>(codes.data(), per_frame, frames)));
  return frames;
}

}  // namespace

std::function<void()> encode_command(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  const Files files(
      app, "sound file, which is converted to the sample rate of the model, or - for one from standard input",
      ".npy file: int64 [codes of a frame, frames], of which wavestride vocode, with the same --model, "
      "makes sound again; or - for frames of float32 to standard output, as they are made, as vocode takes "
      "them from there",
      {.extension = ".npy", .extension_fixed = true});
  app.add_option("--model", a->model,
                 "EnCodec, DAC or SNAC as its recipe saved it, or as wavestride convert wrote it")
      ->required()
      ->type_name("FILE");
  add_config_option(app, a->options);
  add_prefix_option(app, a->options);
  add_codes_options(app, a->options, "makes",
                    "; where nothing says it, the highest that it was trained on, the most codes");
  add_channel_option(app, a->channel);
  add_threads_option(app, a->stream, "codes");
  app.add_flag("--minimal-filtering", a->arithmetic.minimal_filtering,
               "makes large convolutions by half the multiplications: DAC's in three quarters to five sixths "
               "of the time, "
               "with a longer lag and other rounding");
  app.add_flag("--bfloat16", a->arithmetic.bfloat16,
               "makes large convolutions from numbers of 8 significant bits: where an Intel processor has "
               "AMX, DAC's in "
               "a third of the time, SNAC's in half to three fifths, EnCodec's in five sixths; 1 to 3 % of "
               "the codes are others, of DAC 6 to 16, more with more codebooks. "
               "With --minimal-filtering each layer is made by whichever is faster");
  return [a, files] {
    const CodecEncoder encoder = compute_by(load_codec_encoder(a->model, a->options), a->arithmetic);
    const Index per_frame = encoder.network.out_channels();
    files.run([&](const std::string& in, const std::string& out) {
      std::vector<std::string> inputs{in, a->model};
      if (!a->options.config.empty()) inputs.push_back(a->options.config);
      if (out != "-") check_output(out, inputs);
      const auto source = open_analysed(in, a->channel, encoder.sample_rate, encoder.network, a->stream);
      const Timer timer;
      const Index frames = out == "-" ? print_all(*source, 4) : write_codes(*source, per_frame, out);
      const double rate = encoder.frames_per_second(), seconds = static_cast<double>(frames) / rate;
      return Made{{message(output_name(out), ": ", per_frame, " codes x ", frames, " frames at ",
                           fixed(rate, 2), " frames/s, ", fixed(encoder.kbps(), 2), " kbit/s, by ",
                           encoder.architecture, "; ", work_text(timer.seconds(), seconds))},
                  seconds};
    });
  };
}

}  // namespace wavestride::cli
