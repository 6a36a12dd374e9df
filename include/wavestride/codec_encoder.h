// CodecEncoder: the half of a neural codec that makes codes of sound. The other half, which makes sound of
// codes again, is load_model() of the same file.
#pragma once

#include <wavestride/arithmetic.h>
#include <wavestride/codes_choice.h>
#include <wavestride/model.h>

namespace WAVESTRIDE_API wavestride {

/// The encoder of EnCodec, DAC or SNAC: sound in, codes out. A frame has its codes in the order in which the
/// decoder takes them: one of each codebook; of SNAC those of the first, in order of time, those of the
/// second, and so on.
///
/// A code is the number of the codebook row nearest to what the rows before it leave of the latents, by sums
/// in float32. Torch, whose sums have another order, may choose another row where two are as near to each
/// other as rounding is large, and then other ones for the rest of that frame.
struct CodecEncoder {
  std::string architecture;  ///< "dac"
  std::string codec;         ///< "DAC"
  Index sample_rate;         ///< Hz, of the sound
  Index hop_length;          ///< samples of a frame of codes; a last one that they do not fill is padded,
                             ///< with attention to the end of a window
  Index codes;               ///< they are 0 … codes−1
  /// What the network was trained on, of which ModelOptions::codebooks or bandwidth_kbps chose one.
  std::vector<CodesChoice> choices;
  Op latents;    ///< 1 × samples to what is quantised, before it is
  Op quantiser;  ///< latents to codes
  Op network;    ///< both, one behind the other

  /// Codes of a frame × frames of 1 × samples. Throws std::invalid_argument on another number of channels.
  Signal operator()(FramesView samples) const { return network(samples); }

  /// How far beyond the start of its own samples a frame of codes reads, at worst.
  double lookahead_seconds() const {
    return static_cast<double>(network.lookahead_frames()) / static_cast<double>(sample_rate);
  }
  double frames_per_second() const {
    return static_cast<double>(sample_rate) / static_cast<double>(hop_length);
  }
  double kbps() const;             ///< of the codes, in kilobits per second
  double macs_per_second() const;  ///< of audio
  std::vector<Layer> layers() const;
};

/// Reads the encoder of a codec's file, as its recipe saved it, with decoder and codebooks. Of the options
/// config, bandwidth_kbps, codebooks and prefix have a say; what is left out means what it means there, so
/// that the codes are those that load_model(path, options) takes:
///
///     const ModelOptions options{.codebooks = 4};
///     const Signal codes = load_codec_encoder("weights.pth", options)(samples);
///     const Signal again = load_model("weights.pth", options)(codes);
///
/// A file that convert_model() wrote serves as well. Loudness is left as it is: DAC's own program may
/// normalise it before. Throws IoError as load_model() does, and where the file holds no encoder.
CodecEncoder load_codec_encoder(const std::string& path, const ModelOptions& options = {});

/// The same from an open file.
CodecEncoder load_codec_encoder(const TensorFile& file, const ModelOptions& options = {});

/// Names of the architectures that it builds.
std::vector<std::string> known_codecs();

/// The encoder, its latents computed so, and quantised in float as before. Latents that round otherwise lie
/// nearer to another row here and there.
CodecEncoder compute_by(CodecEncoder encoder, const Arithmetic& arithmetic);

}  // namespace wavestride
