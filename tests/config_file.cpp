#include "checkpoint/config_file.h"

#include <wavestride/io.h>

#include "hostile.h"

using namespace wavestride;
using namespace wavestride::testing;

namespace {

using Json = nlohmann::json;

// What a parser makes of a few bytes: nodes of trees, marks and tokens.
constexpr AllocationBound config_bound{500'000, 2000};

Json read(const std::string& path, const std::string& text) {
  write_bytes(path, text);
  return detail::read_config_file(path);
}

std::string repeat(const std::string& what, int times) {
  std::string all;
  while (times-- > 0) all += what;
  return all;
}

}  // namespace

TEST_CASE("config files are JSON or YAML, whatever their name") {
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  const Json expected = {
      {"resblock", "1"}, {"upsample_rates", {8, 8, 2, 2}}, {"fmax", nullptr}, {"lr", 1e-4}};
  CHECK(read(path, R"({"resblock": "1", "upsample_rates": [8,8,2,2], "fmax": null, "lr": 0.0001})") ==
        expected);
  CHECK(read(path, "\xef\xbb\xbf\n {\"a\": 1}") == Json{{"a", 1}});
  CHECK(read(path, "# recipe\nresblock: '1'\nupsample_rates:\n- 8\n- 8\n- 2\n- 2\nfmax:\nlr: 1e-4\n") ==
        expected);
  CHECK(read(path,
             "resblock: \"1\"\nupsample_rates: [8, 8, 2, 2]\nfmax: null\nlr: 1.0e-4\n...\n---\nlr: 2\n") ==
        expected);
  CHECK(read(path, "") == Json());
}

TEST_CASE("JSON may have the comments of Coqui's recipes, and the numbers of Python that it lacks") {
  const TemporaryDirectory dir;
  const std::string json = dir / "config.json";
  CHECK(read(json,
             "{\n    // AUDIO \"x\": 1\n    \"a\": 1, // so\n    /* or so */ \"url\": \"tcp://x\"\n}\n") ==
        Json{{"a", 1}, {"url", "tcp://x"}});
  // What is not a number remains a word, and no setting that wants a number takes it.
  CHECK(read(json, R"({"fmax": 8000.0, "loss": Infinity, "low": -Infinity, "best": NaN, "e": 1e-05, "n": null,
                      "l": [[1, 3], [1, 3]], "s": "a\"b\u00e4"})") == Json{{"fmax", 8000.0},
                                                                           {"loss", "Infinity"},
                                                                           {"low", "-Infinity"},
                                                                           {"best", "NaN"},
                                                                           {"e", 1e-5},
                                                                           {"n", nullptr},
                                                                           {"l", {{1, 3}, {1, 3}}},
                                                                           {"s", "a\"b\u00e4"}});
  CHECK(refusal([&] { read(json, "{a: 1}"); }).find("is no JSON: ") == 0);
}

TEST_CASE("YAML may have one mapping in braces as a whole") {
  const TemporaryDirectory dir;
  for (const char* name : {"config.yml", "config.yaml"}) {
    CHECK(read(dir / name, "{fmax: null, resblock: '1', sizes: [\n    &id001 [1, 3], *id001], n: 2}\n") ==
          Json{{"fmax", nullptr}, {"resblock", "1"}, {"sizes", {{1, 3}, {1, 3}}}, {"n", 2}});
    CHECK(read(dir / name, "{\t\"a\":1}") == Json{{"a", 1}});
    CHECK(refusal([&] { read(dir / name, "{a: [1}"); }).find("line 1: ") == 0);
  }
}

TEST_CASE("YAML scalars are what PyYAML makes of them") {
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  const std::vector<std::pair<std::string, Json>> cases{{"1", 1},
                                                        {"-17", -17},
                                                        {"+3", 3},
                                                        {"22_050", 22050},
                                                        {"9223372036854775807", INT64_MAX},
                                                        {"92233720368547758080", 92233720368547758080.0},
                                                        {"0.5", 0.5},
                                                        {"-.5", -0.5},
                                                        {"1.", 1.0},
                                                        {"1e-4", 1e-4},
                                                        {"1.5E+3", 1500.0},
                                                        {"-.inf", -INFINITY},
                                                        {"inf", "inf"},
                                                        {"-nan", "-nan"},
                                                        {"1.2.3", "1.2.3"},
                                                        {"0x1f40", 8000},
                                                        {"-0x10", -16},
                                                        {"0b101", 5},
                                                        {"010", 8},
                                                        {"0", 0},
                                                        {"08", 8},
                                                        {"0x", "0x"},
                                                        {"0xg", "0xg"},
                                                        {"0x-1", "0x-1"},
                                                        {"010.5", 10.5},
                                                        {"16k", "16k"},
                                                        {"yes", true},
                                                        {"Off", false},
                                                        {"y", "y"},
                                                        {"~", nullptr},
                                                        {"'1'", "1"},
                                                        {"\"no\"", "no"},
                                                        {"!!str 1", "1"},
                                                        {"!!int 1", 1},
                                                        {"!!python/object/apply:os.system [true]", {true}},
                                                        {"!!python/tuple [1, 2]", {1, 2}},
                                                        {"!!python/name:torch.nn.ReLU ''", nullptr},
                                                        {"!new:os.system {command: ls}", {{"command", "ls"}}},
                                                        {"größe", "größe"}};
  for (const auto& [text, value] : cases) {
    INFO(text);
    CHECK(read(path, "a: " + text) == Json{{"a", value}});
  }
  CHECK(std::isnan(read(path, "a: .nan")["a"].get<double>()));
  CHECK(read(path, "!!python/object:argparse.Namespace\nngf: 32\n") == Json{{"ngf", 32}});
  CHECK(read(path, "1: a\nno: b\nnull: c\n? x\n: d\n") ==
        Json{{"1", "a"}, {"no", "b"}, {"null", "c"}, {"x", "d"}});
}

TEST_CASE("YAML aliases, merges and references stand for what they name") {
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  CHECK(read(path, "a: &x {k: [1]}\nb: *x\nc: [*x, *x]\n") ==
        Json{{"a", {{"k", {1}}}}, {"b", {{"k", {1}}}}, {"c", {{{"k", {1}}}, {{"k", {1}}}}}});
  CHECK(
      read(path, "d: &d {p: 1, q: 2}\ne: {p: 3, <<: *d}\nf:\n  <<: [*d, {r: 4}]\n  q: 5\n") ==
      Json{{"d", {{"p", 1}, {"q", 2}}}, {"e", {{"p", 3}, {"q", 2}}}, {"f", {{"p", 1}, {"q", 5}, {"r", 4}}}});
  CHECK(read(path,
             "mels: 80\ngenerator: !new:x.Generator\n  in: !ref <mels>\n  out: !ref <missing>\n  dir: !ref "
             "<mels>/a\n") ==
        Json{{"mels", 80}, {"generator", {{"in", 80}, {"out", "<missing>"}, {"dir", "<mels>/a"}}}});
}

TEST_CASE("config files are refused with the line") {
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  const auto reason = [&](const std::string& text) { return refusal([&] { read(path, text); }); };
  CHECK(reason("{\"a\": 1,\n\"b\": }").find("is no JSON: parse error at line 2, column 6: ") == 0);
  CHECK(reason("{\"a\": 1} x").find("is no JSON: parse error at line 1") == 0);
  CHECK(reason("{\"a\": 1e999}") == "is no JSON: number overflow parsing '1e999'");
  CHECK(reason("a: 1\nb: [1, 2\nc: 3\n").find("line 3: ") == 0);
  CHECK(reason("a: 1\n  b: 2\n").find("line 2: ") == 0);
  CHECK(reason("a: *x\n").find("line 1: ") == 0);
  CHECK(reason("a: 1\n[1]: 2\n") == "line 2: a key that is no scalar");
  CHECK(reason("a: &x [*x]\n") == "line 1: an alias within what it stands for");
  CHECK(refusal([&] { detail::read_config_file(dir / "absent"); }) ==
        "can't be opened: No such file or directory");
  CHECK(reason(std::string(5 << 20, ' ')) == "has 5242880 bytes; configs of at most 4194304 are read");
}

TEST_CASE("config files spend no memory on depth or on aliases that multiply") {
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  std::string laughs = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n", chain = "a0: &a0 [1]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1), name = "a" + std::to_string(i);
    laughs += name + ": &" + name + " [";
    for (int k = 0; k < 10; ++k) laughs += before + ", ";
    laughs += before + "]\n";
  }
  for (int i = 1; i < 1000; ++i)
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  for (const std::string& text :
       {laughs, chain, "a: " + repeat("[", 5000), "a: " + repeat("{a: ", 5000), repeat("- ", 5000),
        "{\"a\": " + repeat("[", 100'000), repeat("{\"a\": ", 20'000)})
    CHECK(refuses(path, text, config_bound, [](const std::string& p) { detail::read_config_file(p); }));
}

TEST_CASE("YAML whose brackets do not close takes little memory") {
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  constexpr AllocationBound few{4 << 20, 0}, of_yaml{250 << 20, 0};
  const auto refused = [&](const std::string& text, AllocationBound bound) {
    CHECK(refuses(path, text, bound, [](const std::string& p) { detail::read_config_file(p); }));
    return refusal([&] { read(path, text); });
  };
  for (const char* bracket : {"[", "[,", "[1, ", "[][", "a: ["})
    CHECK(refused(repeat(bracket, 200'000), few) == "values nest too deep");
  CHECK(refused("a: " + repeat("{b: ", 200'000), few) == "values nest too deep");
  CHECK(refused(repeat("a: 1\n", 210'000), few) == "has 1050000 bytes; YAML of at most 1048576 is read");
  CHECK(refused("a: [" + repeat("[], ", 200'000), of_yaml) == "line 1: end of sequence flow not found");
  // In texts brackets are letters.
  CHECK(read(path, "a: '" + std::string(1000, '[') + "'\nb: \"{{\"\nc: x]]\n# [[[\n")["b"] == "{{");
}

TEST_CASE("config files hold no more values than can be taken apart again") {
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  const auto keys = [](int count, const char* begin, const char* line, const char* end) {
    std::string all = begin;
    for (int i = 0; i < count; ++i) all += (i > 0 ? line : "") + std::to_string(i) + "\": 1";
    return all + end;
  };
  constexpr AllocationBound values_bound{200 << 20, 0};
  const std::string large = keys(10'000, "{\"", ", \"", "}");
  REQUIRE(large.size() > 100'000);
  CHECK(read(path, large).size() == 10'000);
  const auto refused = [&](const std::string& text) {
    CHECK(refuses(path, text, values_bound, [](const std::string& p) { detail::read_config_file(p); }));
    return refusal([&] { read(path, text); });
  };
  std::string ones = "1";
  for (int i = 0; i < 300'000; ++i) ones += ",1";
  CHECK(refused(keys(300'000, "{\"", ",\"", "}")) == "holds more than 262144 values");
  CHECK(refused("{\"a\": [" + ones + "]}") == "holds more than 262144 values");
  CHECK(refused("a: [" + ones + "]") == "holds more than 262144 values");
  // What stands in another file has no size of its own.
  const std::string many = keys(1'700'000, "{\"", ",\"", "}");
  const std::size_t before = allocated_bytes();
  CHECK(refusal([&] { detail::parse_json(many, path, "its config "); }).find("its config has ") == 0);
  CHECK(allocated_bytes() - before < (1 << 20));
}

TEST_CASE("config files withstand mutation") {
  Rng rng(9);
  const TemporaryDirectory dir;
  const std::string path = dir / "config";
  for (const std::string valid : {"a: &x {k: [1, 2.5]}\nb: *x\n'c': !ref <a>\nd:\n- on\n-  \"e\\n\"\n",
                                  "{\"a\": [1, {\"b\": null}], \"c\": \"\\u00e4\", \"d\": -1.5e3}"}) {
    std::size_t tried = 0, refused = 0;
    for (const std::string& mutant : mutations(valid, valid.size(), rng)) {
      ++tried;
      refused +=
          refuses(path, mutant, config_bound, [](const std::string& p) { detail::read_config_file(p); });
    }
    CHECK(tried > 500);
    CHECK(refused > tried / 10);
  }
}
