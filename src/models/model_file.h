// ModelFile: the tensors and the config of one model, from which an architecture is built. Layers are asked
// for by name, with the shape that the config calls for; names stand behind a prefix, weights may be in any
// of the spellings of weight norm.
#pragma once

#include <wavestride/codes_choice.h>
#include <wavestride/weights.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "models/config.h"

namespace wavestride::models {

/// The shape of a layer's weight, however it is stored; nothing where the file has no such layer. `layer` is
/// the full name: "generator.conv_pre".
std::optional<std::vector<Index>> weight_shape(const TensorFile& file, const std::string& layer);

/// A pattern with numbers in place of braces, {m} the last: "resblocks.{n}.convs1.{m}" of block 3, layer 0 is
/// "resblocks.3.convs1.0".
std::string layer_name(std::string_view pattern, std::size_t number, std::size_t m = 0);

/// The prefixes P ("", "generator.", "model_g.dec.") for which the file holds all layers P + name.
std::vector<std::string> prefixes_of(const TensorFile& file, const std::vector<std::string>& layers);

/// The tensors of a file whose names begin with "`prefix`." (with "": all), as float32. Throws IoError where
/// there are none. The file must outlive it.
std::unique_ptr<TensorFile> part_of(const TensorFile& file, const std::string& prefix);

/// A layer's weight with weight norm folded: w = v·g/‖v‖, the norm over all dimensions but the first, from
/// "weight", "weight_g" and "weight_v", or "parametrizations.weight.original0" and "…original1". Throws
/// IoError where there is none, or where g has another shape.
Tensor folded_weight(const TensorFile& file, const std::string& layer);

enum class Bias { required, optional, none };

class ModelFile {
 public:
  ModelFile(const TensorFile& file, Config config, ModelOptions options)
      : file_(file), config_(std::move(config)), options_(std::move(options)) {}

  /// An IoError about the tensors.
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw IoError(file_.path(), message(parts...));
  }

  const Config& config() const { return config_; }
  const ModelOptions& options() const { return options_; }
  const TensorFile& tensors() const { return file_; }

  /// What locate() has found.
  const std::string& prefix() const { return prefix_; }

  /// From now on names stand behind the prefix under which the file holds these layers; all its tensors
  /// behind the prefix and one of `scopes` belong to the network. Throws IoError where there is none, or
  /// several of which ModelOptions::prefix names none.
  void locate(const std::vector<std::string>& layers, std::vector<std::string> scopes = {""});

  std::optional<std::vector<Index>> shape_of(const std::string& layer) const {
    return weight_shape(file_, prefix_ + layer);
  }
  bool holds(const std::string& layer) const { return shape_of(layer).has_value(); }
  bool holds_tensor(const std::string& name) const { return file_.find(prefix_ + name) != nullptr; }

  /// A tensor of this shape, of finite numbers. `by` names the keys of the config that call for it.
  Tensor tensor(const std::string& name, const std::vector<Index>& shape, const std::string& by = {});
  /// Weight and bias of a layer, the bias as long as the output of an nn.Conv1d (shape[0]).
  LayerWeights conv(const std::string& layer, const std::vector<Index>& shape, Bias bias = Bias::required,
                    const std::string& by = {}) {
    return this->layer(layer, shape, shape[0], bias, by);
  }
  /// The same of an nn.ConvTranspose1d (shape[1]).
  LayerWeights conv_transpose(const std::string& layer, const std::vector<Index>& shape,
                              Bias bias = Bias::required, const std::string& by = {}) {
    return this->layer(layer, shape, shape[1], bias, by);
  }
  /// Where the file holds one of these layers, (out, size, 1), it is fed the speaker's embedding, the same
  /// for every frame, and its output is added to the `bias` of another: the embedding that the options give,
  /// or the row of the file's table that they name. Throws IoError where they do neither.
  void add_speaker(std::vector<float>& bias, Index outputs, const std::vector<std::string>& layers);
  /// The bandwidth that the options name, of those that a network has, by itself or by the codes of a frame
  /// at it; where they name none that of the codes expected, else the highest. Throws IoError where they name
  /// another. `takes_codes`: whether it does, and not what stands for them.
  double bandwidth_kbps(const std::vector<double>& known, const std::function<Index(double)>& codes_at,
                        bool takes_codes = true);
  /// Of a network that takes any number of its codebooks, the first ones, how many the options name; where
  /// they say nothing as many as give the codes expected, else all. Throws IoError where there are not so
  /// many, or they name a bandwidth. codes: of a frame, of each codebook.
  Index codebooks(const std::vector<Index>& codes);
  /// Codes of a frame, as load_model_for_codes() has them.
  void expect_codes(std::optional<Index> per_frame) { expected_codes_ = per_frame; }
  const std::vector<CodesChoice>& codes_choices() const { return codes_choices_; }
  /// Complaints of codes are those of an encoder.
  void make_codes() { codes_verb_ = "makes"; }
  /// Whether the options say that the caller gives this.
  bool given(Given what) {
    given_used_ = given_used_ || options_.given == what;
    return options_.given == what;
  }
  /// The architecture has no use for this tensor.
  void skip(const std::string& name) { skipped_.insert(prefix_ + name); }
  /// Nor for this layer, whose weight may be in any spelling.
  void skip_layer(const std::string& name);
  /// Where the file wants a voice to be named and the options name none, any will do: for those who look at
  /// the file and make no sound.
  void accept_any_speaker() { any_speaker_ = true; }

  /// What the network was built from: the tensors that were asked for, weight norm folded.
  std::map<std::string, Tensor> used_tensors() const;

  /// Throws IoError naming a tensor behind the prefix, or a choice of speaker, codes or input, that had no
  /// use.
  void require_all_used() const;

 private:
  std::vector<float> speaker(Index size);
  std::optional<Index> chosen_codebooks() const;
  LayerWeights layer(const std::string& name, const std::vector<Index>& shape, Index outputs, Bias bias,
                     const std::string& by);
  void check_shape(const std::string& name, const std::vector<Index>& shape, const std::vector<Index>& wanted,
                   const std::string& by) const;
  /// Training that diverged leaves NaN, of which no sound is made.
  void check_finite(const std::string& tensors, const std::vector<float>& values) const;

  const TensorFile& file_;
  Config config_;
  ModelOptions options_;
  std::string prefix_;
  std::vector<std::string> others_;  // prefixes of other copies of the network
  std::vector<std::string> scopes_{""};
  std::set<std::string> used_, skipped_;
  std::optional<Index> expected_codes_;
  const char* codes_verb_ = "takes";
  std::vector<CodesChoice> codes_choices_;
  bool speaker_used_ = false, any_speaker_ = false, bandwidth_used_ = false, codebooks_used_ = false,
       given_used_ = false;
};

}  // namespace wavestride::models
