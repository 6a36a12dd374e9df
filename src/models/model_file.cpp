#include "models/model_file.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace wavestride::models {
namespace {

/// How the weight of a layer may be spelled: as direction and length, or as it is.
struct WeightSpelling {
  const char* value;   ///< v, or the weight
  const char* length;  ///< g, or nullptr
};

/// The first that a file has counts: a module that was saved whole keeps beside v and g the weight that they
/// made when it ran last, before its last step of training.
constexpr std::array<WeightSpelling, 3> spellings{
    {{".weight_v", ".weight_g"},
     {".parametrizations.weight.original1", ".parametrizations.weight.original0"},
     {".weight", nullptr}}};

const WeightSpelling* spelling_of(const TensorFile& file, const std::string& layer) {
  for (const WeightSpelling& s : spellings)
    if (file.find(layer + s.value) != nullptr) return &s;
  return nullptr;
}

class Part final : public TensorFile {
 public:
  Part(const TensorFile& file, const std::string& start)
      : TensorFile(file.path(), file.format()), file_(file) {
    std::vector<TensorInfo> tensors;
    for (TensorInfo t : file.tensors())
      if (t.name.starts_with(start)) {
        t.dtype = DType::f32;
        tensors.push_back(std::move(t));
      }
    if (tensors.empty())
      throw IoError(file.path(), "holds no tensor whose name begins with \"" + start + "\"");
    set_directory(std::move(tensors), file.metadata());
  }

 private:
  void visit(std::size_t i, const std::function<void(std::span<const std::byte>)>& take) const override {
    const Tensor t = file_.load(tensors()[i].name);
    take(std::as_bytes(std::span(t.data)));
  }

  const TensorFile& file_;
};

std::string with_dot(const std::string& prefix) {
  return prefix.empty() || prefix.back() == '.' ? prefix : prefix + ".";
}

/// Prefixes without the last parts that are the same in all: "model.dec." beside "ema.dec." is "model.".
std::vector<std::string> shortened(std::vector<std::string> prefixes) {
  for (;;) {
    std::string last;
    for (const std::string& p : prefixes) {
      if (p.size() < 2) return prefixes;
      const std::size_t dot = p.rfind('.', p.size() - 2);
      const std::string part = p.substr(dot == p.npos ? 0 : dot + 1);
      if (!last.empty() && part != last) return prefixes;
      last = part;
    }
    for (std::string& p : prefixes) p.resize(p.size() - last.size());
  }
}

}  // namespace

std::unique_ptr<TensorFile> part_of(const TensorFile& file, const std::string& prefix) {
  return std::make_unique<Part>(file, with_dot(prefix));
}

std::optional<std::vector<Index>> weight_shape(const TensorFile& file, const std::string& layer) {
  const WeightSpelling* s = spelling_of(file, layer);
  return s ? std::optional(file.find(layer + s->value)->shape) : std::nullopt;
}

std::string layer_name(std::string_view pattern, std::size_t number, std::size_t m) {
  std::string name;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '{') {
      name += pattern[at];
      continue;
    }
    name += std::to_string(pattern[at + 1] == 'm' ? m : number);
    at += 2;
  }
  return name;
}

std::vector<std::string> prefixes_of(const TensorFile& file, const std::vector<std::string>& layers) {
  std::vector<std::string> found;
  const auto holds_all = [&](const std::string& prefix) {
    return std::all_of(layers.begin(), layers.end(),
                       [&](const std::string& layer) { return spelling_of(file, prefix + layer); });
  };
  for (const WeightSpelling& s : spellings) {
    const std::string name = layers.front() + s.value;
    for (const TensorInfo& t : file.tensors()) {
      if (!t.name.ends_with(name)) continue;
      const std::string prefix = t.name.substr(0, t.name.size() - name.size());
      if (spelling_of(file, prefix + layers.front()) != &s) continue;
      if ((prefix.empty() || prefix.back() == '.') && holds_all(prefix)) found.push_back(prefix);
    }
  }
  return found;
}

Tensor folded_weight(const TensorFile& file, const std::string& layer) {
  const WeightSpelling* s = spelling_of(file, layer);
  if (s == nullptr) throw IoError(file.path(), message("tensor \"", layer, ".weight\" is missing"));
  Tensor w = file.load(layer + s->value);
  if (s->length == nullptr || w.shape.empty()) return w;
  const Tensor g = file.load(layer + s->length);
  std::vector<Index> expected(w.shape.size(), 1);
  expected[0] = w.shape[0];
  if (g.shape != expected)
    throw IoError(file.path(), message("tensor \"", layer, s->length, "\" must have shape ",
                                       shape_string(expected), ", has ", shape_string(g.shape)));
  const Index size = w.shape[0] > 0 ? w.size() / w.shape[0] : 0;
  for (Index row = 0; row < w.shape[0]; ++row) {
    const std::span<float> v(w.data.data() + row * size, static_cast<std::size_t>(size));
    double squares = 0;
    for (const float x : v) squares += static_cast<double>(x) * x;
    const double factor = g.data[static_cast<std::size_t>(row)] / std::sqrt(squares);
    for (float& x : v) x = static_cast<float>(factor * x);
  }
  return w;
}

void ModelFile::locate(const std::vector<std::string>& layers, std::vector<std::string> scopes) {
  others_ = prefixes_of(file_, layers);
  if (others_.empty()) refuse("holds no layer \"", layers.front(), "\"");
  std::size_t chosen = 0;
  if (others_.size() > 1) {
    const std::vector<std::string> names = shortened(others_);
    const auto it = options_.prefix ? std::ranges::find(names, with_dot(*options_.prefix)) : names.end();
    if (it == names.end()) {
      std::vector<std::string> quoted;
      for (const std::string& name : names)
        quoted.push_back(message('"', name.substr(0, name.empty() ? 0 : name.size() - 1), '"'));
      refuse("holds the network several times, behind the prefixes ", joined(quoted), ": name one");
    }
    chosen = static_cast<std::size_t>(it - names.begin());
  }
  prefix_ = others_[chosen];
  others_.erase(others_.begin() + static_cast<std::ptrdiff_t>(chosen));
  scopes_ = std::move(scopes);
}

void ModelFile::check_shape(const std::string& name, const std::vector<Index>& shape,
                            const std::vector<Index>& wanted, const std::string& by) const {
  if (shape != wanted)
    refuse("tensor \"", name, "\" must have shape ", shape_string(wanted),
           by.empty() ? "" : " by the config's " + by, ", has ", shape_string(shape));
}

void ModelFile::check_finite(const std::string& tensors, const std::vector<float>& values) const {
  const auto it = std::ranges::find_if_not(values, [](float v) { return std::isfinite(v); });
  if (it != values.end())
    refuse(tensors, ": numbers must be finite, one is ", std::isnan(*it) ? "nan" : "infinite");
}

Tensor ModelFile::tensor(const std::string& name, const std::vector<Index>& shape, const std::string& by) {
  const std::string full = prefix_ + name;
  const TensorInfo* info = file_.find(full);
  if (info == nullptr)
    refuse("tensor \"", full, "\" is missing", by.empty() ? "" : "; see the config's " + by);
  check_shape(full, info->shape, shape, by);
  used_.insert(full);
  Tensor t = file_.load(full);
  check_finite(message("tensor \"", full, '"'), t.data);
  return t;
}

LayerWeights ModelFile::layer(const std::string& name, const std::vector<Index>& shape, Index outputs,
                              Bias bias, const std::string& by) {
  const std::string full = prefix_ + name;
  const WeightSpelling* s = spelling_of(file_, full);
  if (s == nullptr)
    refuse("tensor \"", full, ".weight\" is missing", by.empty() ? "" : "; see the config's " + by);
  check_shape(full + s->value, file_.find(full + s->value)->shape, shape, by);
  used_.insert(full + s->value);
  if (s->length != nullptr) {
    used_.insert(full + s->length);
    skip(name + ".weight");
  }
  LayerWeights result{folded_weight(file_, full)};
  check_finite(s->length == nullptr
                   ? message("tensor \"", full, s->value, '"')
                   : message("tensors \"", full, s->value, "\" and \"", full, s->length, '"'),
               result.weight.data);
  if (bias == Bias::required || (bias == Bias::optional && holds_tensor(name + ".bias")))
    result.bias = tensor(name + ".bias", {outputs}, by).data;
  return result;
}

void ModelFile::skip_layer(const std::string& name) {
  skip(name + ".bias");
  for (const WeightSpelling& s : spellings)
    for (const char* part : {s.value, s.length})
      if (part != nullptr) skip(name + part);
}

std::vector<float> ModelFile::speaker(Index size) {
  speaker_used_ = true;
  if (!options_.speaker_embedding.empty()) {
    if (static_cast<Index>(options_.speaker_embedding.size()) != size)
      refuse("takes a speaker embedding of ", size, " values, got ", options_.speaker_embedding.size());
    check_finite("the speaker embedding", options_.speaker_embedding);
    return options_.speaker_embedding;
  }
  for (const char* table : {"emb_g", "global_emb", "embed_speaker", "embed_speakers"}) {
    const std::vector<std::string> prefixes = prefixes_of(file_, {table});
    if (prefixes.empty()) continue;
    // Of several, that of the model which the network is a part of.
    std::string name = prefixes.front();
    for (const std::string& p : prefixes)
      if (prefix_.starts_with(p) && (!prefix_.starts_with(name) || p.size() > name.size())) name = p;
    name += table + std::string(".weight");
    used_.insert(name);
    const Tensor rows = file_.load(name);
    if (rows.shape.size() != 2 || rows.shape[1] != size || rows.shape[0] < 1)
      refuse("tensor \"", name, "\" must have shape [speakers, ", size, "], has ", shape_string(rows.shape));
    check_finite(message("tensor \"", name, '"'), rows.data);
    const Index chosen = options_.speaker.value_or(any_speaker_ ? 0 : -1);
    if (chosen < 0 || chosen >= rows.shape[0])
      refuse("has the voices of speakers 0 to ", rows.shape[0] - 1, ": name one",
             options_.speaker ? message(", not ", *options_.speaker) : "");
    const float* row = rows.data.data() + chosen * size;
    return {row, row + size};
  }
  if (any_speaker_) return std::vector<float>(static_cast<std::size_t>(size));
  refuse("speaks with the voice of an embedding of ", size, " values, which is not in the file: give one");
}

std::optional<Index> ModelFile::chosen_codebooks() const {
  if (options_.codebooks || options_.bandwidth_kbps || !expected_codes_) return options_.codebooks;
  const auto c = std::ranges::find(codes_choices_, *expected_codes_, &CodesChoice::per_frame);
  return c == codes_choices_.end() ? std::nullopt : std::optional(c->codebooks);
}

double ModelFile::bandwidth_kbps(const std::vector<double>& known,
                                 const std::function<Index(double)>& codes_at, bool takes_codes) {
  bandwidth_used_ = codebooks_used_ = true;
  if (takes_codes)
    for (const double kbps : known) codes_choices_.push_back({codes_at(kbps), codes_at(kbps), kbps});
  const std::optional<Index> books = chosen_codebooks();
  const double chosen = options_.bandwidth_kbps.value_or(*std::ranges::max_element(known));
  const auto at = books ? std::ranges::find(known, *books, codes_at) : std::ranges::find(known, chosen);
  if (at != known.end()) return *at;
  std::vector<std::string> names;
  for (const double kbps : known) names.push_back(books ? message(codes_at(kbps)) : message(kbps));
  if (books) refuse(codes_verb_, " codes of ", joined(names), " codebooks: name one of these, not ", *books);
  refuse(codes_verb_, " codes of ", joined(names), " kbps: name one of these bandwidths, not ", chosen);
}

Index ModelFile::codebooks(const std::vector<Index>& codes) {
  bandwidth_used_ = codebooks_used_ = true;
  const Index all = std::ssize(codes);
  for (Index n = 0, per_frame = 0; n < all; ++n)
    codes_choices_.push_back({n + 1, per_frame += codes[static_cast<std::size_t>(n)], {}});
  if (options_.bandwidth_kbps)
    refuse(codes_verb_, " codes of any number of its ", all, " codebooks: name that, no bandwidth");
  const Index chosen = chosen_codebooks().value_or(all);
  if (chosen < 1 || chosen > all)
    refuse(codes_verb_, " codes of the first 1 to ", all, " of its codebooks, not of ", chosen);
  return chosen;
}

void ModelFile::add_speaker(std::vector<float>& bias, Index outputs, const std::vector<std::string>& layers) {
  for (const std::string& name : layers) {
    const auto shape = shape_of(name);
    if (!shape) continue;
    const Index size = shape->size() == 3 ? (*shape)[1] : 0;
    const LayerWeights w = conv(name, {outputs, size, 1}, Bias::optional);
    const std::vector<float> g = speaker(size);
    bias.resize(static_cast<std::size_t>(outputs), 0.0f);
    for (std::size_t o = 0; o < bias.size(); ++o) {
      double sum = w.bias.empty() ? 0.0 : static_cast<double>(w.bias[o]);
      for (std::size_t i = 0; i < g.size(); ++i)
        sum += static_cast<double>(w.weight.data[o * g.size() + i]) * static_cast<double>(g[i]);
      bias[o] += static_cast<float>(sum);
    }
    check_finite(message("what layer \"", prefix_, name, "\" makes of the speaker's embedding"), bias);
  }
}

std::map<std::string, Tensor> ModelFile::used_tensors() const {
  std::map<std::string, Tensor> tensors;
  // "a.weight_v" with "a.weight_g" beside it, or the reverse, belong to layer "a".
  const auto layer_of = [&](const std::string& name) -> std::optional<std::string> {
    for (const WeightSpelling& s : spellings)
      for (const char* part : {s.value, s.length})
        if (s.length != nullptr && name.ends_with(part)) {
          std::string layer = name.substr(0, name.size() - std::string_view(part).size());
          if (file_.find(layer + s.value) && file_.find(layer + s.length)) return layer;
        }
    return {};
  };
  for (const std::string& name : used_)
    if (const auto layer = layer_of(name))
      tensors.try_emplace(*layer + ".weight", folded_weight(file_, *layer));
    else
      tensors.emplace(name, file_.load(name));
  return tensors;
}

void ModelFile::require_all_used() const {
  if (!speaker_used_ && (options_.speaker || !options_.speaker_embedding.empty()))
    refuse("has one voice only: there is no speaker to choose");
  if (!bandwidth_used_ && options_.bandwidth_kbps)
    refuse("takes no codes of a codec: there is no bandwidth to choose");
  if (!codebooks_used_ && options_.codebooks)
    refuse("takes no codes of a codec: there are no codebooks to choose");
  if (!given_used_ && options_.given != Given::features)
    refuse("has no use for given ", options_.given == Given::noise ? "noise" : "samples");
  const auto another = [&](const std::string& name) {
    return std::ranges::any_of(others_, [&](const std::string& p) {
      return p.size() > prefix_.size() && p.starts_with(prefix_) && name.starts_with(p);
    });
  };
  for (const TensorInfo& t : file_.tensors())
    for (const std::string& scope : scopes_)
      if (t.name.starts_with(prefix_ + scope) && !another(t.name) &&
          used_.count(t.name) + skipped_.count(t.name) == 0)
        refuse("tensor \"", t.name, "\" has no place in this architecture");
}

}  // namespace wavestride::models
