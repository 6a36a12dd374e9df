#include <wavestride/operators.h>
#include <wavestride/wavestride.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "contract.h"

using namespace wavestride;
using Catch::Contains;

namespace {

// What makes an operator of the table: its required options, and arrays of fitting shapes for 4 channels.
OperatorSettings usual_settings(const OperatorInfo& info) {
  const std::map<std::string, std::string, std::less<>> values{
      {"kernel-size", "3"}, {"output-size", "5"}, {"factor", "2"},         {"min", "-1"},
      {"max", "1"},         {"gain", "2"},        {"preset", "vocos-24k"}, {"scale-factor", "2"},
      {"padding", "1,2"},   {"index", "3,0,0"},   {"to", "vocos-24k"},     {"groups", "2"},
      {"exponent", "3"},    {"a", "1,-0.5"},      {"b", "0.5,0.25"},       {"sample-rate", "16000"},
      {"frequency", "1000"}};
  const std::map<std::string_view, std::vector<Index>> weight_shapes{
      {"conv1d", {6, 4, 3}},  {"conv_transpose1d", {4, 2, 3}},
      {"linear", {6, 4}},     {"stretch_fir", {1, 5}},
      {"channel_scale", {4}}, {"snake", {4}},
      {"snake_beta", {4}},    {"embedding", {8, 3}},
      {"lstm", {16, 4}},      {"gru", {12, 4}},
      {"prelu", {4}},         {"batch_norm", {4}}};
  const std::map<std::string_view, Index> channels{{"stft", 1},
                                                   {"istft", 1026},
                                                   {"mel_spectrogram", 1},
                                                   {"mel_inversion", 100},
                                                   {"mel_scale", 513},
                                                   {"mel_compress", 100},
                                                   {"mel_expand", 100},
                                                   {"mel_convert", 100},
                                                   {"pqmf_analysis", 1},
                                                   {"mfcc", 1}};
  OperatorSettings settings;
  const auto wanted = channels.find(info.name);
  settings.channels.assign(static_cast<std::size_t>(info.least_inputs),
                           wanted == channels.end() ? 4 : wanted->second);
  for (const OperatorOption& option : info.options) {
    if (!option.required) continue;
    if (option.values == "ARRAY")
      settings.arrays.emplace(option.name, Tensor(weight_shapes.at(info.name)));
    else
      settings.options.emplace(option.name, values.find(option.name)->second);
  }
  if (info.name == "interpolate") settings.options.emplace("size", "9");
  if (info.name == "interpolate2d") settings.options.emplace("size", "9,9");
  return settings;
}

}  // namespace

TEST_CASE("operators: every one of the table is made from its required options, and from no fewer") {
  CHECK(known_operators().size() > 30);
  for (const OperatorInfo& info : known_operators()) {
    CAPTURE(info.name);
    const OperatorSettings usual = usual_settings(info);
    const Op op = op::by_name(info.name, usual);
    CHECK(op.inputs() == info.least_inputs);
    CHECK(op.in_channels() == usual.channels[0]);
    for (const OperatorOption& option : info.options) {
      if (!option.required) continue;
      OperatorSettings fewer = usual;
      fewer.options.erase(std::string(option.name));
      fewer.arrays.erase(std::string(option.name));
      CHECK_THROWS_WITH(op::by_name(info.name, fewer), Contains(std::string(info.name) + ": " +
                                                                std::string(option.name) + " must be given"));
    }
    OperatorSettings more = usual;
    more.options.emplace("colour", "red");
    std::string taken;
    for (const OperatorOption& option : info.options)
      taken.append(taken.empty() ? "it takes " : ", ").append(option.name);
    CHECK_THROWS_WITH(op::by_name(info.name, more), std::string(info.name) +
                                                        ": takes no option \"colour\"; " +
                                                        (taken.empty() ? "it takes none" : taken));
    // What is unknown is said before what is missing: it may be the missing one, misspelt.
    CHECK_THROWS_WITH(op::by_name(info.name, {.channels = usual.channels, .options = {{"kernel_size", "3"}}}),
                      Contains("takes no option \"kernel_size\""));
    more = usual;
    more.arrays["weights"] = Tensor({1});
    CHECK_THROWS_WITH(op::by_name(info.name, more), Contains("takes no array \"weights\""));
    for (const OperatorOption& option : info.options) {
      OperatorSettings wrong = usual;
      const bool array = option.values == "ARRAY";
      if (array)
        wrong.options[std::string(option.name)] = "1";
      else
        wrong.arrays[std::string(option.name)] = Tensor({1});
      CHECK_THROWS_WITH(op::by_name(info.name, wrong),
                        std::string(info.name) + ": " + std::string(option.name) +
                            (array ? " is an array, not text" : " is text, not an array"));
    }
    more = usual;
    more.channels.resize(static_cast<std::size_t>(info.most_inputs) + 1, 4);
    CHECK_THROWS_WITH(op::by_name(info.name, more), Contains("inputs"));
    more.channels.clear();
    CHECK_THROWS_WITH(op::by_name(info.name, more), Contains("inputs"));
  }
  CHECK_THROWS_WITH(op::by_name("conv3d", {}), Contains("conv3d") && Contains("conv_transpose1d"));
}

TEST_CASE("operators: what is true or false says which of them it is without being given") {
  for (const OperatorInfo& info : known_operators())
    for (const OperatorOption& option : info.options) {
      if (option.values != "true|false") continue;
      CAPTURE(info.name, option.name);
      const bool of_linear = option.name == "align-corners", of_stride = option.name == "ceil-mode";
      const auto made = [&](const char* value) {
        OperatorSettings settings = usual_settings(info);
        if (value != nullptr) settings.options[std::string(option.name)] = value;
        if (of_linear) settings.options["mode"] = "linear";
        if (of_stride) settings.options["stride"] = "2";
        if (option.name == "count-include-pad") settings.options["padding"] = "1";
        for (auto& [name, array] : settings.arrays) std::iota(array.data.begin(), array.data.end(), 1.0f);
        const Op op = op::by_name(info.name, settings);
        std::srand(1);
        const Signal x = Signal::Random(op.in_channels(), 4000);
        return op(std::vector<FramesView>{x});
      };
      const bool usually = option.help.ends_with("(default true)");
      const auto same = [](const std::vector<Signal>& a, const std::vector<Signal>& b) {
        return std::ranges::equal(a, b, testing::same_bits);
      };
      const bool usual = same(made(nullptr), made(usually ? "true" : "false"));
      const bool other = (info.name == "istft" && option.name == "onesided")  // which takes other channels
                         || !same(made(nullptr), made(usually ? "false" : "true"));
      CHECK((usually || option.help.ends_with("(default false)")));
      CHECK(usual);
      CHECK(other);
    }
}

TEST_CASE("operators: text arrives as the value that it says") {
  const Signal x = Signal::Random(4, 50);
  const auto made = [&](std::string_view name, decltype(OperatorSettings::options) options) {
    return op::by_name(name, {.channels = {4}, .options = std::move(options)})(x);
  };
  CHECK(made("avg_pool1d", {{"kernel-size", "4"},
                            {"stride", "3"},
                            {"padding", "1"},
                            {"ceil-mode", "true"},
                            {"count-include-pad", "false"}}) == avg_pool1d(x, {4, 3, 1, true, false}));
  CHECK(made("interpolate", {{"scale-factor", "1.5"}, {"mode", "linear"}}) ==
        interpolate(x, {.scale_factor = 1.5, .mode = InterpolateMode::linear}));
  CHECK(made("spatial_pyramid_pool1d", {{"levels", "1,3"}, {"pooling", "mean"}}) ==
        spatial_pyramid_pool1d(x, {1, 3}, Pooling::mean));
  CHECK(made("clip", {{"min", "-2.5e-1"}, {"max", "inf"}}) ==
        clip(x, -0.25f, std::numeric_limits<float>::infinity()));
  CHECK(made("softplus", {{"beta", "2.5"}, {"threshold", "0.5"}}) == softplus(x, 2.5f, 0.5f));
  CHECK(made("softplus", {}) == softplus(x));
  CHECK(made("dct", {{"coefficients", "3"}}) == dct(x, 3));
  CHECK(made("dct", {}) == dct(x, 4));
  CHECK(made("deltas", {{"win-length", "9"}}) == deltas(x, 9));
  CHECK(made("deltas", {}) == deltas(x));
  CHECK(made("rms_norm", {{"eps", "0.5"}}) == rms_norm(x, {}, 0.5f));
  CHECK(made("rms_norm", {}) == rms_norm(x));
  CHECK(made("layer_norm", {}) == layer_norm(x));
  CHECK(made("gelu", {{"approximate", "tanh"}}) == gelu(x, GeluApproximation::tanh));
  CHECK(made("hardtanh", {{"min-val", "-0.5"}, {"max-val", "0.25"}}) == hardtanh(x, -0.5f, 0.25f));
  CHECK(made("hardtanh", {}) == hardtanh(x));
  CHECK(made("softshrink", {{"lambd", "0.125"}}) == softshrink(x, 0.125f));
  CHECK(made("hardshrink", {}) == hardshrink(x));
  CHECK(made("celu", {{"alpha", "0.5"}}) == celu(x, 0.5f));
  CHECK(made("pow", {{"exponent", "3"}}) == pow(x, 3));
  CHECK(
      made("lp_pool1d", {{"kernel-size", "3"}, {"norm-type", "4"}, {"stride", "2"}, {"ceil-mode", "true"}}) ==
      lp_pool1d(x, {4, 3, 2, true}));
  CHECK(made("amplitude_to_db", {{"ref", "2"}, {"amin", "0.25"}, {"top-db", "3"}}) ==
        amplitude_to_db(x, {2, 0.25, 3}));
  CHECK(made("power_to_db", {}) == power_to_db(x));
  CHECK(made("db_to_power", {{"ref", "0.5"}}) == db_to_power(x, 0.5));
  const std::vector<double> a{1, -1.9999999, 0.99999991}, b{1e-9, 0.3};
  CHECK(made("lfilter", {{"a", "1,-1.9999999,0.99999991"}, {"b", "1e-9,0.3"}}) == lfilter(x, a, b));
  CHECK(made("filtfilt", {{"a", "1,-1.9999999,0.99999991"}, {"b", "1e-9,0.3"}}) == filtfilt(x, a, b));
  const decltype(OperatorSettings::options) band{{"sample-rate", "8000"}, {"frequency", "500"}, {"q", "2"}};
  auto boost = band;
  boost["gain"] = "6";
  CHECK(made("lowpass_biquad", band) == biquad(x, lowpass_biquad(8000, 500, 2)));
  CHECK(made("bandpass_biquad", band) == biquad(x, bandpass_biquad(8000, 500, 2)));
  CHECK(made("equalizer_biquad", boost) == biquad(x, equalizer_biquad(8000, 500, 6, 2)));
  CHECK(made("bass_biquad", boost) == biquad(x, bass_biquad(8000, 6, 500, 2)));
  CHECK(made("treble_biquad", {{"sample-rate", "8000"}, {"gain", "6"}}) == biquad(x, treble_biquad(8000, 6)));
  CHECK(made("group_norm", {{"groups", "2"}, {"eps", "0.5"}}) == group_norm(x, 2, {}, {}, 0.5));
  const OperatorSettings measured{.channels = {4},
                                  .options = {{"eps", "0.5"}},
                                  .arrays = {{"mean", Tensor({4}, {1, 2, 3, 4})},
                                             {"variance", Tensor({4}, {4, 3, 2, 1})},
                                             {"weight", Tensor({4}, {5, 6, 7, 8})},
                                             {"bias", Tensor({4}, {8, 7, 6, 5})}}};
  CHECK(op::by_name("batch_norm", measured)(x) ==
        batch_norm(x, std::vector<float>{1, 2, 3, 4}, std::vector<float>{4, 3, 2, 1},
                   std::vector<float>{5, 6, 7, 8}, std::vector<float>{8, 7, 6, 5}, 0.5));
  const std::vector<float> alphas{1, 2, 3, 4}, betas{0.5f, 1.5f, 2.5f, 3.5f};
  const OperatorSettings snakes{.channels = {4},
                                .arrays = {{"alphas", Tensor({4}, alphas)}, {"betas", Tensor({4}, betas)}}};
  CHECK(op::by_name("snake_beta", snakes)(x) == snake_beta(x, alphas, betas));
  const LstmWeights layer{Tensor({8, 4}, std::vector<float>(32, 0.5f)),
                          Tensor({8, 2}, std::vector<float>(16, -0.5f)), std::vector<float>(8, 0.25f),
                          std::vector<float>(8, 0.125f)};
  const OperatorSettings recurrent{.channels = {4},
                                   .arrays = {{"weight-ih", layer.weight_ih},
                                              {"weight-hh", layer.weight_hh},
                                              {"bias-ih", Tensor({8}, layer.bias_ih)},
                                              {"bias-hh", Tensor({8}, layer.bias_hh)}}};
  CHECK(op::by_name("lstm", recurrent)(x) == lstm(x, {&layer, 1}));
  const GruWeights unit{Tensor({6, 4}, std::vector<float>(24, 0.5f)),
                        Tensor({6, 2}, std::vector<float>(12, -0.5f)), std::vector<float>(6, 0.25f),
                        std::vector<float>(6, 0.125f)};
  const OperatorSettings gated_unit{.channels = {4},
                                    .arrays = {{"weight-ih", unit.weight_ih},
                                               {"weight-hh", unit.weight_hh},
                                               {"bias-ih", Tensor({6}, unit.bias_ih)},
                                               {"bias-hh", Tensor({6}, unit.bias_hh)}}};
  CHECK(op::by_name("gru", gated_unit)(x) == gru(x, {&unit, 1}));
  const Tensor w({2, 4, 3}, std::vector<float>(24, 0.5f));
  const OperatorSettings conv{.channels = {4},
                              .options = {{"padding", "0,2"}, {"padding-mode", "replicate"}},
                              .arrays = {{"weight", w}}};
  CHECK(op::by_name("conv1d", conv)(x) ==
        conv1d(x, w, {}, {.padding = {0, 2}, .padding_mode = PadMode::replicate}));
  const Op unpool = op::by_name(
      "max_unpool1d",
      {.channels = {4, 4}, .lengths = {9, 9}, .options = {{"kernel-size", "2"}, {"output-size", "19"}}});
  CHECK(unpool.total(9) == 19);
}

TEST_CASE("operators: the second output of max_pool1d is how far into its window each maximum stands") {
  const Signal x = Signal::Random(3, 40);
  const Op pool = op::by_name("max_pool1d", {.channels = {3},
                                             .options = {{"kernel-size", "4"},
                                                         {"stride", "3"},
                                                         {"padding", "2"},
                                                         {"dilation", "2"},
                                                         {"return-indices", "true"}}});
  const FramesView inputs[] = {x};
  const std::vector<Signal> results = pool(inputs);
  const MaxPooled expected = max_pool1d_with_indices(x, {4, 3, 2, 2});
  REQUIRE(results.size() == 2);
  CHECK(results[0] == expected.values);
  for (Index n = 0; n < results[1].cols(); ++n)
    for (Index c = 0; c < 3; ++c)
      CHECK(n * 3 - 2 + static_cast<Index>(results[1](c, n)) == expected.indices(c, n));
}

TEST_CASE("operators: an operator refuses channels that it can't have") {
  CHECK_THROWS_WITH(op::by_name("magnitude", {.channels = {3}}),
                    "magnitude: needs real and imaginary parts of each bin, got 3 channels");
}

TEST_CASE("operators: text that is no value is refused") {
  const std::pair<const char*, const char*> bad[] = {{"stride", ""},
                                                     {"stride", "1.5"},
                                                     {"stride", "2 "},
                                                     {"stride", "0x10"},
                                                     {"stride", "99999999999999999999"},
                                                     {"levels", "1,,2"},
                                                     {"levels", "1,"},
                                                     {"ceil-mode", "yes"},
                                                     {"padding", "full"},
                                                     {"padding", "1,2,3"},
                                                     {"padding-mode", "symmetric"},
                                                     {"scale-factor", "x"},
                                                     {"weight", "1"},
                                                     {"colour", "red"}};
  for (const auto& [option, value] : bad) {
    CAPTURE(option, value);
    CHECK_THROWS_AS(check_operator_option(option, value), std::invalid_argument);
  }
  CHECK_THROWS_WITH(check_operator_option("padding-mode", "symmetric"),
                    "padding-mode must be zeros|reflect|replicate|circular, got \"symmetric\"");
  CHECK_NOTHROW(check_operator_option("padding", "3,4"));
  const std::pair<std::array<const char*, 2>, const char*> wanted[] = {
      {{"stride", "two"}, "stride must be a whole number of up to 64 bits, got \"two\""},
      {{"output-size", "1.5"}, "output-size must be a whole number of up to 64 bits, got \"1.5\""},
      {{"gain", "loud"}, "gain must be a number, got \"loud\""},
      {{"levels", "1;2"}, "levels must be whole numbers, as 1,2,3, at most 65536 of them, got \"1;2\""},
      {{"scale-factor", "x"}, "scale-factor must be numbers, as 1.5,2, at most 65536 of them, got \"x\""},
      {{"a", "x"}, "a must be numbers, as 1.5,2, at most 1024 of them, got \"x\""},
      {{"padding", "full"}, "padding must be N|LEFT,RIGHT|same|valid, in whole numbers, got \"full\""},
      {{"weight", "1"}, "weight must be an array, got \"1\""}};
  for (const auto& [given, complaint] : wanted)
    CHECK_THROWS_WITH(check_operator_option(given[0], given[1]), complaint);
  std::string long_text(79, '1');
  long_text.append("üü");
  CHECK_THROWS_WITH(
      check_operator_option("stride", long_text),
      "stride must be a whole number of up to 64 bits, got \"" + long_text.substr(0, 79) + "…\"");
  CHECK_THROWS_WITH(
      op::by_name("avg_pool1d", {.channels = {1}, .options = {{"kernel-size", "2"}, {"padding", "same"}}}),
      Contains("padding takes frames"));
}

TEST_CASE("operators: lists may be as long as a channel needs, but not endless") {
  const auto list = [](Index n) {
    std::string text = "0";
    for (Index i = 1; i < n; ++i) text += "," + std::to_string(i % 100);
    return text;
  };
  const Signal x = Signal::Random(100, 3);
  const auto selected = [&](Index n) {
    return op::by_name("index_select", {.channels = {100}, .options = {{"index", list(n)}}});
  };
  CHECK(selected(80)(x) == x.topRows(80));
  CHECK(selected(65536).out_channels() == 65536);
  CHECK_THROWS_WITH(selected(65537), "index must be whole numbers, as 1,2,3, at most 65536 of them, got \"" +
                                         list(65537).substr(0, 80) + "…\"");
}
