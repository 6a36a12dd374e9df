#include <wavestride/checkerboard.h>
#include <wavestride/checkpoint.h>
#include <wavestride/codec_encoder.h>
#include <wavestride/stack.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "cli/mel_features.h"
#include "cli/model_options.h"

namespace wavestride::cli {
namespace {

using Json = nlohmann::json;

constexpr int most_depth = 50;
constexpr Index most_lines = 10'000;        // of one kind: more is nothing to read
constexpr std::size_t most_text = 4 << 20;  // of metadata

std::string megabytes(double bytes) {
  return fixed(bytes / 1e6, 2) + " MB";
}

/// Layers in a spelling of weight norm, by what stands behind their names.
Index weight_norms(const TensorFile& file, std::string_view length, std::string_view direction) {
  return std::ranges::count_if(file.tensors(), [&](const TensorInfo& t) {
    return t.name.ends_with(length) &&
           file.find(t.name.substr(0, t.name.size() - length.size()) + std::string(direction));
  });
}

void describe_file(const TensorFile& file) {
  Index values = 0;
  double bytes = 0;
  for (const TensorInfo& t : file.tensors()) {
    values += t.elements;
    bytes += static_cast<double>(t.elements * dtype_size(t.dtype));
  }
  say(file.path(), ": ", file.format(), ", ", file.tensors().size(), " tensors, ", values, " values, ",
      megabytes(bytes));
  constexpr struct {
    const char *length, *direction;
  } spellings[] = {{".weight_g", ".weight_v"},
                   {".parametrizations.weight.original0", ".parametrizations.weight.original1"}};
  for (const auto& [length, direction] : spellings)
    if (const Index n = weight_norms(file, length, direction); n > 0)
      say("weight norm    ", n, " layers, as ", length + 1, " and ", direction + 1);
}

/// "upsample_rates [8,8,2,2]", on one line and not without end.
void describe_value(const std::string& key, const Json& value) {
  constexpr std::size_t longest = 100;
  std::string text = value.is_string() ? value.get<std::string>()
                                       : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > longest) {
    std::size_t end = longest;  // of whole characters
    while (end > longest - 4 && (text[end] & 0xc0) == 0x80) --end;
    text = text.substr(0, end) + " ...";
  }
  say("  ", key, " ", text);
}

/// How many of a list are left behind its first lines.
void describe_rest(std::size_t all) {
  if (std::cmp_greater(all, most_lines)) say("... and ", static_cast<Index>(all) - most_lines, " more");
}

/// JSON objects key by key, without what nests deeper than any settings.
void describe_metadata(const TensorFile& file) {
  for (const auto& [key, text] : file.metadata()) {
    const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < most_depth; };
    // Values of more text may not fit in memory, and a destructor of theirs that finds none ends the program.
    const Json json =
        text.size() <= most_text ? Json::parse(text, shallow, false) : Json(Json::value_t::discarded);
    say("");
    say(key);
    if (!json.is_object()) {
      describe_value("", json.is_discarded() ? Json(text) : json);
      continue;
    }
    Index lines = 0;
    for (auto at = json.begin(); at != json.end() && lines < most_lines; ++at, ++lines)
      describe_value(at.key(), at.value());
    describe_rest(json.size());
  }
}

void describe_tensors(const TensorFile& file) {
  say("");
  const auto& all = file.tensors();
  for (const TensorInfo& t : std::span(all).first(std::min<std::size_t>(all.size(), most_lines)))
    say(t.name, " ", dtype_name(t.dtype), " ", shape_string(t.shape));
  describe_rest(all.size());
}

/// What makes the phases of the last of these layers, where that upsamples: it alone or, where it but
/// shuffles what a layer before it made for all of them, from that one on. Nothing of codes, bins and
/// subbands, whose values are no levels, and where it is not to be told.
std::optional<Op> maker_of_phases(std::span<const Layer> layers) {
  const auto streams = [](const Op& op) { return op.inputs() == 1 && op.outputs() == 1 && op.streamable(); };
  const auto learned = [](const Op& op) { return op.parameters() > 0 && op.macs_per_frame() > 0; };
  const auto moves = [](const Op& op) { return op.parameters() == 0 && op.macs_per_frame() == 0; };
  const auto keeps_channels = [](const Op& op) { return op.in_channels() == op.out_channels(); };
  const Op& last = layers.back().op;
  if (!streams(last) || last.rate().num >= last.rate().den) return {};
  if (learned(last) || (moves(last) && keeps_channels(last))) return last;
  std::vector<Op> ops{last};
  while (moves(ops.front()) && layers.size() > 1) {
    layers = layers.first(layers.size() - 1);
    const Op& before = layers.back().op;
    if (!streams(before) || before.out_channels() != ops.front().in_channels()) return {};
    ops.insert(ops.begin(), before);
    if (learned(before)) return Stack(ops);
    if (!keeps_channels(before) || before.rate().num != before.rate().den) return {};
  }
  return {};
}

/// How unequally an upsampling layer treats the phases of its output; empty for other layers.
std::string checkerboard_text(const Op& op) {
  std::vector<double> spread = checkerboard(op).spread_db;
  const std::size_t channels = spread.size();
  // Of channels whose gain changes its sign between phases, as with random weights, the ratio is infinite.
  std::erase_if(spread, [](double db) { return std::isinf(db); });
  std::string text;
  if (!spread.empty()) {
    const auto middle = spread.begin() + static_cast<std::ptrdiff_t>(spread.size() / 2);
    std::nth_element(spread.begin(), middle, spread.end());
    text = message("checkerboard ", fixed(*middle, 1), " dB, at worst ",
                   fixed(*std::max_element(middle, spread.end()), 1), " dB");
  }
  if (spread.size() < channels)
    text += message(text.empty() ? "checkerboard: " : "; ", channels - spread.size(), " of ", channels,
                    " channels change sign");
  return text;
}

/// "1 to 9", or one by one: codebooks, codes where a frame has others than one of each, and bandwidths.
std::string codebooks_text(const std::vector<CodesChoice>& choices) {
  const Index n = std::ssize(choices);
  const auto plain = [](const CodesChoice& c) { return c.per_frame == c.codebooks && !c.bandwidth_kbps; };
  if (n > 2 && std::ranges::all_of(choices, plain)) return message("1 to ", n);
  std::string text;
  for (const CodesChoice& c : choices)
    text += message(text.empty() ? "" : ", ", c.codebooks,
                    c.per_frame != c.codebooks ? message(" (", c.per_frame, " codes a frame)") : "",
                    c.bandwidth_kbps ? message(" at ", *c.bandwidth_kbps, " kbit/s") : "");
  return text;
}

void describe_cost(const Op& network, double macs_per_second, const std::vector<Layer>& layers) {
  say("stream state   ", fixed(static_cast<double>(network.carried_bytes()) / 1024, 0), " KiB");
  say("parameters     ", network.parameters());
  say("work           ", fixed(macs_per_second / 1e9, 3), " GMAC/s");
  say("");
  say("    frames/s     MMAC/s  layer");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    char rates[64];
    std::snprintf(rates, sizeof rates, "%12.2f %10.2f  ", layer.frames_per_second,
                  layer.macs_per_second / 1e6);
    const std::optional<Op> maker = maker_of_phases(std::span(layers).first(i + 1));
    const std::string meter = maker ? checkerboard_text(*maker) : "";
    say(rates, layer.op.name(), meter.empty() ? "" : "; ", meter);
  }
}

/// `halves`: of a codec those that the file holds.
void describe_model(const CodesModel& model, const std::string& halves) {
  const Model& m = model.model;
  const Op& network = m.network;
  const Ratio up = m.upsampling();
  say("architecture   ", m.architecture);
  if (!halves.empty()) say("holds          ", halves);
  say("features       ", m.features.name, ": ", m.features.n_mels,
      m.codes > 0 ? message(" codes of 0 to ", m.codes - 1) : " bands", ", ",
      fixed(frame_rate(m.features), 2), " frames/s",
      m.no_analysis.empty() ? "" : "; not made of sound: " + m.no_analysis);
  if (!model.choices.empty()) say("codebooks      ", codebooks_text(model.choices));
  say("sound          ", m.features.sample_rate, " Hz, ", up.num, up.den == 1 ? "" : message("/", up.den),
      " samples a frame");
  say("lookahead      ", network.lookahead_frames(), " frames, ", fixed(m.lookahead_seconds(), 3), " s");
  say("latency        ", network.latency_frames(), " samples");
  say("receptive      ", network.receptive_field(), " frames");
  describe_cost(network, m.macs_per_second(), m.layers());
}

void describe_encoder(const CodecEncoder& e) {
  const Op& network = e.network;
  say("");
  say("encoder        ", e.sample_rate, " Hz, ", e.hop_length, " samples a frame, to ",
      network.out_channels(), " codes of 0 to ", e.codes - 1, ", ", fixed(e.frames_per_second(), 2),
      " frames/s, ", fixed(e.kbps(), 2), " kbit/s");
  say("lookahead      ", network.lookahead_frames(), " samples, ", fixed(e.lookahead_seconds(), 3), " s");
  say("latency        ", network.latency_frames(), " frames");
  say("receptive      ", network.receptive_field(), " samples");
  describe_cost(network, e.macs_per_second(), e.layers());
}

/// The network of a checkpoint, and of a codec what makes the codes that it takes.
void describe_networks(const std::string& path, const ModelOptions& options) {
  const CodesModel model = load_model_for_codes(path, options, {});
  if (std::ranges::count(known_codecs(), model.model.architecture) == 0) return describe_model(model, "");
  std::optional<CodecEncoder> encoder;
  std::string lack;
  try {
    encoder = load_codec_encoder(path, {.config = options.config,
                                        .bandwidth_kbps = options.bandwidth_kbps,
                                        .codebooks = options.codebooks,
                                        .prefix = options.prefix});
  } catch (const IoError& e) {
    lack = e.reason();
  }
  describe_model(model, encoder ? "decoder and encoder" : "decoder alone; " + lack);
  if (encoder) describe_encoder(*encoder);
}

}  // namespace

std::function<void()> inspect_command(CLI::App& app) {
  struct Arguments {
    std::string in, embedding;
    ModelOptions options;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("FILE", a->in, "checkpoint: .safetensors, of torch.save, or .onnx, whatever its name")
      ->required();
  add_model_options(app, a->options);
  add_speaker_options(app, a->options, a->embedding);
  add_codes_options(app, a->options);
  return [a] {
    read_speaker_embedding(a->embedding, a->options);
    const std::unique_ptr<TensorFile> file = open_checkpoint(a->in);
    describe_file(*file);
    try {
      describe_networks(a->in, a->options);
    } catch (const IoError& e) {
      // Without a config it is still a file of tensors.
      if (!a->options.config.empty()) throw;
      const std::string known = recognised_architecture(*file);
      say("architecture   ", known.empty() ? "not known" : known + ", not complete: " + e.what());
    }
    describe_metadata(*file);
    describe_tensors(*file);
  };
}

}  // namespace wavestride::cli
