// Model: a trained network and what its user must know about it, from the checkpoints that people hold; and
// where the models that come with the library lie.
#pragma once

#include <wavestride/mel.h>
#include <wavestride/op.h>
#include <wavestride/tensor_file.h>
#include <wavestride/weights.h>

#include <optional>
#include <string>

namespace WAVESTRIDE_API wavestride {

/// One layer of a model, an Op of its own: layer.op.name() says kind and shapes, checkerboard(layer.op)
/// measures it.
struct Layer {
  Op op;
  double frames_per_second;  ///< that it makes
  double macs_per_second;    ///< multiply-adds per second of audio
};

/// A vocoder: features in, sound out.
struct Model {
  std::string architecture;  ///< "hifigan"; known_architectures() lists them
  MelOptions features;       ///< what the network takes: features.n_mels × frames
  Op network;                ///< features.n_mels × frames to 1 × samples, at features.sample_rate
  /// Why features can't be made of sound with `features` alone, as where a model takes another network's
  /// latents, or statistics of its recipe are missing; empty where they can.
  std::string no_analysis = {};
  /// Of a network that takes codes, whole numbers, in place of mel frames: they are 0 … codes−1; what lies
  /// between two stands for the lower, what lies beyond them for the first or the last, NaN for 0. Of others
  /// 0.
  Index codes = 0;

  /// 1 × samples of n_mels × frames. Throws std::invalid_argument on another number of bands.
  Signal operator()(FramesView mel) const { return network(mel); }

  /// Samples per frame.
  Ratio upsampling() const;
  /// How far beyond its own time a sample reads the features, at worst.
  double lookahead_seconds() const;
  double macs_per_second() const;  ///< of audio
  std::vector<Layer> layers() const;
};

/// What its caller gives to a network that draws random numbers.
enum class Given {
  features,  ///< nothing else: it draws them by ModelOptions::seed and position
  /// as a second input, 1 × samples of normal noise; to a WaveNet wavenet_noise_channels() rows; to SNAC as
  /// one more input for each of its rates, 1 × the frames that there are behind it
  noise,
  samples,  ///< to a WaveNet the samples themselves, one later: its output is what it says of each
};

/// What a checkpoint does not say about itself.
struct ModelOptions {
  /// Path of the config, JSON or YAML, or a name of named_configs(); empty: the one in the file's metadata,
  /// else the one beside the file; EnCodec's of 24 kHz needs none.
  std::string config = {};
  /// Name of a mel_preset(): the features, where the config does not describe them.
  std::string preset = {};
  /// Path of mean and deviation of the recipe's features, [2, bands] (.npy): frames are normalised by them
  /// before the network, which was trained on such. Empty: they come normalised, or need not be.
  std::string stats = {};
  /// One of the voices of a file that has several,
  std::optional<Index> speaker = {};
  /// or the embedding of any other.
  std::vector<float> speaker_embedding = {};
  /// Of a network that takes the codes of a codec: one of the rates that it was trained on, in kilobits per
  /// second, by which a frame has more or fewer codes. Nothing: the highest.
  std::optional<double> bandwidth_kbps = {};
  /// The same by how many of its codebooks, the first ones, a frame has codes of; of DAC and SNAC any number.
  /// Nothing: all that it was trained on.
  std::optional<Index> codebooks = {};
  /// Of networks that draw random numbers.
  std::uint64_t seed = 0;
  Given given = Given::features;
  /// Of a file that holds a network several times, as beside a moving average of its weights: what the names
  /// of the copy to take begin with, "model_ema". Only the tensors behind it are looked at; "": the copy that
  /// stands behind no such name.
  std::optional<std::string> prefix = {};
};

/// Reads a trained network: from one self-contained .safetensors file whose metadata hold its "config" as
/// JSON (examples/train/ makes such files), or from a checkpoint and its config. Throws IoError, with path
/// and reason, unless the architecture is known, the config says all that the weights leave open, the
/// tensors are exactly those that it calls for, and their numbers finite.
Model load_model(const std::string& path, const ModelOptions& options = {});

/// The same from an open file.
Model load_model(const TensorFile& file, const ModelOptions& options = {});

/// Configs that come with the library, for files that come without: "hifigan-v1", …
std::vector<std::string> named_configs();
/// Writes what load_model() would load as one .safetensors file that needs no options any more but a speaker
/// and a bandwidth or codebooks: config, statistics and the weights that the network uses, weight norm
/// folded; of a codec whose file holds its encoder that, too, for load_codec_encoder(). dtype: f32, f16 or
/// bf16. Throws as load_model() does, and IoError when writing fails.
void convert_model(const std::string& path, const std::string& out, const ModelOptions& options = {},
                   DType dtype = DType::f32);

/// "<layer>.weight" and, where there is one, "<layer>.bias" of a file, for networks of one's own. Weight norm
/// in any of PyTorch's spellings is merged: v·g/‖v‖. Throws IoError where there is no such weight.
///     const LayerWeights w = load_layer(*open_checkpoint("net.pth"), "encoder.0");
///     const Op conv = op::conv1d(w.weight, w.bias, {.padding = "same"});
LayerWeights load_layer(const TensorFile& file, const std::string& layer);

/// Names of the architectures that load_model() builds.
std::vector<std::string> known_architectures();
/// The architecture whose layers the file holds, empty where it is none of them.
std::string recognised_architecture(const TensorFile& file);

/// The path of a file that comes with the library: in the directory $WAVESTRIDE_DATA where that is set, else
/// in share/wavestride in the directory of the program or shared library that holds this code or in one of
/// the two above it, else where the library was installed, else in the source tree that it was built from.
/// Throws IoError when it is in none, listing them.
std::string data_file(const std::string& name);

/// The vocoder that comes with the library: load_model(data_file(default_vocoder_file)), 16 kHz speech from
/// the preset wavestride-16k. Throws as these two.
Model default_vocoder();
inline constexpr const char* default_vocoder_file = "vocoder-16k.safetensors";

}  // namespace wavestride
