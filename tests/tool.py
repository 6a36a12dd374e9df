"""End-to-end tests of the command-line tool: tool.py TOOL AUDIO_DIR [unittest options]. ctest runs it."""

import fcntl
import json
import os
import pathlib
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import wave
import zipfile
import zlib

import numpy as np

try:
    import torch
    import torch.nn.functional as F
except ImportError:  # the library's own goldens come from PyTorch; here it checks that options arrive
    torch = None

TOOL = os.path.realpath(sys.argv.pop(1))
CLIP = str(pathlib.Path(sys.argv.pop(1)) / "speech-en-16k.flac")
GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
CLIP_BYTES = pathlib.Path(CLIP).read_bytes()
COMMANDS = ["apply", "compare", "convert", "encode", "extend", "inspect", "mel", "plot", "presets", "resample", "vocode"]


def run(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)


class ToolTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.random = np.random.default_rng(1)

    def path(self, name):
        return str(self.folder / name)

    def save(self, name, array):
        np.save(self.path(name), array)
        return self.path(name)

    def wav(self, name, rate=16000, channels=1, frames=8000):
        samples = self.random.normal(size=(frames, channels)) * 3000
        with wave.open(self.path(name), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.astype("<i2").tobytes())
        return self.path(name)

    def square(self, name, rate=16000):
        """A square wave of full scale, which clips when it is converted."""
        with wave.open(self.path(name), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes((32767 * np.sign(np.sin(np.arange(9000) * 0.3))).astype("<i2").tobytes())
        return self.path(name)

    def ok(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return result.stdout

    def refused(self, code, reason, *arguments):
        """Exits with `code` and one line on stderr that holds `reason`, and leaves no file behind."""
        before = sorted(self.folder.iterdir())
        result = run(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertTrue(result.stderr.startswith("wavestride: "), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn(reason, result.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def png_size(self, name):
        """Width and height of a PNG, after every check that can be made without its filters."""
        data = pathlib.Path(self.path(name)).read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        pixels, at, size = b"", 8, None
        while at < len(data):
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            body = data[at + 8 : at + 8 + length]
            self.assertEqual(zlib.crc32(kind + body), struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0])
            if kind == b"IHDR":
                size = struct.unpack(">II", body[:8])
                self.assertEqual(body[8:10], b"\x08\x02")  # 8 bits, RGB
            if kind == b"IDAT":
                pixels += body
            at += 12 + length
        self.assertEqual(len(zlib.decompress(pixels)), size[1] * (1 + 3 * size[0]))
        return size


class Basics(ToolTest):
    def test_help_and_version(self):
        text = self.ok("--help")
        for command in COMMANDS:
            self.assertIn(command, text)
            described = self.ok(command, "--help")
            self.assertIn("Usage:", described)
            self.assertNotRegex(described, r"\n  [A-Z]+ TEXT")
        self.assertIn("Exit codes", text)
        self.assertRegex(self.ok("--version"), r"^wavestride \d+\.\d+\.\d+\n$")

    def test_manual_page_says_what_help_says(self):
        page = self.ok("--man").replace("\\-", "-").replace("\\&", "")
        sections = dict(re.findall(r"^\.SS (wavestride .*)\n((?:(?!\.S[SH]).*\n)*)", page, re.M))
        operators = [line.split()[0] for line in self.ok("apply", "--list").splitlines()]
        commands = [[c] for c in COMMANDS] + [["apply", operator] for operator in operators]
        self.assertEqual(set(sections), {" ".join(["wavestride", *command]) for command in commands})
        for command in commands:
            described = set(re.findall(r"^\.B (.*)$", sections[" ".join(["wavestride", *command])], re.M))
            text = self.ok(*command, "--help")
            for spelling in described:
                self.assertIn(spelling.split("  ")[0].split(" [")[0].split(" (required)")[0], text.replace(" REQUIRED", ""))
            flags = {flag for line in described for flag in re.findall(r"--[a-z0-9-]+", line)}
            self.assertEqual(flags, set(re.findall(r"^  (?:-h,)?(--[a-z0-9-]+)", text, re.M)), command)
        if shutil.which("groff"):
            result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=self.ok("--man"), text=True,
                                    capture_output=True)
            self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_usage_errors(self):
        self.refused(2, "which command?")
        self.refused(2, "nothing", "nothing")
        self.refused(2, "--nothing", "presets", "--nothing")
        self.refused(2, "OUT", "mel", CLIP, "--preset", "wavestride-16k")
        self.refused(2, "no-such", "mel", CLIP, self.path("o.npy"), "--preset", "no-such")
        self.refused(2, "--bits", "vocode", CLIP, self.path("o.wav"), "--preset", "wavestride-16k", "--bits", "12")
        for channel in ["left", "all", "0"]:
            self.refused(2, f" must be a number from 1 on, or mix, got {channel}\n", "mel", CLIP, self.path("o.npy"), "--preset",
                         "wavestride-16k", "--channel", channel)
        self.refused(2, "which operator", "apply")
        self.refused(2, "not understood: --some --thing", "presets", "--some", "--thing")

    def test_misspelt_commands(self):
        self.refused(2, "resampel is no command; did you mean resample? The commands are mel, vocode, ", "resampel",
                     CLIP, self.path("o.wav"), "--rate", 8000)
        self.refused(2, "zzz is no command; the commands are mel, ", "zzz")
        self.refused(2, "wavestride --help tells the commands", "help")
        self.refused(2, "not understood: --qualty=best; did you mean --quality? (wavestride resample --help", "resample", CLIP,
                     self.path("o.wav"), "--rate", 8000, "--qualty=best")
        self.refused(2, "not understood: -r (", "resample", CLIP, self.path("o.wav"), "-r", 8000)
        self.refused(2, "--rate is required", "resample", CLIP, self.path("o.wav"))
        self.refused(2, "--preset is required (wavestride mel --help)", "mel", CLIP, self.path("o.npy"))
        self.refused(2, "not understood: --prest; did you mean --preset? (wavestride mel --help", "mel", CLIP, self.path("o.npy"),
                     "--prest", "wavestride-16k")
        self.refused(2, "--weight is required (wavestride apply conv1d --help)", "apply", "conv1d", "--input", "x.npy",
                     "--output", self.path("o.npy"))

    def test_names_that_begin_with_a_hyphen(self):
        self.wav("-x.wav")
        def in_folder(*arguments):
            return subprocess.run([TOOL, "resample", *arguments, "--rate", "8000"], capture_output=True, text=True,
                                  cwd=self.folder)
        self.assertIn("not understood: -x.wav; a file of this name is ./-x.wav (", in_folder("-x.wav", "o.wav").stderr)
        self.assertEqual(in_folder("./-x.wav", "./-o.wav").returncode, 0)
        self.assertTrue((self.folder / "-o.wav").exists())
        self.refused(2, "covn1d is no operator; did you mean conv1d? wavestride apply --list", "apply", "covn1d", "--input", "x")

    def test_names_do_not_command_the_terminal(self):
        name = "å\x1b[2J\n\x9b.wav"
        clip, shown = self.wav(name), "å\\033[2J\\n\\302\\233.wav"
        folder = self.path("") + "/"
        self.assertIn(f"{folder}{shown}: 0.500 s", self.ok("mel", clip, self.path("o.npy"), "--preset", "wavestride-16k"))
        self.assertIn(f"{folder}out-{shown}: 0.500 s", self.ok("resample", clip, self.path("out-" + name), "--rate", 8000))
        self.refused(1, f"{folder}{shown}: is no checkpoint", "inspect", clip)
        self.refused(1, f"no-{shown}: can't be opened", "resample", self.path("no-" + name), self.path("o.wav"), "--rate", 8000)
        self.refused(2, f"not understood: {shown}", "presets", name)
        self.refused(2, f"--channel must be a number from 1 on, or mix, got {shown}", "mel", clip, self.path("p.npy"), "--preset",
                     "wavestride-16k", "--channel", name)
        os.mkdir(self.path("in"))
        pathlib.Path(self.path("in/bad" + name)).write_bytes(b"RIFF")
        result = run("resample", "--list", self.path("in"), "--out-dir", self.path("out"), "--rate", 8000)
        self.assertIn(f"wavestride: {folder}in/bad{shown}: is not read as audio", result.stderr)
        self.assertEqual(result.stderr.count("\n"), 2)

    def test_integers_are_decimal(self):
        clip = self.wav("x.wav", rate=22050)
        self.ok("resample", clip, self.path("o.wav"), "--rate", "016000")
        with wave.open(self.path("o.wav")) as file:
            self.assertEqual(file.getframerate(), 16000)
        dither = ("resample", clip, self.path("p.wav"), "--rate", "16000", "--bits", "16", "--dither")
        for text, allowed in [("0x10", "0 to 18446744073709551615"), ("-1", "0 to 18446744073709551615"),
                              ("18446744073709551616", "0 to 18446744073709551615"), ("1.5", "0 to ")]:
            self.refused(2, f"--dither: must be an integer from {allowed}", *dither, text)
            self.refused(2, f"--seed: must be an integer from {allowed}", "vocode", clip, self.path("p.wav"), "--seed", text)
        self.refused(2, "--rate: must be an integer from 1 to 10000000, got 0x3e80", "resample", clip, self.path("p.wav"),
                     "--rate", "0x3e80")
        made = []
        for seed in ["010", "10", "8"]:
            self.ok(*dither, seed)
            made.append(pathlib.Path(self.path("p.wav")).read_bytes())
        self.assertEqual(made[0], made[1])
        self.assertNotEqual(made[0], made[2])

    def test_an_empty_value_is_not_taken_for_none(self):
        clip, out = self.wav("x.wav"), self.path("o.wav")
        for command in [("vocode", clip, out, "--model"), ("vocode", clip, out, "--seed"), ("vocode", clip, out, "--channel"),
                        ("resample", clip, out, "--rate", 8000, "--max-delay"), ("resample", clip, out, "--rate", 8000, "--passband"),
                        ("resample", clip, out, "--rate", 8000, "--stopband-db"), ("resample", "--describe", "--from"),
                        ("resample", clip, "--rate", 8000, "--out-dir", self.path("out"), "--extension"),
                        ("plot", clip, self.path("o.png"), "--title"), ("apply", "avg_pool1d", "--ceil-mode")]:
            self.refused(2, f"{command[-1]}: the value must not be empty", *command, "")
            self.refused(2, f"{command[-1]}: the value must not be empty", *command[:-1], command[-1] + "=")
        self.refused(2, "an argument: the value must not be empty", "mel", "", self.path("o.npy"), "--preset", "wavestride-16k")

    def test_options_that_have_no_say_are_refused(self):
        clip, out, png = self.wav("x.wav"), self.path("o.wav"), self.path("o.png")
        features = self.save("m.npy", np.zeros((80, 9), "f4"))
        describe = ("resample", "--describe", "--from", 48000, "--to", 16000)
        for option in [("--rate", 8000), ("--bits", 16), ("--dither", 1), ("--raw",), ("--list", "x"), ("--jobs", 2), ("--resume",),
                       ("--out-dir", "x"), ("--extension", ".wav")]:
            self.refused(2, f"{option[0]} is for converting", *describe, *option)
        self.refused(2, "IN and OUT are for converting", *describe, clip, out)
        for option in ["--from", "--to", "--plot"]:
            self.refused(2, f"{option} is for --describe", "resample", clip, out, "--rate", 8000, option, 8000)
        for option in [("--jobs", 2), ("--extension", ".flac"), ("--shard", "0/1")]:
            self.refused(2, f"{option[0]} is for batches", "resample", clip, out, "--rate", 8000, *option)
        for option in [("--chunk", 3), ("--threads", 2), ("--bfloat16",), ("--int8",), ("--minimal-filtering",)]:
            self.refused(2, f"{option[0]} is for networks", "vocode", clip, out, *Vocode.preset, *option)
        model = ("--model", GOLDEN / "model-0.safetensors")
        self.refused(2, "--iterations is for --method griffin-lim", "vocode", clip, out, *model, "--iterations", 3)
        self.refused(2, "--channel is for sound files", "vocode", features, out, *model, "--channel", 1)
        self.refused(2, "--channel is for sound files", "plot", features, png, "--channel", 1)
        self.refused(2, "--range is for levels", "plot", features, png, "--range", 60)
        self.refused(2, "--range is for levels", "plot", clip, png, "--kind", "waveform", "--range", 60)
        self.refused(2, "--preset is for --kind mel", "plot", clip, png, "--kind", "waveform", "--preset", "wavestride-16k")
        self.ok("plot", features, png, "--preset", "wavestride-16k", "--range", 60)
        self.ok("plot", clip, png, "--kind", "mel", "--preset", "wavestride-16k", "--range", 60)

    def test_a_full_standard_output_is_a_failure(self):
        for command in [("presets",), ("apply", "--list"), ("--man",), ("--help",), ("mel", "--help"),
                        ("inspect", Checkpoints.HIFIGAN), ("compare", CLIP, CLIP),
                        ("resample", self.wav("x.wav"), self.path("o.wav"), "--rate", "8000")]:
            with self.subTest(command=command), open("/dev/full", "w") as full:
                result = subprocess.run([TOOL, *command], stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual((result.returncode, result.stderr),
                                 (1, "wavestride: standard output: can't be written: No space left on device\n"))

    def test_a_full_disk_keeps_what_was_there(self):
        clip = self.wav("x.wav", rate=48000, frames=100000)
        for extension in ["wav", "flac", "ogg", "opus", "mp3"]:
            out = self.folder / f"o.{extension}"
            command = [TOOL, "resample", clip, str(out), "--rate", "16000"]
            subprocess.run(command, check=True, capture_output=True)
            size = out.stat().st_size
            out.write_bytes(b"old")
            for room in [1000, size - 1]:
                for action in [signal.SIG_DFL, signal.SIG_IGN]:
                    def limit():
                        signal.signal(signal.SIGXFSZ, action)
                        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
                    # libsndfile's Vorbis encoder leaks what it holds when its file can't be written.
                    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
                    result = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True,
                                            env={**os.environ, "ASAN_OPTIONS": options})
                    with self.subTest(extension=extension, room=room, size=size, action=action):
                        self.assertEqual((result.returncode, result.stderr),
                                         (1, f"wavestride: {out}: writing failed: File too large\n"))
                        self.assertEqual(out.read_bytes(), b"old")
            out.unlink()
            self.assertEqual([p.name for p in self.folder.iterdir()], ["x.wav"])

    def test_presets(self):
        text = self.ok("presets")
        for name in ["hifigan-22k", "pwg-24k", "vocos-24k", "whisper-16k", "wavestride-16k"]:
            self.assertIn(name, text)


class Mel(ToolTest):
    def test_features(self):
        text = self.ok("mel", CLIP, self.path("m.npy"), "--preset", "wavestride-16k")
        m = np.load(self.path("m.npy"))
        self.assertEqual((m.dtype, m.shape[0], m.flags.c_contiguous), (np.float32, 80, True))
        self.assertTrue(np.isfinite(m).all())
        self.assertIn(f"80 mels x {m.shape[1]} frames at 100.00 frames/s", text)

    def test_every_preset(self):
        for line in self.ok("presets").splitlines()[1:]:
            name, rate, _, _, _, mels = line.split()[:6]
            clip = self.wav("x.wav", rate=int(rate))
            self.ok("mel", clip, self.path("m.npy"), "--preset", name)
            self.assertEqual(np.load(self.path("m.npy")).shape[0], int(mels))

    def test_channels(self):
        clip = self.wav("six.wav", channels=6)
        out = self.path("m.npy")
        arguments = ("mel", clip, out, "--preset", "wavestride-16k")
        self.refused(1, "six.wav: has 6 channels: choose with --channel N (1 to 6)", *arguments)
        self.refused(1, "six.wav: has no channel 7", *arguments, "--channel", "7")
        features = {}
        for channel in ["1", "6", "mix"]:
            self.ok(*arguments, "--channel", channel)
            features[channel] = np.load(out)
        self.assertFalse(np.array_equal(features["1"], features["6"]))
        self.assertFalse(np.array_equal(features["1"], features["mix"]))

    def test_files_that_are_refused(self):
        out = self.path("m.npy")
        preset = ("--preset", "wavestride-16k")
        self.refused(1, "has 22050 Hz, and preset wavestride-16k needs 16000 Hz", "mel", self.wav("a.wav", 22050), out, *preset)
        self.refused(1, "a.wav OUT --rate 16000", "mel", self.wav("a.wav", 22050), out, *preset)
        self.refused(1, "absent.wav: ", "mel", self.path("absent.wav"), out, *preset)
        empty = self.folder / "empty.wav"
        empty.touch()
        self.refused(1, "empty.wav: is not read as audio: it is empty", "mel", empty, out, *preset)
        whole = pathlib.Path(self.wav("whole.wav")).read_bytes()
        for name, data, size in [("cut.wav", whole, 3), ("cut.wav", whole, 20), ("cut.flac", CLIP_BYTES, 100),
                                 ("cut.flac", CLIP_BYTES, len(CLIP_BYTES) // 2)]:
            cut = self.folder / name
            cut.write_bytes(data[:size])
            self.refused(1, f"{name}: ", "mel", cut, out, *preset)
        for other in ["whole.wav", "other.flac", "npy"]:
            self.refused(2, f"must end in .npy, got {self.path(other)}", "mel", self.path("whole.wav"), self.path(other), *preset)
        self.refused(2, "--extension must be .npy, got .wav", "mel", self.path("whole.wav"), "--out-dir", self.path("out"),
                     "--extension", ".wav", *preset)
        self.assertEqual(pathlib.Path(self.path("whole.wav")).read_bytes(), whole)
        os.symlink(self.path("whole.wav"), self.path("link.npy"))
        self.refused(1, "link.npy: ", "mel", self.path("whole.wav"), self.path("link.npy"), *preset)
        self.refused(1, "absent/m.npy: ", "mel", self.path("whole.wav"), self.path("absent/m.npy"), *preset)

    def test_no_samples_give_no_frames(self):
        self.ok("mel", self.wav("x.wav", frames=0), self.path("m.npy"), "--preset", "wavestride-16k")
        self.assertEqual(np.load(self.path("m.npy")).shape, (80, 0))


class Vocode(ToolTest):
    preset = ("--method", "griffin-lim", "--preset", "wavestride-16k", "--iterations", "3")

    def samples(self, name, rate=16000):
        with wave.open(self.path(name)) as file:
            self.assertEqual((file.getframerate(), file.getnchannels()), (rate, 1))
            return file.getsampwidth(), np.frombuffer(file.readframes(file.getnframes()), np.uint8)

    def test_features_and_sound_give_the_same(self):
        self.ok("mel", CLIP, self.path("m.npy"), "--preset", "wavestride-16k")
        self.ok("vocode", self.path("m.npy"), self.path("a.wav"), *self.preset)
        text = self.ok("vocode", CLIP, self.path("b.wav"), *self.preset)
        self.assertIn("spectral convergence", text)
        a, b = self.samples("a.wav"), self.samples("b.wav")
        self.assertEqual(a[0], 2)
        self.assertTrue(np.array_equal(a[1], b[1]))

    def test_options(self):
        clip = self.wav("x.wav")
        for bits, width in [("16", 2), ("24", 3), ("32", 4)]:
            self.ok("vocode", clip, self.path("o.wav"), *self.preset, "--bits", bits)
            self.assertEqual(self.samples("o.wav")[0], width)
        self.ok("vocode", clip, self.path("o.wav"), *self.preset, "--bits", "float")
        results = []
        for seed in [0, 0, 1]:
            self.ok("vocode", clip, self.path("o.wav"), *self.preset, "--seed", seed)
            results.append(self.samples("o.wav")[1].tobytes())
        self.assertEqual(results[0], results[1])
        self.assertNotEqual(results[0], results[2])
        self.ok("vocode", clip, self.path("o.flac"), *self.preset)

    def test_model(self):
        """A small random network of the goldens: what it makes is noise, the same in every chunking."""
        model = ("--model", str(GOLDEN / "model-0.safetensors"))
        self.ok("mel", CLIP, self.path("m.npy"), "--preset", "wavestride-16k")
        results = []
        for options in [(), ("--chunk", "1"), ("--chunk", "7"), ("--threads", "2"), ("--threads", "0", "--chunk", "3"),
                        ("--method", "model", "--preset", "wavestride-16k")]:
            text = self.ok("vocode", self.path("m.npy"), self.path("o.wav"), *model, *options)
            self.assertNotIn("spectral convergence", text)
            results.append(self.samples("o.wav")[1].tobytes())
        self.ok("vocode", CLIP, self.path("o.wav"), *model)
        results.append(self.samples("o.wav")[1].tobytes())
        self.assertEqual(len(set(results)), 1)
        self.assertEqual(len(results[0]) // 2, (np.load(self.path("m.npy")).shape[1] - 1) * 160)
        out = self.path("x.wav")
        self.refused(2, "takes features of preset wavestride-16k, not of whisper-16k", "vocode", CLIP, out, *model, "--preset",
                     "whisper-16k")
        for alone in [("--speaker", "3"), ("--config", "v1"), ("--stats", "x.npy"), ("--prefix", "ema"), ("--bandwidth", "6"),
                      ("--codebooks", "4")]:
            self.refused(2, "of a network that --model names", "vocode", CLIP, out, *alone)
        self.refused(2, "--model is of --method model", "vocode", CLIP, out, *model, *self.preset)
        self.refused(2, "--preset is needed", "vocode", CLIP, out, "--method", "griffin-lim")
        self.refused(1, "m.npy: ", "vocode", CLIP, out, "--model", self.path("m.npy"))
        self.refused(1, 'no tensor whose name begins with "ema."', "vocode", CLIP, out, *model, "--prefix", "ema")
        copy = self.path("copy.wav")
        pathlib.Path(copy).write_bytes(pathlib.Path(model[1]).read_bytes())
        self.refused(1, "copy.wav: ", "vocode", CLIP, copy, "--model", copy)
        self.refused(2, "--raw is of standard output", "vocode", CLIP, out, *model, "--raw")

    def test_networks_that_draw_random_numbers(self):
        for name, file in [("parallel-wavegan-v1", "checkpoint-400000steps.pkl"),
                           ("wavenet-vocoder-mol", "checkpoint_step000000010_ema.pth"),
                           ("snac-24khz", "pytorch_model.bin")]:
            model = ("--model", str(GOLDEN / "models" / name / file))
            features = self.save("x.npy", self.random.integers(20, size=(7, 30)) if name.startswith("snac") else
                                 self.random.normal(size=(10, 30)).astype("f4"))
            results = []
            for options in [(), ("--seed", "0", "--chunk", "1"), ("--seed", "1")]:
                result = run("vocode", features, self.path("o.wav"), *model, *options)
                self.assertEqual(result.returncode, 0, result.stderr)  # which may tell of clipped samples
                results.append(self.samples("o.wav")[1].tobytes())
            self.assertEqual(results[0], results[1])
            self.assertNotEqual(results[0], results[2])

    def test_codes(self):
        """EnCodec's codes, as its encode() gives them: whole numbers, so many a frame as the bandwidth says."""
        model = ("--model", str(GOLDEN / "models/vocos-encodec/pytorch_model.bin"))
        out = self.path("o.wav")
        made = {}
        for bandwidth, books in [("1.5", 2), ("3", 4), ("6.0", 8), ("12", 16)]:
            codes = np.random.default_rng(books).integers(0, 1024, (books, 30))
            results = []
            for dtype, options in [("i8", ()), ("i2", ("--chunk", "1")), ("f4", ("--chunk", "7", "--threads", "2"))]:
                path = self.save("codes.npy", codes.astype(dtype))
                result = run("vocode", path, out, *model, "--bandwidth", bandwidth, *options)
                self.assertEqual(result.returncode, 0, result.stderr)  # which may tell of clipped samples
                self.assertIn("by vocos", result.stdout)
                results.append(self.samples("o.wav", 24000)[1].tobytes())
            self.assertEqual((len(set(results)), len(results[0])), (1, 2 * 30 * 320))
            made[books] = results[0]
            piped = subprocess.run([TOOL, "vocode", "-", "-", *model, "--bandwidth", bandwidth, "--raw"],
                                   input=codes.T.astype("<f4").tobytes(), capture_output=True)
            self.assertEqual((piped.returncode, piped.stdout), (0, results[0]), piped.stderr)
        self.assertEqual(run("vocode", path, out, *model).returncode, 0)  # the highest
        self.assertEqual(self.samples("o.wav", 24000)[1].tobytes(), made[16])
        os.remove(out)
        self.refused(1, "has shape [16, 30], and the model takes codes [8, frames]; with --codebooks 16 or --bandwidth 12 it takes",
                     "vocode", path, out, *model, "--bandwidth", "6")
        self.refused(1, "has shape [30, 16], and the model takes codes of 2, 4, 8 or 16 rows: the transposed array would do",
                     "vocode", self.save("turned.npy", codes.T), out, *model)
        piped = subprocess.run([TOOL, "vocode", "-", out, *model], input=pathlib.Path(path).read_bytes(), capture_output=True)
        self.assertIn(b"where frames of 16 values of float32 must come, the codes of each\n", piped.stderr)
        for wrong, said in [(1024, "1024"), (-1, "-1"), (0.5, "0.5")]:
            bad = codes.astype("f4")
            bad[3, 20] = wrong
            self.refused(1, f"bad.npy: holds {said}, and codes are whole numbers from 0 to 1023", "vocode",
                         self.save("bad.npy", bad), out, *model)
        bad[3, 20] = np.nan
        self.refused(1, "not finite", "vocode", self.save("bad.npy", bad), out, *model)
        self.assertFalse(os.path.exists(out))
        self.refused(1, "takes codes of 1.5, 3, 6, 12 kbps: name one of these bandwidths, not 24", "vocode", path, out, *model,
                     "--bandwidth", "24")
        self.refused(2, "--bandwidth", "vocode", path, out, *model, "--bandwidth", "much")
        self.refused(1, "it takes the codes that EnCodec makes of sound, no mel frames", "vocode", CLIP, out, *model)
        self.refused(1, "no codes of a codec", "vocode", CLIP, out, "--model", str(GOLDEN / "model-0.safetensors"),
                     "--bandwidth", "6")
        text = self.ok("inspect", model[1], "--bandwidth", "6")
        self.assertIn("EnCodec: 8 codes of 0 to 1023, 75.00 frames/s; not made of sound: it takes the codes", text)

    def test_codes_of_some_codebooks(self):
        """The codes say how many codebooks they are of; beside others, or from a pipe, --codebooks does."""
        model = ("--model", str(GOLDEN / "models/dac-44khz/weights.pth"))
        out, folder = self.path("o.wav"), self.path("folder")
        codes = np.random.default_rng(5).integers(0, 20, (4, 30))
        made = set()
        for books in (4, 3, 1):
            path = self.save("codes.npy", codes[:books].astype("u2"))
            self.assertIn("by dac", self.ok("vocode", path, out, *model))
            sound = self.samples("o.wav", 16000)[1].tobytes()
            self.assertEqual(len(sound), 2 * 30 * 16)
            made.add(sound)
            self.ok("vocode", path, out, *model, "--codebooks", str(books), "--chunk", "4")
            self.assertEqual(self.samples("o.wav", 16000)[1].tobytes(), sound)
            piped = subprocess.run([TOOL, "vocode", "-", "-", *model, "--codebooks", str(books), "--raw"],
                                   input=codes[:books].T.astype("<f4").tobytes(), capture_output=True)
            self.assertEqual((piped.returncode, piped.stdout), (0, sound), piped.stderr)
            self.ok("vocode", path, "--out-dir", folder, *model, "--codebooks", str(books))
        self.assertEqual(len(made), 3)
        several = "has shape [1, 30], and the model takes codes [4, frames]; with --codebooks 1 it takes these"
        result = run("vocode", path, "--out-dir", self.path("other"), *model)
        self.assertEqual((result.returncode, several in result.stderr), (1, True), result.stderr)
        for wrong, shape, hint in [(np.vstack([codes, codes]), "[8, 30]", ""), (codes.T, "[30, 4]", ": the transposed array would do")]:
            self.refused(1, f"has shape {shape}, and the model takes codes of 1 to 4 rows{hint}\n", "vocode",
                         self.save("wrong.npy", wrong), out, *model)
        self.refused(1, "takes codes [2, frames]; with --codebooks 1 it takes these\n", "vocode", path, out, *model, "--codebooks", "2")
        self.refused(1, "of the first 1 to 4 of its codebooks, not of 5", "vocode", path, out, *model, "--codebooks", "5")
        self.refused(1, "name that, no bandwidth", "vocode", path, out, *model, "--bandwidth", "8")
        self.refused(2, "--codebooks", "vocode", path, out, *model, "--codebooks", "0")
        self.refused(1, "holds 20, and codes are whole numbers from 0 to 19", "vocode", self.save("bad.npy", codes + 1), out, *model)
        vocos = ("--model", str(GOLDEN / "models/vocos-encodec/pytorch_model.bin"))
        path = self.save("codes.npy", np.random.default_rng(5).integers(0, 1024, (4, 30)))
        self.assertEqual(run("vocode", path, out, *vocos).returncode, 0)
        sound = self.samples("o.wav", 24000)[1].tobytes()
        self.assertEqual(run("vocode", path, out, *vocos, "--bandwidth", "3").returncode, 0)
        self.assertEqual(self.samples("o.wav", 24000)[1].tobytes(), sound)
        self.refused(1, "takes codes of 2, 4, 8, 16 codebooks: name one of these, not 3", "vocode", path, out, *vocos,
                     "--codebooks", "3")
        self.refused(1, "codes.npy: has shape [3, 30], and the model takes codes of 2, 4, 8 or 16 rows\n", "vocode",
                     self.save("codes.npy", np.zeros((3, 30))), out, *vocos)
        text = self.ok("inspect", model[1], "--codebooks", "2")
        self.assertIn("DAC: 2 codes of 0 to 19, 1000.00 frames/s; not made of sound: it takes the codes that DAC makes", text)
        self.assertIn("conv_transpose1d(24 → 12", text)

    def test_codes_at_several_rates(self):
        """Of SNAC, whose frames have 1, 3 or 7 codes of 1, 2 or 3 codebooks."""
        model = ("--model", str(GOLDEN / "models/snac-24khz/pytorch_model.bin"))
        out, codes = self.path("o.wav"), np.random.default_rng(6).integers(0, 20, (7, 20))
        for books, rows in [(1, 1), (2, 3), (3, 7)]:
            path = self.save("codes.npy", codes[:rows])
            results = []
            for options in [(), ("--codebooks", str(books))]:
                result = run("vocode", path, out, *model, *options)
                self.assertEqual(result.returncode, 0, result.stderr)  # which may tell of clipped samples
                results.append(self.samples("o.wav", 16000)[1].tobytes())
            self.assertEqual((len(set(results)), len(results[0])), (1, 2 * 20 * 48))
        os.remove(out)
        for rows in (2, 5):
            self.refused(1, f"codes.npy: has shape [{rows}, 20], and the model takes codes of 1, 3 or 7 rows\n", "vocode",
                         self.save("codes.npy", codes[:rows]), out, *model)
        self.refused(1, "has shape [20, 7], and the model takes codes of 1, 3 or 7 rows: the transposed array would do\n",
                     "vocode", self.save("codes.npy", codes.T), out, *model)
        self.refused(1, "has shape [3, 20], and the model takes codes [7, frames]; with --codebooks 2 it takes these\n", "vocode",
                     self.save("codes.npy", codes[:3]), out, *model, "--codebooks", "3")

    def test_a_voice_that_is_not_in_the_file(self):
        model = ("--model", str(GOLDEN / "models/hifigan-xtts/model.pth"))
        latents, out = self.save("l.npy", self.random.normal(size=(9, 20)).astype("f4")), self.path("o.wav")
        self.refused(1, "an embedding of 4 values, which is not in the file", "vocode", latents, out, *model)
        made = []
        for voice in [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.5]]:
            option = ("--speaker-embedding", self.save("voice.npy", np.array(voice)))
            self.ok("vocode", latents, out, *model, *option, "--bits", "float")
            made.append(pathlib.Path(out).read_bytes())
        self.assertNotEqual(*made)
        self.assertIn("architecture   hifigan\n", self.ok("inspect", model[1], *option))
        os.remove(out)
        self.refused(1, "takes a speaker embedding of 4 values, got 3", "vocode", latents, out, *model, "--speaker-embedding",
                     self.save("short.npy", np.zeros(3)))
        self.refused(1, "nan.npy: holds values that are not finite numbers", "vocode", latents, out, *model,
                     "--speaker-embedding", self.save("nan.npy", np.full(4, np.nan)))
        copy = self.path("copy.wav")
        pathlib.Path(copy).write_bytes(pathlib.Path(self.path("voice.npy")).read_bytes())
        self.refused(1, "copy.wav: ", "vocode", latents, copy, *model, "--speaker-embedding", copy)
        self.refused(1, "none.npy: holds no values", "vocode", latents, out, *model, "--speaker-embedding",
                     self.save("none.npy", np.zeros(0)))
        self.refused(2, "of a network that --model names", "vocode", CLIP, out, *option)

    def test_codes_of_encodec(self):
        """Of its own decoder."""
        model = ("--model", str(GOLDEN / "models/encodec-meta/encodec_24khz-d7cc33bc.th"))
        out, alone = self.path("o.wav"), self.path("alone.safetensors")
        codes = np.random.default_rng(1).integers(0, 1024, (4, 9))
        path, results = self.save("codes.npy", codes), []
        self.ok("convert", model[1], alone)
        for options in [model, (*model, "--bandwidth", "3", "--chunk", "1"), ("--model", alone, "--chunk", "7", "--threads", "2")]:
            result = run("vocode", path, out, *options)
            self.assertEqual(result.returncode, 0, result.stderr)  # which may tell of clipped samples
            self.assertIn("by encodec", result.stdout)
            results.append(self.samples("o.wav", 24000)[1].tobytes())
        self.assertEqual((len(set(results)), len(results[0])), (1, 2 * 9 * 320))
        os.remove(out)
        self.assertEqual(run("vocode", self.save("two.npy", codes[:2]), out, *model).returncode, 0)
        two = self.samples("o.wav", 24000)[1].tobytes()
        self.assertEqual(run("vocode", self.path("two.npy"), out, *model, "--bandwidth", "1.5").returncode, 0)
        self.assertEqual(self.samples("o.wav", 24000)[1].tobytes(), two)
        os.remove(out)
        self.refused(1, "has shape [4, 9], and the model takes codes [2, frames]; with --codebooks 4 or --bandwidth 3 it takes these",
                     "vocode", path, out, *model, "--bandwidth", "1.5")
        self.refused(1, "takes codes of 1.5, 3 kbps: name one of these bandwidths, not 6", "vocode", path, out, *model,
                     "--bandwidth", "6")
        self.assertFalse(os.path.exists(out))
        text = self.ok("inspect", model[1])
        self.assertIn("EnCodec: 4 codes of 0 to 1023, 75.00 frames/s; not made of sound: it takes the codes", text)
        self.assertIn("lstm(32 → 32)", text)
        self.assertIn('\nholds          decoder alone; tensor "encoder.model.0.conv.conv.bias" is missing', text)

    def test_codes_of_sound(self):
        """Encoded, and made sound of again."""
        dac, snac, encodec = (("--model", str(GOLDEN / "models" / file)) for file in (
            "dac-44khz/weights.pth", "snac-plain/model.safetensors", "encodec-both-meta/encodec_24khz-d7cc33bc.th"))
        sound, codes, out = self.wav("in.wav", 16000, 1, 4801), self.path("codes.npy"), self.path("out.wav")
        for model, options, shape, hop, said in [
                (dac, (), (4, 301), 16, "4 codes x 301 frames at 1000.00 frames/s, 17.29 kbit/s, by dac; "),
                (dac, ("--codebooks", "1"), (1, 301), 16, "1 codes x 301 frames"),
                (snac, (), (6, 67), 72, "6 codes x 67 frames at 222.22 frames/s, 5.76 kbit/s, by snac; "),
                (encodec, ("--bandwidth", "1.5"), (2, 23), 320, "2 codes x 23 frames at 75.00 frames/s, 1.38 kbit/s, by encodec; ")]:
            self.assertIn(f"codes.npy: {said}", self.ok("encode", sound, codes, *model, *options))
            array = np.load(codes)
            self.assertEqual((array.dtype, array.shape), (np.dtype("int64"), shape))
            self.assertGreater(len(np.unique(array)), 3)
            self.assertEqual(run("vocode", codes, out, *model).returncode, 0)
            with wave.open(out) as file:
                self.assertEqual(file.getnframes(), shape[1] * hop)
            piped = subprocess.run([TOOL, "encode", "-", "-", *model, *options, "--threads", "2"],
                                   input=pathlib.Path(sound).read_bytes(), capture_output=True)
            self.assertEqual(np.frombuffer(piped.stdout, "<f4").reshape(shape[::-1]).T.tolist(), array.tolist())
        for options in [("--minimal-filtering",), ("--bfloat16",), ("--minimal-filtering", "--bfloat16")]:
            self.ok("encode", sound, codes, *dac, *options)
            self.assertEqual(np.load(codes).shape, (4, 301))
        self.ok("encode", sound, self.wav("more.wav", 24000), "--out-dir", self.path("all"), *encodec, "--jobs", "2")
        self.assertEqual([np.load(self.path(f"all/{name}.npy")).shape for name in ("in", "more")], [(4, 23), (4, 25)])

    def test_a_converted_codec(self):
        """Both halves of it, which inspect describes."""
        original, sound = str(GOLDEN / "models/snac-24khz/pytorch_model.bin"), self.wav("in.wav", 16000, 1, 4801)
        model, codes = self.path("m.safetensors"), self.path("codes.npy")
        self.assertIn("m.safetensors: snac, decoder and encoder, ", self.ok("convert", original, model))
        arrays, texts = [], []
        for name in original, model:
            self.ok("encode", sound, codes, "--model", name, "--codebooks", "2")
            arrays.append(np.load(codes).tolist())
            texts.append(self.ok("inspect", name))
            self.assertEqual(run("vocode", codes, self.path("o.wav"), "--model", name).returncode, 0)
        self.assertEqual(arrays[0], arrays[1])
        for text in texts:
            for line in ("holds          decoder and encoder", "codebooks      1, 2 (3 codes a frame), 3 (7 codes a frame)",
                         "sound          16000 Hz, 48 samples a frame",
                         "encoder        16000 Hz, 48 samples a frame, to 7 codes of 0 to 19, 333.33 frames/s, 10.08 kbit/s"):
                self.assertIn(f"\n{line}\n", text)
            self.assertEqual(text.count("MMAC/s  layer\n"), 2)
        self.assertIn("codebooks      2 at 1.5 kbit/s, 4 at 3 kbit/s\n",
                      self.ok("inspect", str(GOLDEN / "models/encodec-both-meta/encodec_24khz-d7cc33bc.th")))
        self.assertIn("codebooks      1 to 4\n", self.ok("inspect", str(GOLDEN / "models/dac-44khz/weights.pth")))
        self.assertIn("d.safetensors: encodec, decoder alone, ", self.ok(
            "convert", str(GOLDEN / "models/encodec-fused/model.safetensors"), self.path("d.safetensors")))
        self.assertNotIn("\nholds ", self.ok("inspect", str(GOLDEN / "models/vocos-encodec/pytorch_model.bin")))

    def test_what_is_not_encoded(self):
        model = ("--model", str(GOLDEN / "models/dac-44khz/weights.pth"))
        sound, out = self.wav("in.wav"), self.path("codes.npy")
        self.refused(2, "--model is required", "encode", sound, out)
        self.refused(2, "the name of OUT must end in .npy", "encode", sound, self.path("codes.wav"), *model)
        self.refused(1, "has 2 channels: choose with --channel", "encode", self.wav("two.wav", channels=2), out, *model)
        self.refused(1, "holds no encoder", "encode", sound, out, "--model", str(GOLDEN / "models/encodec-fused/model.safetensors"))
        self.refused(1, "has no encoder: DAC, EnCodec and SNAC do", "encode", sound, out, "--model",
                     str(GOLDEN / "models/bigvgan-1/bigvgan_generator.pt"))
        self.refused(1, "makes codes of the first 1 to 4 of its codebooks, not of 9", "encode", sound, out, *model, "--codebooks", "9")
        self.refused(1, "no.wav", "encode", self.path("no.wav"), out, *model)
        self.refused(1, "the codes that DAC makes of sound, no mel frames: wavestride encode makes them, by the codec's own file",
                     "vocode", sound, self.path("out.wav"), *model)
        copy = self.path("copy.npy")
        shutil.copy(model[1], copy)
        self.refused(1, "copy.npy", "encode", sound, copy, "--model", copy)
        self.assertEqual(pathlib.Path(copy).read_bytes(), pathlib.Path(model[1]).read_bytes())

    def test_the_vocoder_that_comes_with_the_library(self):
        text = self.ok("vocode", CLIP, self.path("o.wav"))
        self.assertIn("gated-istft", text)
        text = self.ok("compare", CLIP, self.path("o.wav"), "--preset", "wavestride-16k")
        self.assertLess(float(text.split("mel distance (wavestride-16k): ")[1].split()[0]), 1.5)

    def test_minimal_filtering(self):
        """The samples of the direct network but for rounding, the same in every chunking."""
        results = []
        for options in [(), ("--minimal-filtering",), ("--minimal-filtering", "--chunk", "1")]:
            self.ok("vocode", CLIP, self.path("o.wav"), "--bits", "32", *options)
            results.append(self.samples("o.wav")[1].view("<i4") / 2**31)
        self.assertGreater(np.abs(results[0] - results[1]).max(), 0)
        self.assertLess(np.abs(results[0] - results[1]).max(), 1e-4)
        self.assertEqual(results[1].tobytes(), results[2].tobytes())

    def test_bfloat16(self):
        """About the samples of the network in float, the same in every chunking."""
        results = []
        for options in [(), ("--bfloat16",), ("--bfloat16", "--chunk", "1")]:
            self.ok("vocode", CLIP, self.path("o.wav"), "--bits", "32", *options)
            results.append(self.samples("o.wav")[1].view("<i4") / 2**31)
        error = np.linalg.norm(results[0] - results[1]) / np.linalg.norm(results[0])
        self.assertGreater(error, 0)
        self.assertLess(error, 0.08)
        self.assertEqual(results[1].tobytes(), results[2].tobytes())

    def test_int8_is_of_wavenets(self):
        for name, options in [("a.wav", ()), ("b.wav", ("--int8",))]:
            self.ok("vocode", CLIP, self.path(name), *options)
        self.assertEqual(self.samples("a.wav")[1].tobytes(), self.samples("b.wav")[1].tobytes())

    def test_a_sound_of_another_rate_is_converted_first(self):
        model = ("--model", str(GOLDEN / "model-0.safetensors"))
        clip = self.wav("y.wav", rate=44100, frames=30011)
        self.ok("resample", clip, self.path("z.wav"), "--rate", "16000", "--bits", "float")
        for name, source in [("a.wav", clip), ("b.wav", self.path("z.wav"))]:
            self.ok("vocode", source, self.path(name), *model, "--bits", 16)
        self.assertEqual(self.samples("a.wav")[1].tobytes(), self.samples("b.wav")[1].tobytes())

    def test_pipes(self):
        """Frames from standard input give samples on standard output before the input ends."""
        arguments = ["vocode", "-", "-", "--model", str(GOLDEN / "model-0.safetensors")]
        self.ok("mel", CLIP, self.path("m.npy"), "--preset", "wavestride-16k")
        frames = np.ascontiguousarray(np.load(self.path("m.npy")).T)
        for bits, dtype in [("16", "<i2"), ("24", None), ("32", "<i4"), ("float", "<f4")]:
            self.ok("vocode", self.path("m.npy"), self.path("o.raw"), *arguments[3:], "--bits", bits)
            expected = pathlib.Path(self.path("o.raw")).read_bytes()
            result = subprocess.run([TOOL, *arguments, "--raw", "--bits", bits], input=frames.tobytes(), capture_output=True)
            self.assertEqual((result.returncode, result.stdout), (0, expected))
            self.assertIn(b"real-time factor", result.stderr)
            wav = subprocess.run([TOOL, *arguments, "--bits", bits], input=frames.tobytes(), capture_output=True).stdout
            self.assertEqual((wav[:4], wav[8:16], wav[44:]), (b"RIFF", b"WAVEfmt ", expected))
            tag, channels, rate, per_second, frame, width = struct.unpack("<HHIIHH", wav[20:36])
            self.assertEqual((tag, channels, rate), (3 if bits == "float" else 1, 1, 16000))
            self.assertEqual((per_second, frame, width), (16000 * frame, width // 8, 32 if bits == "float" else int(bits)))

        process = subprocess.Popen([TOOL, *arguments, "--raw"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        process.stdin.write(frames[:100].tobytes())
        process.stdin.flush()
        # All but what the network reads ahead.
        self.assertEqual(len(process.stdout.read(2 * 85 * 160)), 2 * 85 * 160)
        process.stdin.write(b"odd")
        process.stdin.close()
        process.stdout.read()
        process.stdout.close()
        self.assertEqual(process.wait(60), 1)

    def test_features_of_other_presets(self):
        model = ("--model", str(GOLDEN / "model-0.safetensors"))
        text = run("vocode", self.save("x.npy", np.zeros((80, 9), "f4")), self.path("o.wav"), *model, "--preset",
                   "speecht5-16k").stderr
        self.assertIn("hop", text)
        self.assertIn("bands", text)

    def test_features_that_are_refused(self):
        out = self.path("o.wav")
        self.refused(1, "bad.npy: has shape [79, 5]", "vocode", self.save("bad.npy", np.zeros((79, 5), "f4")), out, *self.preset)
        nan = np.full((80, 5), np.nan, "f4")
        self.refused(1, "t.npy: has shape [5, 80], and preset wavestride-16k has features [80, frames]: the transposed array would do",
                     "vocode", self.save("t.npy", np.zeros((5, 80), "f4")), out, *self.preset)
        self.refused(1, "nan.npy: holds values that are not finite", "vocode", self.save("nan.npy", nan), out, *self.preset)
        empty = self.folder / "empty.npy"
        empty.touch()
        self.refused(1, "empty.npy: ", "vocode", empty, out, *self.preset)
        good = self.save("good.npy", np.zeros((80, 5), "f4"))
        for name in ["o.xyz", "o", "o.npy"]:
            self.refused(2, "its name does not end in a known audio format: wav, ", "vocode", good, self.path(name), *self.preset)
        self.refused(2, "--bits of .flac is 16 or 24", "vocode", good, self.path("o.flac"), *self.preset, "--bits", "float")
        self.refused(2, "--bits is for uncompressed sound", "vocode", good, self.path("o.ogg"), *self.preset, "--bits", "16")
        self.refused(2, "- can't be in a batch", "vocode", "--out-dir", self.path("x"), good, "-", *self.preset)
        cut = self.folder / "cut.npy"
        cut.write_bytes(pathlib.Path(good).read_bytes()[:-1])
        self.refused(1, "cut.npy: ", "vocode", cut, out, *self.preset)

    def test_no_sound_goes_to_a_terminal(self):
        ours, theirs = self.terminal(80)
        for command in [("vocode", self.wav("x.wav"), "-", *self.preset), ("extend", CLIP, "-", "--model", "x"),
                        ("resample", CLIP, "-", "--rate", 8000), ("mel", CLIP, "-", "--preset", "wavestride-16k")]:
            result = subprocess.run([TOOL, *map(str, command)], stdout=theirs, stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("standard output is a terminal", result.stderr)
        for command in [("vocode", "-", self.path("o.wav"), *self.preset), ("extend", "-", self.path("o.wav"), "--model", "x"),
                        ("resample", "-", self.path("o.wav"), "--rate", 8000), ("compare", CLIP, "-"),
                        ("mel", "-", self.path("o.npy"), "--preset", "wavestride-16k"), ("plot", "-", self.path("o.png"))]:
            result = subprocess.run([TOOL, *map(str, command)], stdin=theirs, capture_output=True, text=True)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("standard input is a terminal", result.stderr)
        os.close(theirs)
        self.assertEqual(self.all_of(ours), b"")

    def start_long_work(self, **streams):
        """Runs until stopped, and has its unfinished output in the folder."""
        clip = self.wav("x.wav")
        before = len(list(self.folder.iterdir()))
        process = subprocess.Popen(
            [TOOL, "vocode", clip, self.path("o.wav"), *self.preset[:4], "--iterations", "1000000"],
            stdout=subprocess.DEVNULL, **streams)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 60
        while len(list(self.folder.iterdir())) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertIsNone(process.poll())
        return process

    def test_an_interrupt_leaves_no_file(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            process = self.start_long_work(stderr=subprocess.PIPE)
            time.sleep(0.2)
            process.send_signal(number)
            self.assertEqual(process.wait(60), 130)
            self.assertEqual(process.stderr.read(), b"")  # no terminal, no progress
            process.stderr.close()
            self.assertEqual([p.name for p in self.folder.iterdir()], ["x.wav"])

    def test_other_signals_leave_no_file_and_end_as_ever(self):
        for number in [signal.SIGPIPE, signal.SIGXCPU, signal.SIGQUIT]:
            process = self.start_long_work(stderr=subprocess.PIPE)
            process.send_signal(number)
            self.assertEqual(process.wait(60), -number)
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()
            self.assertEqual([p.name for p in self.folder.iterdir()], ["x.wav"])

    def test_ignored_signals_stay_ignored(self):
        process = self.start_long_work(stderr=subprocess.DEVNULL,
                                       preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 130)

    def test_wav_through_a_pipe(self):
        """Of unknown length, as this tool, ffmpeg and sox write it, it is read to its end; what claims a length must have it."""
        features = self.save("f.npy", self.random.normal(size=(80, 40)).astype("f4") - 6)
        made = subprocess.run([TOOL, "vocode", features, "-", *self.preset], capture_output=True).stdout
        samples = made[44:]
        info = b"LIST" + struct.pack("<I", 26) + b"INFOISFT\x0e\0\0\0Lavf59.27.100\0"
        def header(riff, data, more=b""):
            return (b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
                    + more + b"data" + struct.pack("<I", data))
        frames = len(samples) // 2
        out = ("resample", "/dev/stdin", self.path("o.wav"), "--rate", "8000")
        for head in [made[:44], header(0xffffffff, 0xffffffff, info), header(0x7ffff024, 0x7ffff000),
                     header(36 + len(samples), len(samples)), header(0, 0), header(36, 0)]:
            result = subprocess.run([TOOL, *out], input=head + samples, capture_output=True)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            with wave.open(self.path("o.wav")) as file:
                self.assertEqual(file.getnframes(), -(-frames // 2))
        result = subprocess.run([TOOL, *out], input=header(36 + 2 * len(samples), 2 * len(samples)) + samples, capture_output=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"ends after {frames} of the {2 * frames} frames".encode(), result.stderr)

    def terminal(self, columns=0):
        """A terminal's two ends; 0 columns: it does not say how many."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        return ours, theirs

    def all_of(self, ours):
        """What comes until nobody writes any more."""
        text = b""
        try:
            while more := os.read(ours, 1000):
                text += more
        except OSError:
            pass
        os.close(ours)
        return text

    def fifo(self, name, feed):
        """A FIFO that feed(its writing end) writes to as soon as somebody reads it, until he stops."""
        os.mkfifo(self.path(name))
        def write():
            try:
                with open(self.path(name), "wb", buffering=0) as end:
                    feed(end)
            except BrokenPipeError:
                pass
        threading.Thread(target=write, daemon=True).start()
        return self.path(name)

    def endless_sound(self, name):
        """Comes slowly, for longer than it takes until there is a bar."""
        sound = pathlib.Path(self.wav("sound.wav", frames=40000)).read_bytes()
        def feed(end):
            end.write(sound[:40] + struct.pack("<I", 2**24))
            while True:  # until the pipe breaks
                end.write(sound[44:])
                time.sleep(0.1)
        return self.fifo(name, feed)

    def late_sound(self, name):
        """Ends more than the second after which there is a bar."""
        sound = pathlib.Path(self.wav("sound.wav", frames=50000)).read_bytes()
        def feed(end):
            end.write(sound[:1000])
            time.sleep(1.2)
            end.write(sound[1000:])
        return self.fifo(name, feed)

    def test_the_bar_fits_into_the_terminal(self):
        for columns in [0, 80, 40, 20, 8]:
            name = f"{columns}-" + "lång" * 20 + ".wav"
            ours, theirs = self.terminal(columns)
            process = subprocess.Popen([TOOL, "resample", self.endless_sound(name), self.path("o.wav"), "--rate", "8000"],
                                       stdout=subprocess.DEVNULL, stderr=theirs)
            self.addCleanup(process.kill)
            os.close(theirs)
            text = b""
            while b"\033[K" not in text:
                text += os.read(ours, 1000)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 130)
            text += self.all_of(ours)
            bars = re.findall("\r([^\r]*?)\033\\[K", text.decode())
            for bar in bars:
                self.assertLess(len(bar), columns or 80)
                self.assertRegex(bar, r"\d+ %$")
                if columns != 8:
                    self.assertRegex(bar, r"^conver.*… \[.*\] ")
            self.assertTrue(text.endswith(b"\033[K\r\n"), text)  # what follows does not begin within the bar

    def test_messages_of_a_batch_and_its_bar(self):
        self.square("loud.wav")
        ours, theirs = self.terminal(80)
        process = subprocess.Popen([TOOL, "resample", self.late_sound("slow.wav"), self.path("loud.wav"), "--rate", "22050",
                                    "--out-dir", self.path("out")], stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.addCleanup(process.kill)
        text = self.all_of(ours).decode()
        self.assertEqual(process.wait(60), 0)
        bar = r"\rfiles \[[# ]{40}\] +\d+ %\x1b\[K"
        self.assertRegex(text, rf"^({bar})+\r\x1b\[Kwavestride: [^\r]*/out/loud.wav: \d+ samples beyond full scale were clipped\r\n"
                               rf"({bar})\r\x1b\[K2 of 2 files made")

    def test_clipped_samples_are_told(self):
        loud = self.save("loud.npy", np.full((80, 40), 8, "f4"))
        for command in [("vocode", loud, self.path("o.wav"), *self.preset),
                        ("vocode", loud, "--out-dir", self.path("out"), *self.preset)]:
            result = run(*command)
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stderr, r"^wavestride: .*(o|loud).wav: \d+ samples beyond full scale were clipped\n$")
        self.square("loud.wav")
        for bits in ["16", "24"]:
            result = run("resample", self.path("loud.wav"), self.path("o.wav"), "--rate", 22050, "--bits", bits, "--dither", 1)
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stderr, r"o.wav: \d+ samples beyond full scale were clipped\n$")

    def test_progress_on_a_terminal(self):
        ours, theirs = pty.openpty()
        process = self.start_long_work(stderr=theirs)
        os.close(theirs)
        text = b""
        while b"%" not in text:
            text += os.read(ours, 1000)
        self.assertIn(b"Griffin-Lim [", text)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130)
        os.close(ours)


class Pipes(ToolTest):
    """- is standard input and output."""

    def piped(self, *arguments, code=0, input=b""):
        """What comes out of standard output, which is a pipe."""
        result = subprocess.run([TOOL, *map(str, arguments)], input=input, capture_output=True)
        self.assertEqual(result.returncode, code, result.stderr)
        self.said = result.stderr.decode()
        return result.stdout

    def bytes_of(self, path):
        return pathlib.Path(self.path(path)).read_bytes()

    def test_resample(self):
        for channels, bits in [(1, 16), (2, 16), (1, 24), (3, 32), (2, "float")]:
            with self.subTest(channels=channels, bits=bits):
                clip = self.wav("x.wav", channels=channels, frames=30001)
                options = ("--rate", 22050, "--bits", bits)
                self.ok("resample", clip, self.path("o.wav"), *options)
                self.ok("resample", clip, self.path("o.raw"), *options)
                expected = self.bytes_of("o.raw")
                for source, data in [(clip, b""), ("-", self.bytes_of("x.wav"))]:
                    wav = self.piped("resample", source, "-", *options, input=data)
                    self.assertEqual((wav[:8], wav[40:44], wav[44:]), (b"RIFF\xff\xff\xff\xff", b"\xff" * 4, expected))
                    tag, count, rate, _, frame, width = struct.unpack("<HHIIHH", wav[20:36])
                    self.assertEqual((tag, count, rate, frame), (3 if bits == "float" else 1, channels, 22050, channels * width // 8))
                    self.assertRegex(self.said, r"^standard output: [\d.]+ s at 22050 Hz, .*\n$")
                    self.assertEqual(self.piped("resample", source, "-", *options, "--raw", input=data), expected)
                with open(clip, "rb") as file:  # standard input may be a file, too
                    result = subprocess.run([TOOL, "resample", "-", self.path("p.wav"), *map(str, options)], stdin=file,
                                            capture_output=True)
                self.assertEqual((result.returncode, result.stderr), (0, b""))
                self.assertEqual(self.bytes_of("p.wav"), self.bytes_of("o.wav"))

    def test_every_format_is_read_of_a_pipe(self):
        clip = self.wav("x.wav", rate=48000, frames=100000)
        for extension in ["wav", "w64", "rf64", "aiff", "au", "caf", "flac", "ogg", "opus", "mp3"]:
            with self.subTest(extension=extension):
                name = self.path(f"y.{extension}")
                self.ok("resample", clip, name, "--rate", 48000)
                data = self.bytes_of(name)
                self.ok("resample", name, self.path("o.wav"), "--rate", 24000)
                self.piped("resample", "-", self.path("p.wav"), "--rate", 24000, input=data)
                self.assertEqual(self.bytes_of("p.wav"), self.bytes_of("o.wav"))
                self.piped("resample", "-", self.path("q.wav"), "--rate", 24000, code=1, input=data[:3])

    def test_a_header_that_comes_in_pieces(self):
        clip = self.wav("x.wav", frames=8000)
        self.ok("resample", clip, self.path("x.flac"), "--rate", 16000)
        for name in ["x.wav", "x.flac"]:
            pieces = subprocess.run(["sh", "-c", '(head -c 2 "$1"; sleep 0.1; tail -c +3 "$1") | "$0" resample - "$2" --rate 8000',
                                     TOOL, self.path(name), self.path("o.wav")], capture_output=True)
            self.assertEqual((pieces.returncode, pieces.stderr), (0, b""))
        live = subprocess.Popen([TOOL, "resample", "-", "-", "--rate", "8000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, bufsize=0)
        data = bytearray(self.bytes_of("x.wav"))
        data[4:8] = data[40:44] = struct.pack("<I", 1 << 30)
        live.stdin.write(data[:4])
        time.sleep(0.1)
        live.stdin.write(data[4:])
        self.assertTrue(select.select([live.stdout], [], [], 60)[0])  # before the end of what is written
        live.stdin.close()
        live.stdout.close()
        live.wait(60)

    def test_nothing_is_no_sound(self):
        for command in [("resample", "-", self.path("o.wav"), "--rate", 8000),
                        ("mel", "-", self.path("o.npy"), "--preset", "wavestride-16k")]:
            self.piped(*command, code=1)
            self.assertEqual(self.said, "wavestride: standard input: is not read as audio: it is empty\n")
        slow = subprocess.run(["sh", "-c", '(sleep 0.3; cat "$1") | "$0" resample - "$2" --rate 8000', TOOL, self.wav("x.wav"),
                               self.path("o.wav")], capture_output=True)
        self.assertEqual((slow.returncode, slow.stderr), (0, b""))

    def test_a_file_behind_standard_output_tells_its_length(self):
        for frames, bits in [(8000, 16), (8001, 24), (1, 24), (0, 16)]:
            clip = self.wav("x.wav", frames=frames)
            command = [TOOL, "resample", clip, "-", "--rate", "16000", "--bits", str(bits)]
            for before in [b"", b"something else"]:
                with open(self.path("o.wav"), "wb", buffering=0) as file:
                    file.write(before)
                    subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True)
                made = self.bytes_of("o.wav")
                self.assertEqual(made[: len(before)], before)
                made = made[len(before) :]
                self.assertEqual(struct.unpack("<I", made[4:8])[0], len(made) - 8)
                self.assertEqual(struct.unpack("<I", made[40:44])[0], frames * bits // 8)
                self.assertEqual(len(made), 44 + frames * bits // 8 + frames * bits // 8 % 2)
            with open(self.path("o.wav"), "ab") as file:  # where nothing can be written but at the end
                subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True)
            self.assertEqual(self.bytes_of("o.wav")[len(made) + len(before) :][4:8], b"\xff" * 4)
        self.ok("vocode", CLIP, self.path("a.wav"), *Vocode.preset)
        with open(self.path("b.wav"), "wb") as file:
            subprocess.run([TOOL, "vocode", CLIP, "-", *Vocode.preset], stdout=file, stderr=subprocess.DEVNULL, check=True)
        self.assertEqual(self.bytes_of("b.wav"), self.bytes_of("a.wav"))

    def test_mel_gives_what_vocode_takes(self):
        for preset in ["wavestride-16k", "whisper-16k"]:  # one streams, one does not
            self.ok("mel", CLIP, self.path("m.npy"), "--preset", preset)
            frames = np.load(self.path("m.npy")).T.astype("<f4").tobytes()
            for source in [CLIP, "-"]:
                self.assertEqual(self.piped("mel", source, "-", "--preset", preset, input=CLIP_BYTES), frames)
                self.assertRegex(self.said, r"^standard output: 80 mels x \d+ frames at ")
        self.ok("mel", CLIP, self.path("m.npy"), "--preset", "wavestride-16k")
        frames = self.piped("mel", CLIP, "-", "--preset", "wavestride-16k")
        self.ok("vocode", self.path("m.npy"), self.path("a.wav"), *Vocode.preset)
        self.piped("vocode", "-", self.path("b.wav"), *Vocode.preset, input=frames)
        self.assertEqual(self.bytes_of("b.wav"), self.bytes_of("a.wav"))
        slow = self.wav("slow.wav", rate=8000)
        self.assertEqual(self.piped("mel", slow, "-", "--preset", "wavestride-16k", code=1), b"")
        self.assertIn("has 8000 Hz, and preset wavestride-16k needs 16000 Hz", self.said)
        self.piped("mel", "-", "-", "--preset", "wavestride-16k", code=1, input=self.bytes_of("slow.wav"))
        self.assertIn("(wavestride resample - - --rate 16000)", self.said)
        for begin in [self.bytes_of("slow.wav"), self.bytes_of("m.npy"), CLIP_BYTES]:
            self.piped("vocode", "-", self.path("o.wav"), *Vocode.preset, code=1, input=begin)
            self.assertIn("standard input: is a file, where frames of 80 values", self.said)

    def test_output_comes_before_the_input_ends(self):
        data = pathlib.Path(self.wav("x.wav", frames=16000)).read_bytes()
        for command, least in [(("mel", "-", "-", "--preset", "wavestride-16k"), 320 * 10),
                               (("resample", "-", "-", "--rate", "8000", "--raw"), 2 * 1000)]:
            process = subprocess.Popen([TOOL, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.addCleanup(process.kill)
            process.stdin.write(data[: 44 + 2 * 12000])
            process.stdin.flush()
            self.assertEqual(len(process.stdout.read(least)), least)
            process.stdin.close()
            process.stdout.close()
            process.wait(60)

    def test_the_file_behind_standard_input_is_not_overwritten(self):
        clip = self.wav("x.wav")
        os.symlink(clip, self.path("x.png"))
        before = pathlib.Path(clip).read_bytes()
        for command in [("resample", "-", clip, "--rate", "8000"), ("vocode", "-", clip), ("plot", "-", self.path("x.png"))]:
            with open(clip, "rb") as file:
                result = subprocess.run([TOOL, *command], stdin=file, capture_output=True, text=True)
            self.assertEqual(result.returncode, 1, result)
            self.assertIn(f"{command[2]}: is an input, it would be overwritten\n", result.stderr)
            self.assertEqual(pathlib.Path(clip).read_bytes(), before)

    def test_other_commands_read_standard_input(self):
        clip, other = self.wav("x.wav"), self.wav("y.wav")
        data = self.bytes_of("x.wav")
        self.assertIn("log-spectral distance: 0.00 dB", self.piped("compare", clip, "-", input=data).decode())
        self.assertIn("standard input: 0.500 s at 16000 Hz", self.piped("compare", "-", other, input=data).decode())
        self.refused(2, "standard input can be one of the files alone", "compare", "-", clip, "-")
        self.piped("plot", "-", self.path("p.png"), input=data)
        self.png_size("p.png")
        model = ("--model", str(GOLDEN / "models/audio-super-res-1/model.safetensors"))
        self.ok("extend", clip, self.path("a.wav"), *model)
        self.piped("extend", "-", self.path("b.wav"), *model, input=data)
        self.assertEqual(self.bytes_of("b.wav"), self.bytes_of("a.wav"))
        for command in [("resample", "-", "-", "--rate", 8000), ("mel", "-", "-", "--preset", "wavestride-16k"),
                        ("compare", "-", clip)]:
            self.piped(*command, code=1, input=b"no sound")
            self.assertTrue(self.said.startswith("wavestride: standard input: is not read as audio: "), self.said)
        self.piped("resample", "-", "-", "--rate", 8000, code=1, input=data[:-1000])
        self.assertIn("standard input: ends after 7500 of the 8000 frames", self.said)

    def test_what_standard_output_does_not_take(self):
        clip = self.wav("x.wav")
        for command in [("resample", clip, "-", "--rate", "8000"), ("mel", CLIP, "-", "--preset", "wavestride-16k")]:
            with open("/dev/full", "w") as full:
                result = subprocess.run([TOOL, *command], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual((result.returncode, result.stderr),
                             (1, "wavestride: standard output: can't be written: No space left on device\n"))
        self.refused(2, "--raw is of standard output", "resample", clip, self.path("o.wav"), "--rate", 8000, "--raw")
        self.assertEqual(self.piped("resample", clip, "-", "--rate", 8000, "--bits", "float", "--dither", 1, code=2), b"")
        nan = self.path("nan.wav")
        data = np.full(100, np.nan, "<f4").tobytes()
        pathlib.Path(nan).write_bytes(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt "
                                      + struct.pack("<IHHIIHH", 16, 3, 1, 16000, 64000, 4, 32) + b"data"
                                      + struct.pack("<I", len(data)) + data)
        self.piped("resample", nan, "-", "--rate", 8000, "--bits", 16, code=1)
        self.assertIn("nan.wav: sample 0 is not a finite number", self.said)
        extend = ("extend", nan, "-", "--model", str(GOLDEN / "models/audio-super-res-1/model.safetensors"))
        self.piped(*extend, code=1)
        self.assertIn("nan.wav: sample 0 is not a finite number", self.said)
        self.refused(1, "nan.wav: sample 0 is not a finite number", extend[0], nan, self.path("o.wav"), *extend[3:])

    def test_closed_streams_are_not_taken_for_files(self):
        clip = self.wav("x.wav")
        self.ok("resample", clip, self.path("a.wav"), "--rate", 8000)
        result = subprocess.run([TOOL, "resample", clip, self.path("b.wav"), "--rate", "8000"], stderr=subprocess.PIPE, text=True,
                                preexec_fn=lambda: (os.close(0), os.close(1)))
        self.assertEqual((result.returncode, result.stderr),
                         (1, "wavestride: standard output: can't be written: Bad file descriptor\n"))
        self.assertEqual(self.bytes_of("b.wav"), self.bytes_of("a.wav"))
        result = subprocess.run([TOOL, "resample", clip, self.path("none/b.wav"), "--rate", "8000"], stdout=subprocess.DEVNULL,
                                preexec_fn=lambda: os.close(2))
        self.assertEqual(result.returncode, 1)


class Tags(ToolTest):
    """What a file tells of its sound stays with it."""

    def chunk(self, name, data):
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def tagged(self, name, channels=6, mask=0x60F, rate=16000):
        samples = (self.random.normal(size=(4000, channels)) * 3000).astype("<i2").tobytes()
        subformat = bytes.fromhex("0100000000001000800000aa00389b71")
        form = struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate, 2 * channels * rate, 2 * channels, 16, 22, 16, mask) + subformat
        info = b"INFO" + self.chunk(b"INAM", "Grüße\0".encode()) + self.chunk(b"IART", b"Somebody\0") \
            + self.chunk(b"ICMT", b"a comment\0") + self.chunk(b"ICRD", b"2020-02-02\0")
        body = b"WAVE" + self.chunk(b"fmt ", form) + self.chunk(b"data", samples) + self.chunk(b"LIST", info)
        pathlib.Path(self.path(name)).write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        return self.path(name)

    def chunks(self, data):
        found, at = {}, 12
        while at < len(data):
            size = struct.unpack("<I", data[at + 4 : at + 8])[0]
            found[data[at : at + 4]] = data[at + 8 : at + 8 + size]
            at += 8 + size + size % 2
        return found

    def test_resample(self):
        source = self.tagged("x.wav")
        self.ok("resample", source, self.path("o.wav"), "--rate", 8000)
        found = self.chunks(pathlib.Path(self.path("o.wav")).read_bytes())
        self.assertEqual(struct.unpack("<H18xI", found[b"fmt "][:24]), (0xFFFE, 0x60F))
        for text in ["Grüße", "Somebody", "a comment", "2020-02-02"]:
            self.assertIn(text.encode(), found[b"LIST"])
        self.ok("resample", source, self.path("o.flac"), "--rate", 8000)
        flac = pathlib.Path(self.path("o.flac")).read_bytes()
        for text in ["TITLE=Grüße", "ARTIST=Somebody", "COMMENT=a comment", "DATE=2020-02-02"]:
            self.assertIn(text.encode().lower(), flac.lower())
        self.ok("resample", self.path("o.flac"), self.path("p.wav"), "--rate", 8000)
        found = self.chunks(pathlib.Path(self.path("p.wav")).read_bytes())
        self.assertIn("Grüße".encode(), found[b"LIST"])
        self.assertEqual(struct.unpack("<H", found[b"fmt "][:2])[0], 1)
        for name in ["o.au", "o.w64", "o.caf", "o.raw"]:
            self.ok("resample", source, self.path(name), "--rate", 8000)

    def test_loudspeakers_on_standard_output(self):
        source = self.tagged("x.wav")
        self.ok("resample", source, self.path("o.wav"), "--rate", 8000)
        self.ok("resample", source, self.path("o.raw"), "--rate", 8000)
        with open(self.path("p.wav"), "wb") as file:
            subprocess.run([TOOL, "resample", source, "-", "--rate", "8000"], stdout=file, stderr=subprocess.DEVNULL, check=True)
        ours, theirs = (self.chunks(pathlib.Path(self.path(name)).read_bytes()) for name in ["p.wav", "o.wav"])
        self.assertEqual(ours[b"fmt "], theirs[b"fmt "])
        self.assertEqual(ours[b"data"], pathlib.Path(self.path("o.raw")).read_bytes())

    def test_vocode(self):
        source = self.tagged("x.wav", 2, 3)
        for options in [(), ("--method", "griffin-lim", "--preset", "whisper-16k", "--iterations", 1)]:
            self.ok("vocode", source, self.path("o.wav"), "--channel", 2, "--bits", "float", *options)
            found = self.chunks(pathlib.Path(self.path("o.wav")).read_bytes())
            for text in ["Grüße", "Somebody", "a comment", "2020-02-02"]:
                self.assertIn(text.encode(), found[b"LIST"])
            self.assertEqual(struct.unpack("<H", found[b"fmt "][:2])[0], 3)  # of one channel, no loudspeaker is told
        self.ok("vocode", "--out-dir", self.path("out"), source, "--channel", "mix", "--bits", "float")
        self.assertIn("Grüße".encode(), pathlib.Path(self.path("out/x.wav")).read_bytes())

    def test_texts_on_standard_output(self):
        source = self.tagged("x.wav")
        made = subprocess.run([TOOL, "resample", source, "-", "--rate", "8000"], capture_output=True, check=True).stdout
        found = self.chunks(made[:4] + struct.pack("<I", len(made) - 8) + made[8:])
        self.assertEqual(list(found), [b"fmt ", b"LIST", b"data"])
        for text in ["Grüße", "Somebody", "a comment", "2020-02-02"]:
            self.assertIn(text.encode() + b"\0", found[b"LIST"])
        again = subprocess.run([TOOL, "resample", "-", self.path("o.flac"), "--rate", "4000"], input=made, capture_output=True)
        self.assertEqual((again.returncode, again.stderr), (0, b""))
        for text in ["TITLE=Grüße", "ARTIST=Somebody", "COMMENT=a comment", "DATE=2020-02-02"]:
            self.assertIn(text.encode().lower(), pathlib.Path(self.path("o.flac")).read_bytes().lower())
        with open(self.path("p.wav"), "wb") as file:  # whose length is written last
            subprocess.run([TOOL, "resample", source, "-", "--rate", "8000"], stdout=file, stderr=subprocess.DEVNULL, check=True)
        with open(self.path("p.wav"), "rb") as file:
            data = file.read()
        self.assertEqual(struct.unpack("<I", data[4:8])[0], len(data) - 8)
        self.assertEqual(len(self.chunks(data)[b"data"]), 2000 * 6 * 2)

    def test_extend(self):
        source = self.tagged("x.wav", 2, 3, 4000)
        model = ("--model", str(GOLDEN / "models/audio-super-res-1/model.safetensors"))
        self.ok("extend", source, self.path("o.wav"), *model, "--channel", 2)
        found = self.chunks(pathlib.Path(self.path("o.wav")).read_bytes())
        self.assertIn("Grüße".encode(), found[b"LIST"])
        self.assertEqual(struct.unpack("<H", found[b"fmt "][:2])[0], 1)  # of one channel, no loudspeaker is told

    def test_the_bits_of_the_input_are_kept(self):
        clip = self.wav("x.wav", rate=4000)
        for bits, tag, width in [("24", 1, 3), ("float", 3, 4)]:
            self.ok("resample", clip, self.path("in.wav"), "--rate", 4000, "--bits", bits)
            for command, options in [("vocode", Vocode.preset),
                                     ("extend", ("--model", str(GOLDEN / "models/audio-super-res-1/model.safetensors")))]:
                self.ok(command, self.path("in.wav"), self.path("o.wav"), *options)
                form = self.chunks(pathlib.Path(self.path("o.wav")).read_bytes())[b"fmt "]
                self.assertEqual(struct.unpack("<H12xH", form[:16]), (tag, 8 * width))
                self.ok(command, self.path("in.wav"), self.path("o.wav"), *options, "--bits", 16)
                form = self.chunks(pathlib.Path(self.path("o.wav")).read_bytes())[b"fmt "]
                self.assertEqual(struct.unpack("<H12xH", form[:16]), (1, 16))


class Checkpoints(ToolTest):
    """inspect and convert, on the small checkpoints of tests/golden/models."""

    HIFIGAN = str(GOLDEN / "models" / "hifigan-jik876-1" / "g_02500000")
    PWG = str(GOLDEN / "models" / "hifigan-pwg" / "checkpoint-400000steps.pkl")

    def test_inspect_a_model(self):
        text = self.ok("inspect", self.HIFIGAN)
        lines = text.splitlines()
        self.assertIn("torch.save (", lines[0])
        fields = {line[:15].strip(): line[15:] for line in lines[:12]}
        self.assertEqual(fields["architecture"], "hifigan")
        self.assertEqual(fields["features"], "HiFi-GAN: 10 bands, 1000.00 frames/s")
        self.assertEqual(fields["sound"], "16000 Hz, 16 samples a frame")
        self.assertGreater(float(fields["lookahead"].split()[0]), 5)
        self.assertGreater(float(fields["work"].split()[0]), 0)
        self.assertIn(" as weight_g and weight_v", fields["weight norm"])
        self.assertEqual(sum("checkerboard" in line for line in lines), 3)  # its transposed convolutions
        self.assertIn('   ["generator"]', lines)
        self.assertTrue(any(line.startswith("generator.conv_pre.weight_v F32 [16, 10, 7]") for line in lines))

    def test_the_phases_of_a_shuffle_are_measured_with_the_layer_that_makes_them(self):
        """Causal transposed convolutions are convolutions and a shuffle, which by itself treats all phases alike."""
        causal = str(GOLDEN / "models" / "hifigan-pwg-causal" / "checkpoint-400000steps.pkl")
        lines = self.ok("inspect", causal).splitlines()
        shuffles = [line for line in lines if " pixel_shuffle1d(" in line]
        self.assertEqual(len(shuffles), 2)
        # The gain of an output channel's phase, summed over inputs and the taps of that phase.
        self.ok("convert", causal, self.path("m.safetensors"))
        data = pathlib.Path(self.path("m.safetensors")).read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        tensors = json.loads(data[8:8 + size])
        for k, line in enumerate(shuffles):
            of = tensors[f"model.generator.upsamples.{k}.1.deconv.weight"]
            w = np.frombuffer(data[8 + size:][slice(*of["data_offsets"])], "<f4").reshape(of["shape"]).astype("f8")
            gains = w.reshape(*w.shape[:2], 2, -1).sum(axis=(0, 2))  # kernels are twice as long as the stride
            same = gains.min(axis=1) * gains.max(axis=1) > 0
            spread = np.sort(np.abs(20 * np.log10(gains[same].max(axis=1) / gains[same].min(axis=1))))
            said = f"checkerboard {spread[len(spread) // 2]:.1f} dB, at worst {spread[-1]:.1f} dB" if len(spread) else "checkerboard: "
            self.assertIn(said, line)
        # Codes, bins and subbands are no levels.
        for model in ["snac-24khz/pytorch_model.bin", "vocos-center/pytorch_model.bin",
                      "melgan-multiband/checkpoint-1000000steps.pkl"]:
            for line in self.ok("inspect", GOLDEN / "models" / model).splitlines():
                if re.search(r" (codebooks|istft|pqmf_synthesis)\(", line):
                    self.assertNotIn("checkerboard", line)

    def test_inspect_what_is_no_model(self):
        shutil.copy(self.HIFIGAN, self.path("alone"))
        text = self.ok("inspect", self.path("alone"))
        self.assertIn("architecture   hifigan, not complete: ", text)
        self.assertIn('has no "config" in its metadata', text)
        header = b'{"a\\u001b[2Jb":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        pathlib.Path(self.path("x.bin")).write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        text = self.ok("inspect", self.path("x.bin"))
        self.assertIn("x.bin: safetensors, 1 tensors, 1 values", text)
        self.assertIn("architecture   not known", text)
        self.assertIn("a\\033[2Jb F32 [1]", text)
        self.refused(1, "config: ", "inspect", self.HIFIGAN, "--config", self.save_text("c.json", "{}"))
        self.refused(1, "is no checkpoint", "inspect", CLIP)
        self.refused(1, "absent: can't be opened", "inspect", self.path("absent"))

    def test_inspect_what_has_more_lines_than_anyone_reads(self):
        keys = b"".join(b"X" + (8).to_bytes(4, "little") + b"%08d" % i + b"N" for i in range(10_003))
        with zipfile.ZipFile(self.path("many.pth"), "w") as file:
            file.writestr("x/data.pkl", b"\x80\x02}(" + keys + b"u.")
        text = self.ok("inspect", self.path("many.pth"))
        self.assertIn("  00009999 null\n... and 3 more\n", text)
        self.assertNotIn("00010000", text)

    def save_text(self, name, text):
        pathlib.Path(self.path(name)).write_text(text)
        return self.path(name)

    def test_convert(self):
        out = self.path("model.safetensors")
        self.assertIn("model.safetensors: hifigan, ", self.ok("convert", self.HIFIGAN, out))
        features = self.save("mel.npy", self.random.normal(size=(10, 40)).astype("f4"))
        self.ok("vocode", features, self.path("a.wav"), "--model", self.HIFIGAN, "--bits", "float")
        self.ok("vocode", features, self.path("b.wav"), "--model", out, "--bits", "float")
        self.assertEqual(pathlib.Path(self.path("a.wav")).read_bytes(), pathlib.Path(self.path("b.wav")).read_bytes())
        text = self.ok("inspect", out)
        self.assertIn("architecture   hifigan\n", text)
        self.assertIn("generator.conv_pre.weight F32 [16, 10, 7]", text)
        size = os.path.getsize(out)
        self.ok("convert", out, self.path("half.safetensors"), "--dtype", "f16")
        self.assertLess(os.path.getsize(self.path("half.safetensors")), 0.7 * size)

    def test_convert_takes_statistics(self):
        stats = self.save("stats.npy", np.abs(self.random.normal(size=(2, 10))).astype("f4") + 0.5)
        out = self.path("model.safetensors")
        self.ok("convert", self.PWG, out, "--stats", stats)
        self.assertIn("feature_statistics F32 [2, 10]", self.ok("inspect", out))
        features = self.save("mel.npy", self.random.normal(size=(10, 20)).astype("f4"))
        self.ok("vocode", features, self.path("a.wav"), "--model", self.PWG, "--stats", stats, "--bits", "float")
        self.ok("vocode", features, self.path("b.wav"), "--model", out, "--bits", "float")
        self.assertEqual(pathlib.Path(self.path("a.wav")).read_bytes(), pathlib.Path(self.path("b.wav")).read_bytes())

    def test_convert_refuses(self):
        shutil.copy(self.HIFIGAN, self.path("g"))
        shutil.copy(pathlib.Path(self.HIFIGAN).parent / "config.json", self.path("config.json"))
        before = pathlib.Path(self.path("g")).read_bytes()
        out = self.path("out.safetensors")
        self.refused(2, "must end in .safetensors, got ", "convert", self.path("g"), self.path("g"))
        os.symlink(self.path("g"), self.path("g.safetensors"))
        self.refused(1, "is an input", "convert", self.path("g"), self.path("g.safetensors"))
        os.symlink(self.path("config.json"), self.path("c.safetensors"))
        for config in [(), ("--config", self.path("config.json"))]:
            self.refused(1, "is an input", "convert", self.path("g"), self.path("c.safetensors"), *config)
        self.assertEqual(pathlib.Path(self.path("g")).read_bytes(), before)
        self.refused(2, "--dtype", "convert", self.path("g"), out, "--dtype", "f64")
        self.refused(1, "is no checkpoint", "convert", CLIP, out)
        self.refused(1, "config: ", "convert", self.path("g"), out, "--config", self.save_text("c.json", "{}"))


class Pictures(ToolTest):
    WIDTH = 1184

    def test_sounds(self):
        heights = {}
        for kind in ["waveform", "spectrogram", "mel"]:
            self.ok("plot", CLIP, self.path("p.png"), "--kind", kind)
            width, heights[kind] = self.png_size("p.png")
            self.assertEqual(width, self.WIDTH)
        self.assertEqual(heights["spectrogram"], heights["mel"])
        self.assertLess(heights["waveform"], heights["mel"])
        self.ok("plot", CLIP, self.path("p.png"), "--title", "Grüße, \u4f60\u597d", "--range", "60")
        both = self.png_size("p.png")[1]
        self.assertGreater(both, heights["mel"])
        six = self.wav("six.wav", channels=6, rate=48000)
        self.ok("plot", six, self.path("p.png"))
        self.assertGreater(self.png_size("p.png")[1], 5 * heights["mel"])
        self.ok("plot", six, self.path("p.png"), "--channel", "6")
        self.assertEqual(self.png_size("p.png")[1], both)
        for frames in [0, 1, 100]:
            self.ok("plot", self.wav("short.wav", frames=frames), self.path("p.png"))
            self.png_size("p.png")
        self.refused(1, "no mel preset", "plot", six, self.path("q.png"), "--kind", "mel")
        for text in ["nan", "inf", "-inf", "0", "201", "1x"]:
            self.refused(2, f"--range: must be a number from 1 to 200, got {text}", "plot", six, self.path("q.png"),
                         f"--range={text}")

    def test_arrays(self):
        features = self.save("m.npy", self.random.normal(size=(80, 50)).astype("f4"))
        self.ok("plot", features, self.path("p.png"))
        self.ok("plot", features, self.path("p.png"), "--preset", "wavestride-16k", "--kind", "mel")
        self.assertEqual(self.png_size("p.png")[0], self.WIDTH)
        self.refused(2, "needs a sound file", "plot", features, self.path("q.png"), "--kind", "waveform")
        strange = np.full((3, 4), np.nan, "f4")
        self.ok("plot", self.save("s.npy", strange), self.path("p.png"))
        self.ok("plot", self.save("s.npy", np.zeros((3, 0), "f4")), self.path("p.png"))
        self.refused(1, "v.npy: has shape [4]", "plot", self.save("v.npy", np.zeros(4, "f4")), self.path("q.png"))

    def test_input_is_not_overwritten(self):
        clip = self.wav("x.wav")
        self.refused(2, "must end in .png, got ", "plot", clip, clip)
        os.symlink(clip, self.path("link.png"))
        self.refused(1, "link.png: is an input", "plot", clip, self.path("link.png"))
        self.refused(1, "link.png: is an input", "compare", CLIP, clip, "--picture", self.path("link.png"))
        self.refused(2, "the name of --picture must end in .png", "compare", CLIP, clip, "--picture", clip)


class Compare(ToolTest):
    def test_distances(self):
        same = self.ok("compare", CLIP, CLIP, "--picture", self.path("p.png"))
        self.assertIn("log-spectral distance: 0.00 dB", same)
        self.assertIn("mel distance (", same)
        self.assertEqual(self.png_size("p.png")[0], Pictures.WIDTH)
        self.ok("vocode", CLIP, self.path("b.wav"), *Vocode.preset)
        text = self.ok("compare", CLIP, self.path("b.wav"))
        distance = float(text.split("log-spectral distance: ")[1].split()[0])
        self.assertTrue(0.5 < distance < 30, text)

    def test_the_shorter_file_decides(self):
        long = self.wav("long.wav", frames=16000)
        with wave.open(long) as file:
            head = file.readframes(5000)
        with wave.open(self.path("short.wav"), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(head)
        for a, b in [("long.wav", "short.wav"), ("short.wav", "long.wav")]:
            text = self.ok("compare", self.path(a), self.path(b))
            self.assertIn("log-spectral distance: 0.00 dB", text)
            self.assertRegex(text, r"mel distance \(.*\): 0\.00 dB")

    def test_several_files_make_a_table(self):
        self.ok("vocode", CLIP, self.path("b.wav"), *Vocode.preset)
        text = self.ok("compare", CLIP, CLIP, self.path("b.wav"), "--picture", self.path("p.png"))
        one = self.ok("compare", CLIP, self.path("b.wav"))
        lines = {line.split("  ")[0]: line for line in text.splitlines()}
        self.assertIn("b.wav", lines[""])
        for line in one.splitlines()[2:]:
            name, value = line.split(": ")
            self.assertTrue(lines[name].rstrip().endswith(value), text)
            self.assertIn(" 0.00", lines[name])
        self.assertEqual(self.png_size("p.png")[0], Pictures.WIDTH)

    def test_refusals(self):
        self.refused(1, "has 8000 Hz, and ", "compare", CLIP, self.wav("x.wav", rate=8000))
        for pair in [("none.wav", "x.wav"), ("x.wav", "none.wav")]:
            self.wav("none.wav", frames=0), self.wav("x.wav")
            text = self.ok("compare", *map(self.path, pair))
            self.assertIn("log-spectral distance: no samples in common\nspectral convergence: no samples in common\n", text)
            self.assertNotIn("mel distance", text)
        self.assertRegex(self.ok("compare", self.path("x.wav"), self.path("none.wav"), self.path("x.wav")),
                         r"log-spectral distance +no samples in common +0\.00 dB")
        silence = self.path("silence.wav")
        with wave.open(silence, "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(bytes(16000))
        self.assertIn("log-spectral distance: the reference is silent\nspectral convergence: the reference is silent\n",
                      self.ok("compare", silence, self.path("x.wav")))
        self.assertIn("log-spectral distance: 0.00 dB\n", self.ok("compare", silence, silence))
        # Too short for a frame of mel features, and what has some beside it.
        long, short = self.wav("long.wav", rate=22050), self.wav("short.wav", rate=22050, frames=100)
        for others in [(short, long), (long, short)]:
            self.assertRegex(self.ok("compare", long, *others), r"mel distance \(.*\) +0\.00 dB\n")


class Resample(ToolTest):
    def frames(self, name):
        with wave.open(self.path(name), "rb") as file:
            return file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()

    def test_rates_and_formats(self):
        source = self.wav("in.wav", 48000, 2, 4801)
        self.ok("resample", source, self.path("out.wav"), "--rate", 16000, "--bits", 24, "--quality", "best")
        self.assertEqual(self.frames("out.wav"), (16000, 2, 3, 1601))

    def test_long_files(self):
        # Several blocks of transforms, and several blocks of reading: there and back again.
        tone = np.round(12000 * np.sin(np.arange(100003) * 0.2)).astype("<i2")
        with wave.open(self.path("in.wav"), "wb") as file:
            file.setparams((1, 2, 44100, 0, "NONE", ""))
            file.writeframes(tone.tobytes())
        self.ok("resample", self.path("in.wav"), self.path("out.wav"), "--rate", 48000, "--bits", 24)
        self.assertEqual(self.frames("out.wav"), (48000, 1, 3, 108847))
        self.ok("resample", self.path("out.wav"), self.path("back.wav"), "--rate", 44100, "--bits", 16)
        with wave.open(self.path("back.wav")) as file:
            back = np.frombuffer(file.readframes(100003), "<i2").astype(int)
        self.assertLessEqual(np.abs(back - tone)[500:-500].max(), 1)

    def test_the_bits_of_the_input_are_kept(self):
        self.ok("resample", self.wav("in.wav"), self.path("deep.wav"), "--rate", 8000, "--bits", 24)
        self.ok("resample", self.path("deep.wav"), self.path("out.wav"), "--rate", 16000)
        self.assertEqual(self.frames("out.wav")[2], 3)
        self.ok("resample", self.path("deep.wav"), self.path("out.wav"), "--rate", 16000, "--bits", 16)
        self.assertEqual(self.frames("out.wav")[2], 2)
        self.ok("resample", self.path("deep.wav"), self.path("float.wav"), "--rate", 16000, "--bits", "float")
        self.refused(2, "--dither needs integers of 16 or 24 bits", "resample", self.path("float.wav"),
                     self.path("o.wav"), "--rate", 8000, "--dither", 1)

    def test_dither_is_reproducible(self):
        source = self.wav("in.wav", 16000)
        self.ok("resample", source, self.path("d.wav"), "--rate", 22050, "--dither", 1)  # of 16 bits, too
        for name, seed in (("a.wav", 1), ("b.wav", 1), ("c.wav", 2)):
            self.ok("resample", source, self.path(name), "--rate", 22050, "--bits", 16, "--dither", seed)
        a, b, c = ((self.folder / name).read_bytes() for name in ("a.wav", "b.wav", "c.wav"))
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    def test_many_files(self):
        sources = [self.wav(f"{k}.wav", 8000, 1, 100 * k) for k in (1, 2, 3)]
        (self.folder / "out").mkdir()
        self.ok("resample", *sources, "--out-dir", self.path("out"), "--rate", 12000)
        for k in (1, 2, 3):
            self.assertEqual(self.frames(f"out/{k}.wav")[3], 150 * k)

    def test_describe(self):
        self.ok("resample", "--describe", "--from", 48000, "--to", 16000, "--plot", self.path("response.png"))
        self.png_size("response.png")

    def test_refusals(self):
        source = self.wav("in.wav")
        out = self.path("out.wav")
        self.refused(2, "--rate is required", "resample", source, out)
        self.refused(2, "--dither needs --bits 16 or 24", "resample", source, out, "--rate", 8000, "--dither", 1,
                     "--bits", "float")
        self.refused(2, "give IN and OUT", "resample", source, "--rate", 8000)
        self.refused(2, "--rate: must be an integer from 1 to 10000000, got -1", "resample", source, out, "--rate", -1)
        self.refused(2, "--describe needs --from and --to", "resample", "--describe")
        to = ("resample", source, out, "--rate", 8000)
        for option, value, reason in [("--passband", "2", "a number from 0.05 to 0.995"), ("--passband", "nan", "a number from "),
                                      ("--stopband-db", "0", "a number from 20 to 160"), ("--stopband-db", "inf", "a number from "),
                                      ("--max-delay", "0", "a number of ms above 0"), ("--max-delay", "nan", "a number of ms"),
                                      ("--from", "-1", "a number of Hz above 0"), ("--to", "nan", "a number of Hz above 0")]:
            self.refused(2, f"{option}: must be {reason}", *to, f"{option}={value}")
        self.refused(2, "--max-delay 0.01: resample: a stopband of 125 dB", *to, "--max-delay", 0.01)
        self.refused(2, "not even a passband of ", *to, "--max-delay", 0.01)
        self.refused(2, "the name of --plot must end in .png", "resample", "--describe", "--from", 1, "--to", 2, "--plot", out)
        self.refused(2, "out.m4a: its name does not end in a known audio format: wav, ", "resample", source, self.path("out.m4a"),
                     "--rate", 8000)


class Batch(ToolTest):
    """--list, --out-dir, --jobs, --shard, --resume of the commands that make a file of a file."""

    def corpus(self, files, frames=1600):
        for k in range(files):
            folder = self.folder / "in" / f"speaker{k % 3}"
            folder.mkdir(parents=True, exist_ok=True)
            self.wav(f"in/speaker{k % 3}/{k:03}.wav", 16000, 1, frames + k)
        return self.path("in")

    def made(self, folder="out"):
        return sorted(str(p.relative_to(self.folder / folder)) for p in (self.folder / folder).rglob("*") if p.is_file())

    def test_a_folder_that_cannot_be_made_is_told_once(self):
        corpus = self.corpus(5)
        for folder, reason in [("/proc/no-such/out", "No such file or directory"), ("/dev/null", "Not a directory"),
                               (self.wav("x.wav") + "/out", "Not a directory")]:
            self.refused(1, f"wavestride: {folder}: can't be made: {reason}\n", "resample", "--list", corpus, "--out-dir", folder,
                         "--rate", 8000)
        (self.folder / "out").mkdir()
        (self.folder / "out/speaker1").touch()
        result = run("resample", "--list", corpus, "--out-dir", self.path("out"), "--rate", 8000)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.count("out/speaker1: can't be made: "), 2)
        self.assertIn("3 of 5 files made", result.stdout)
        listed = subprocess.run([TOOL, "resample", "--list", "-", "--out-dir", self.path("o"), "--rate", "8000"], input=b"a\0b\0",
                                capture_output=True)
        self.assertEqual(listed.stderr, b"wavestride: standard input: is no list of files: line 1 holds control characters\n")

    def expected(self, files, extension):
        return sorted(f"speaker{k % 3}/{k:03}{extension}" for k in range(files))

    def test_every_command(self):
        corpus = self.corpus(5)
        names = self.expected(5, "")
        paths = [f"{corpus}/{name}.wav" for name in names]
        pathlib.Path(self.path("list.txt")).write_text("".join(p + "\n" for p in paths))
        griffin_lim = ("--method", "griffin-lim", "--preset", "wavestride-16k", "--iterations", 2)
        for command, extension, options in [("resample", ".wav", ("--rate", 8000)),
                                            ("mel", ".npy", ("--preset", "wavestride-16k")),
                                            ("vocode", ".wav", griffin_lim)]:
            with self.subTest(command=command):
                for k, inputs in enumerate([("--list", corpus), ("--list", self.path("list.txt")), tuple(paths)]):
                    out = f"{command}{k}"
                    text = self.ok(command, *inputs, *options, "--out-dir", self.path(out), "--jobs", 3)
                    self.assertIn("5 of 5 files made", text)
                    self.assertEqual(self.made(out), [name + extension for name in names])
                one = self.path("one" + extension)
                self.ok(command, paths[0], one, *options)
                for k in range(3):
                    self.assertEqual(pathlib.Path(self.path(f"{command}{k}/{names[0]}{extension}")).read_bytes(),
                                     pathlib.Path(one).read_bytes())

    def test_extension_and_standard_input(self):
        corpus = self.corpus(2)
        listing = "".join(f"{corpus}/speaker{k}/{k:03}.wav\r\n" for k in range(2))
        result = subprocess.run([TOOL, "resample", "--list", "-", "--rate", "8000", "--out-dir", self.path("out"),
                                 "--extension", ".flac", "--jobs", "0"], input=listing, capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.made(), self.expected(2, ".flac"))

    def test_folders_give_what_a_command_reads(self):
        """What a batch made in its own folder is no input of the next."""
        corpus = self.corpus(2)
        mel = ("mel", "--list", corpus, "--out-dir", corpus, "--preset", "wavestride-16k")
        for _ in range(2):
            self.assertIn("2 of 2 files made", self.ok(*mel))
        self.assertIn("2 of 2 files made", self.ok("resample", "--list", corpus, "--out-dir", self.path("out"), "--rate", 8000))
        for k in range(2):
            (self.folder / "in" / f"speaker{k}" / f"{k:03}.wav").unlink()
        self.assertIn("2 of 2 files made", self.ok("vocode", "--list", corpus, "--out-dir", self.path("voices"), *Vocode.preset))

    def test_folders_are_searched_as_help_says(self):
        """Neither what is hidden nor the folder of the outputs; one that can't be searched is named, and the rest is made."""
        corpus = self.corpus(3)
        for name in [".hidden", "speaker0/.deep"]:
            (self.folder / "in" / name).mkdir()
            self.wav(f"in/{name}/x.wav")
        self.wav("in/speaker1/.y.wav")
        batch = ("resample", "--list", corpus, "--out-dir", self.path("in/made"), "--rate", 8000, "--extension", ".flac")
        for _ in range(2):
            self.assertIn("3 of 3 files made", self.ok(*batch))
        self.assertEqual(self.made("in/made"), self.expected(3, ".flac"))
        folder = os.open(corpus, os.O_RDONLY)
        for _ in range(20):  # a path that is too long to be opened, whoever asks
            os.mkdir("d" * 250, dir_fd=folder)
            inner = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = inner
        os.close(folder)
        result = run(*batch)
        self.assertEqual(result.returncode, 1)
        self.assertIn("3 of 3 files made", result.stdout)
        complaint, end = result.stderr.splitlines()
        self.assertRegex(complaint, r"^wavestride: .*/in/d+/.*d: can't be searched: File name too long$")
        self.assertEqual(end, "wavestride: 1 folders could not be searched")
        (self.folder / "none").mkdir()
        (self.folder / "none" / "x.txt").touch()
        for command, what in [(("resample", "--rate", 8000), "holds no sound files"),
                              (("vocode",), "holds no sound files and no .npy")]:
            self.refused(1, f"{self.path('none')}: {what}\n", *command, "--list", self.path("none"), "--out-dir", self.path("o"))

    def test_links_to_folders_are_followed(self):
        corpus = self.corpus(2)
        (self.folder / "elsewhere" / "deep").mkdir(parents=True)
        self.wav("elsewhere/deep/x.wav")
        self.wav("elsewhere/y.WAVE")
        self.wav("elsewhere/z.raw")  # says nothing of itself
        os.symlink(self.path("elsewhere"), self.path("in/link"))
        os.symlink(corpus, self.path("in/speaker0/loop"))
        os.symlink("..", self.path("elsewhere/deep/up"))
        os.symlink("self", self.path("in/self"))
        os.symlink(self.path("absent"), self.path("in/absent"))
        (self.folder / "in" / "out").mkdir()
        os.symlink(self.path("in/out"), self.path("in/made"))
        batch = ("resample", "--list", corpus, "--out-dir", self.path("in/out"), "--rate", 8000)
        for _ in range(2):
            self.assertIn("4 of 4 files made", self.ok(*batch))
            self.assertEqual(self.made("in/out"), sorted(self.expected(2, ".wav") + ["link/deep/x.wav", "link/y.WAVE"]))

    def test_options_that_misfit_some_files(self):
        corpus = self.corpus(2)
        self.ok("resample", f"{corpus}/speaker0/000.wav", f"{corpus}/x.flac", "--rate", 8000)
        out = ("--out-dir", self.path("out"))
        result = run("resample", "--list", corpus, *out, "--rate", 8000, "--bits", "float")
        self.assertEqual(result.returncode, 1)
        self.assertIn("2 of 3 files made", result.stdout)
        self.assertIn("x.flac: flac can't hold float32 samples; it takes int16, int24", result.stderr)
        # --channel has its say where there are sounds.
        features = self.save("m.npy", np.full((80, 9), -9, "f4"))
        stereo = self.wav("stereo.wav", channels=2)
        self.refused(2, "--channel is for sound files, and the inputs hold features", "vocode", features, *out, *Vocode.preset,
                     "--channel", 1)
        self.assertIn("2 of 2 files made", self.ok("vocode", features, stereo, *out, *Vocode.preset, "--channel", 1))

    def test_a_list_may_begin_with_a_byte_order_mark(self):
        corpus = self.corpus(2)
        pathlib.Path(self.path("list.txt")).write_text(f"\ufeff{corpus}/speaker0/000.wav\n{corpus}/speaker1/001.wav\n")
        self.ok("resample", "--list", self.path("list.txt"), "--out-dir", self.path("out"), "--rate", 8000)
        self.assertEqual(self.made(), self.expected(2, ".wav"))

    def test_as_many_jobs_as_allowed(self):
        corpus = self.corpus(300, 10)
        batch = ("resample", "--list", corpus, "--out-dir", self.path("out"), "--rate", 8000, "--jobs")
        self.refused(2, "--jobs: must be an integer from 0 to 256, got 257", *batch, 257)
        self.assertIn("300 of 300 files made", self.ok(*batch, 256))

    def test_shards_make_the_whole(self):
        corpus = self.corpus(11)
        shards = [subprocess.Popen([TOOL, "mel", "--list", corpus, "--out-dir", self.path("out"), "--preset",
                                    "wavestride-16k", "--shard", f"{i}/2"], stdout=subprocess.PIPE, text=True)
                  for i in range(2)]
        texts = [shard.communicate()[0] for shard in shards]
        self.assertEqual([shard.returncode for shard in shards], [0, 0])
        self.assertIn("6 of 6 files made", texts[0])
        self.assertIn("5 of 5 files made", texts[1])
        self.assertEqual(self.made(), self.expected(11, ".npy"))

    def test_a_killed_batch_resumes(self):
        files = 60
        corpus = self.corpus(files, 160000)
        inputs = [self.folder / "in" / name for name in self.expected(files, ".wav")]
        pathlib.Path(self.path("list.txt")).write_text("".join(f"{path}\n" for path in inputs))
        command = [TOOL, "resample", "--list", self.path("list.txt"), "--out-dir", self.path("out"), "--rate", "44100", "--jobs", "2",
                   "--resume"]
        last = inputs[-1]
        last.unlink()
        os.mkfifo(last)  # which nobody writes to: the batch does not end before it is killed
        batch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not any((self.folder / "out").rglob("*.wav")) and time.monotonic() < deadline:
            time.sleep(0.001)
        batch.kill()
        self.assertEqual(batch.wait(), -signal.SIGKILL)
        finished = {p: p.stat().st_mtime_ns for p in (self.folder / "out").rglob("*.wav")}
        self.assertTrue(0 < len(finished) < files)
        last.unlink()
        self.wav(last.relative_to(self.folder), frames=160000 + int(last.stem))
        whole = {k: -(-(160000 + k) * 441 // 160) for k in range(files)}
        for path in finished:
            with wave.open(str(path)) as file:
                self.assertEqual(file.getnframes(), whole[int(path.stem)])
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertIn(f"{files - len(finished)} of {files - len(finished)} files made, {len(finished)} were there", text)
        outputs = sorted((self.folder / "out").rglob("*.wav"))
        self.assertEqual(len(outputs), files)
        for path in outputs:
            with wave.open(str(path)) as file:
                self.assertEqual(file.getnframes(), whole[int(path.stem)])
            if path in finished:
                self.assertEqual(path.stat().st_mtime_ns, finished[path])
        # An input that is newer than its output is done again.
        os.utime(self.folder / "in" / "speaker0" / "000.wav", (2e9, 2e9))
        self.assertIn(f"1 of 1 files made, {files - 1} were there",
                      subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def test_an_interrupt_leaves_no_file_of_any_job(self):
        """Other threads go on with the next file while one ends the process."""
        corpus = self.corpus(300, 100)
        paths = [f"{corpus}/{name}" for name in self.expected(300, ".wav")]
        pathlib.Path(self.path("list.txt")).write_text("".join(f"{path}\n" for path in paths))
        os.remove(paths[-1])
        os.mkfifo(paths[-1])  # which nobody writes to: the batch does not end before it is interrupted
        for number, code, times in 4 * [(signal.SIGINT, 130, 1), (signal.SIGINT, 130, 9), (signal.SIGPIPE, -signal.SIGPIPE, 1),
                                        (signal.SIGPIPE, -signal.SIGPIPE, 9)]:
            batch = subprocess.Popen([TOOL, "resample", "--list", self.path("list.txt"), "--out-dir", self.path("out"), "--rate",
                                      "8000", "--jobs", "8"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.addCleanup(batch.kill)
            deadline = time.monotonic() + 60
            while not any((self.folder / "out").rglob("*.wav")) and time.monotonic() < deadline:
                time.sleep(0.001)
            for _ in range(times):  # other threads get those that come while one is handled
                batch.send_signal(number)
            self.assertEqual((batch.communicate()[1], batch.returncode), (b"", code))
            self.assertEqual([name for name in self.made() if not name.endswith(".wav")], [])
            shutil.rmtree(self.path("out"))

    def test_bad_files_are_named_and_skipped(self):
        files = 200
        corpus = self.corpus(files, 160)
        bad = {7: b"", 50: b"RIFF", 51: b"\0" * 100, 199: CLIP_BYTES[:-3000]}
        for k, content in bad.items():
            (self.folder / "in" / f"speaker{k % 3}" / f"{k:03}.wav").write_bytes(content)
        result = run("resample", "--list", corpus, "--rate", 8000, "--out-dir", self.path("out"), "--jobs", 2)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{files - len(bad)} of {files} files made", result.stdout)
        lines = result.stderr.splitlines()
        self.assertEqual(lines[-1], f"wavestride: {len(bad)} of {files} files failed")
        self.assertEqual(len(lines), len(bad) + 1)
        for k in bad:
            self.assertEqual(sum(f"speaker{k % 3}/{k:03}.wav: " in line for line in lines), 1, lines)
        self.assertEqual(self.made(), [name for name in self.expected(files, ".wav") if int(name[-7:-4]) not in bad])

    def test_refusals(self):
        corpus = self.corpus(3)
        one, out = f"{corpus}/speaker0/000.wav", ("--out-dir", self.path("out"))
        self.refused(2, "give IN and OUT", "resample", one, "--rate", 8000)
        self.refused(2, "need --out-dir", "resample", one, self.path("o.wav"), "--rate", 8000, "--resume")
        self.refused(2, "--out-dir needs inputs", "resample", "--rate", 8000, *out)
        self.refused(2, "--out-dir needs inputs", "resample", one, "--list", corpus, "--rate", 8000, *out)
        for shard in ["2/2", "-1/2", "1", "a/b", "0/0", "1/"]:
            self.refused(2, "--shard", "resample", one, "--rate", 8000, *out, f"--shard={shard}")
        self.refused(2, "begins with a dot", "resample", one, "--rate", 8000, *out, "--extension", "wav")
        self.refused(2, "--extension is no path", "resample", one, "--rate", 8000, *out, "--extension", "./x.wav")
        self.refused(2, "--extension: .m4a: its name does not end in a known audio format: wav, ", "resample", one, "--rate", 8000, *out, "--extension", ".m4a")
        self.refused(2, "--bits of .flac", "resample", one, "--rate", 8000, *out, "--extension", ".flac", "--bits", "float")
        for text in [b"a.wav\0b.wav\n", b"\x1b[31m\n", CLIP_BYTES]:
            (self.folder / "in" / "list").write_bytes(text)
            self.refused(1, "list: is no list of files: line 1 holds control characters", "resample", "--list",
                         self.path("in/list"), "--rate", 8000, *out)
        (self.folder / "in" / "list").unlink()
        pathlib.Path(self.path("list.txt")).write_text(f"{one}\n-\n")
        self.refused(2, "- can't be in a batch", "resample", "--list", self.path("list.txt"), "--rate", 8000, *out)
        self.refused(1, "absent.txt: can't be opened: No such file or directory", "resample", "--list", self.path("absent.txt"), "--rate", 8000, *out)
        self.refused(1, "is an input", "resample", "--list", corpus, "--rate", 8000, "--out-dir", corpus)
        (self.folder / "in" / "speaker0" / "000.flac").write_bytes(CLIP_BYTES)
        self.refused(1, "would be made of", "mel", "--list", corpus, "--preset", "wavestride-16k", *out)


def array(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("f4")


W, B = array(4, 3, 5), array(4)
WT = array(6, 2, 4)
FIR = array(3, 9)



def spectrum(x, n_fft, hop, win, window=None, **options):
    """torch.stft as rows of real and imaginary parts in turn."""
    window = (window or torch.hann_window)(win)
    y = torch.stft(x[0], n_fft, hop, win, window, return_complex=True, **options)
    return torch.view_as_real(y).permute(0, 1, 3, 2).reshape(1, 2 * y.shape[1], y.shape[2])


def snake(x, alpha, beta):
    return x + torch.sin(torch.tensor(alpha)[:, None] * x) ** 2 / (torch.tensor(beta)[:, None] + 1e-9)


def recurrent(kind, x, *weights):
    layer = kind(x.shape[1], weights[1].shape[1], batch_first=True)
    for p, value in zip(layer.parameters(), weights):
        p.data = torch.tensor(value)
    return layer(x.mT)[0].mT.detach()


def cosines(channels, coefficients):
    import torchaudio
    return torchaudio.functional.create_dct(coefficients, channels, "ortho").T


def htk_bands():
    import torchaudio
    return torchaudio.functional.melscale_fbanks(513, 0.0, 12000.0, 100, 24000)


def recursion(x, a, b):
    y = torch.zeros_like(x, dtype=torch.float64)
    for n in range(x.shape[2]):
        y[..., n] = (sum(v * x[..., n - k] for k, v in enumerate(b) if k <= n)
                     - sum(v * y[..., n - k] for k, v in enumerate(a) if 1 <= k <= n)) / a[0]
    return y


def biquad(design, x, *numbers, **options):
    """Of torchaudio, which holds its results between -1 and 1."""
    import torchaudio
    return 1e3 * getattr(torchaudio.functional, design + "_biquad")(x.double() / 1e3, 8000, *numbers, **options)


# operator, options, shapes of inputs, further arrays, the same in PyTorch (of tensors with a batch dimension)
STREAMING = [
    ("conv1d", "--stride 2 --padding 3 --dilation 2 --padding-mode reflect", [(3, 50)], {"weight": W, "bias": B},
     lambda x: F.conv1d(F.pad(x, (3, 3), "reflect"), torch.tensor(W), torch.tensor(B), 2, 0, 2)),
    ("conv1d", "--padding 1,4", [(3, 50)], {"weight": W}, lambda x: F.conv1d(F.pad(x, (1, 4)), torch.tensor(W))),
    ("conv1d", "--padding same --groups 2", [(6, 50)], {"weight": W, "bias": B},
     lambda x: F.conv1d(x, torch.tensor(W), torch.tensor(B), padding="same", groups=2)),
    ("conv1d", "--padding valid", [(3, 50)], {"weight": W}, lambda x: F.conv1d(x, torch.tensor(W))),
    ("linear", "", [(3, 20)], {"weight": array(5, 3), "bias": array(5)},
     lambda x: F.linear(x.mT, torch.tensor(array(5, 3)), torch.tensor(array(5))).mT),
    ("conv_transpose1d", "--stride 3 --padding 1 --output-padding 2 --groups 3 --dilation 2", [(6, 20)],
     {"weight": WT, "bias": array(6)},
     lambda x: F.conv_transpose1d(x, torch.tensor(WT), torch.tensor(array(6)), 3, 1, 2, 3, 2)),
    ("pad1d", "--padding 3,5 --padding-mode reflect", [(2, 20)], {}, lambda x: F.pad(x, (3, 5), "reflect")),
    ("pad1d", "--padding 2 --value 0.5", [(2, 20)], {}, lambda x: F.pad(x, (2, 2), value=0.5)),
    ("index_select", "--index 2,0,0", [(3, 20)], {}, lambda x: x[:, [2, 0, 0]]),
    ("embedding", "", [(2, 20)], {"weight": array(8, 3)},
     lambda x: sum(F.embedding(x[:, c].clamp(0, 3).long(), torch.tensor(array(8, 3))[4 * c:4 * c + 4]) for c in (0, 1)).mT),
    ("lstm", "", [(3, 20)], {"weight-ih": array(8, 3), "weight-hh": array(8, 2), "bias-ih": array(8), "bias-hh": array(8)},
     lambda x: recurrent(torch.nn.LSTM, x, array(8, 3), array(8, 2), array(8), array(8))),
    ("gru", "", [(3, 20)], {"weight-ih": array(6, 3), "weight-hh": array(6, 2), "bias-ih": array(6), "bias-hh": -array(6)},
     lambda x: recurrent(torch.nn.GRU, x, array(6, 3), array(6, 2), array(6), -array(6))),
    ("max_pool1d", "--kernel-size 3 --stride 2 --padding 1 --dilation 2 --ceil-mode", [(2, 41)], {},
     lambda x: F.max_pool1d(x, 3, 2, 1, 2, True)),
    ("max_pool1d", "--kernel-size 3", [(2, 41)], {}, lambda x: F.max_pool1d(x, 3)),
    ("avg_pool1d", "--kernel-size 4 --stride 3 --padding 2 --ceil-mode --count-include-pad false", [(2, 41)], {},
     lambda x: F.avg_pool1d(x, 4, 3, 2, True, False)),
    ("lp_pool1d", "--kernel-size 4 --stride 3 --ceil-mode", [(2, 41)], {}, lambda x: F.lp_pool1d(x, 2, 4, 3, True)),
    ("lp_pool1d", "--kernel-size 3 --norm-type 4", [(2, 41)], {}, lambda x: F.lp_pool1d(x, 4, 3)),
    ("pixel_shuffle1d", "--factor 3", [(6, 10)], {}, lambda x: x.reshape(1, 2, 3, 10).mT.reshape(1, 2, 30)),
    ("pixel_shuffle1d", "--factor 3 --order phase-major", [(6, 10)], {},
     lambda x: x.reshape(1, 3, 2, 10).permute(0, 2, 3, 1).reshape(1, 2, 30)),
    ("pixel_unshuffle1d", "--factor 3", [(2, 30)], {}, lambda x: x.reshape(1, 2, 10, 3).mT.reshape(1, 6, 10)),
    ("interpolate", "--scale-factor 1.5 --mode linear", [(2, 20)], {},
     lambda x: F.interpolate(x, scale_factor=1.5, mode="linear")),
    ("interpolate", "--scale-factor 2 --mode nearest-exact", [(2, 20)], {},
     lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest-exact")),
    ("interpolate2d", "--scale-factor 2,3 --mode bilinear", [(5, 20)], {},
     lambda x: F.interpolate(x[None], scale_factor=(2.0, 3.0), mode="bilinear")[0]),
    ("repeat", "--factor 4", [(2, 9)], {}, lambda x: x.repeat_interleave(4, 2)),
    ("stretch_fir", "--factor 4", [(5, 9)], {"weight": FIR},
     lambda x: F.conv2d(x[None].repeat_interleave(4, 3), torch.tensor(FIR)[None, None], padding=(1, 4))[0]),
    ("stretch_fir", "--factor 4 --causal", [(5, 9)], {"weight": FIR},
     lambda x: F.conv2d(F.pad(x[None].repeat_interleave(4, 3), (8, 0, 1, 1)), torch.tensor(FIR)[None, None])[0]),
    ("layer_norm", "--eps 0.1", [(4, 20)], {"weight": array(4), "bias": B},
     lambda x: F.layer_norm(x.mT, (4,), torch.tensor(array(4)), torch.tensor(B), 0.1).mT),
    ("rms_norm", "--eps 0.1", [(4, 20)], {"weight": B},
     lambda x: x / torch.sqrt((x * x).mean(1, keepdim=True) + 0.1) * torch.tensor(B)[:, None]),
    ("softmax", "", [(4, 20)], {}, lambda x: F.softmax(x, 1)),
    ("log_softmax", "", [(4, 20)], {}, lambda x: F.log_softmax(x, 1)),
    ("channel_scale", "", [(4, 20)], {"weight": array(4), "bias": B},
     lambda x: x * torch.tensor(array(4))[:, None] + torch.tensor(B)[:, None]),
    ("batch_norm", "--eps 0.1", [(4, 20)], {"mean": B, "variance": abs(B), "weight": 2 * B, "bias": 3 * B},
     lambda x: F.batch_norm(x, torch.tensor(B), torch.tensor(abs(B)), torch.tensor(2 * B), torch.tensor(3 * B), eps=0.1)),
    ("prelu", "", [(4, 20)], {"weight": B}, lambda x: F.prelu(x, torch.tensor(B))),
    ("glu", "", [(4, 20)], {}, lambda x: F.glu(x, 1)),
    ("relu", "", [(2, 20)], {}, lambda x: F.relu(x)),
    ("leaky_relu", "--negative-slope 0.2", [(2, 20)], {}, lambda x: F.leaky_relu(x, 0.2)),
    ("elu", "--alpha 0.5", [(2, 20)], {}, lambda x: F.elu(x, 0.5)),
    ("tanh", "", [(2, 20)], {}, lambda x: torch.tanh(x)),
    ("sigmoid", "", [(2, 20)], {}, lambda x: torch.sigmoid(x)),
    ("silu", "", [(2, 20)], {}, lambda x: F.silu(x)),
    ("gelu", "", [(2, 20)], {}, lambda x: F.gelu(x)),
    ("gelu", "--approximate tanh", [(2, 20)], {}, lambda x: F.gelu(x, approximate="tanh")),
    ("selu", "", [(2, 20)], {}, lambda x: F.selu(x)),
    ("celu", "--alpha 0.5", [(2, 20)], {}, lambda x: F.celu(x, 0.5)),
    ("mish", "", [(2, 20)], {}, lambda x: F.mish(x)),
    ("logsigmoid", "", [(2, 20)], {}, lambda x: F.logsigmoid(x)),
    ("softsign", "", [(2, 20)], {}, lambda x: F.softsign(x)),
    ("hardsigmoid", "", [(2, 20)], {}, lambda x: F.hardsigmoid(x)),
    ("hardswish", "", [(2, 20)], {}, lambda x: F.hardswish(x)),
    ("hardtanh", "--min-val -0.5 --max-val 0.25", [(2, 20)], {}, lambda x: F.hardtanh(x, -0.5, 0.25)),
    ("relu6", "", [(2, 20)], {}, lambda x: F.relu6(x)),
    ("hardshrink", "--lambd 0.25", [(2, 20)], {}, lambda x: F.hardshrink(x, 0.25)),
    ("softshrink", "--lambd 0.25", [(2, 20)], {}, lambda x: F.softshrink(x, 0.25)),
    ("log", "", [(2, 20)], {}, lambda x: torch.log(x)),
    ("sqrt", "", [(2, 20)], {}, lambda x: torch.sqrt(x)),
    ("abs", "", [(2, 20)], {}, lambda x: torch.abs(x)),
    ("pow", "--exponent 3", [(2, 20)], {}, lambda x: x ** 3),
    ("amplitude_to_db", "--ref 2 --amin 0.01", [(2, 20)], {}, lambda x: 20 * torch.log10(torch.clamp(x, min=0.01) / 2)),
    ("power_to_db", "", [(2, 20)], {}, lambda x: 10 * torch.log10(torch.clamp(x, min=1e-10))),
    ("db_to_amplitude", "--ref 2", [(2, 20)], {}, lambda x: 2 * 10 ** (x / 20)),
    ("db_to_power", "", [(2, 20)], {}, lambda x: 10 ** (x / 10)),
    ("softplus", "--beta 2 --threshold 1.5", [(2, 20)], {}, lambda x: F.softplus(x, 2, 1.5)),
    ("snake", "", [(4, 20)], {"alphas": abs(B) + 0.1}, lambda x: snake(x, abs(B) + 0.1, abs(B) + 0.1)),
    ("snake_beta", "", [(4, 20)], {"alphas": B, "betas": abs(B) + 0.1}, lambda x: snake(x, B, abs(B) + 0.1)),
    ("exp", "", [(2, 20)], {}, lambda x: torch.exp(x)),
    ("sin", "", [(2, 20)], {}, lambda x: torch.sin(x)),
    ("cos", "", [(2, 20)], {}, lambda x: torch.cos(x)),
    ("clip", "--min -0.5 --max 0.25", [(2, 20)], {}, lambda x: torch.clamp(x, -0.5, 0.25)),
    ("scale", "--gain -3", [(2, 20)], {}, lambda x: -3 * x),
    ("mu_law_compress", "--mu 100", [(2, 20)], {}, lambda x: torch.sign(x) * torch.log1p(100 * abs(x)) / np.log(101)),
    ("mu_law_expand", "", [(2, 20)], {}, lambda x: torch.sign(x) * (256 ** abs(x) - 1) / 255),
    ("deemphasis", "--coefficient 0.5", [(2, 20)], {},
     lambda x: torch.stack([sum(0.5**k * x[..., n - k] for k in range(n + 1)) for n in range(x.shape[-1])], -1)),
    ("preemphasis", "--coefficient 0.5", [(2, 20)], {}, lambda x: x - 0.5 * F.pad(x, (1, 0))[..., :-1]),
    ("lfilter", "--a 1,-0.5 --b 0.5", [(2, 20)], {}, lambda x: recursion(x, [1, -0.5], [0.5])),
    ("lowpass_biquad", "--sample-rate 8000 --frequency 1000", [(2, 20)], {}, lambda x: biquad("lowpass", x, 1000.0)),
    ("highpass_biquad", "--sample-rate 8000 --frequency 1000 --q 2", [(2, 20)], {}, lambda x: biquad("highpass", x, 1000.0, 2.0)),
    ("bandpass_biquad", "--sample-rate 8000 --frequency 1000 --const-skirt-gain", [(2, 20)], {},
     lambda x: biquad("bandpass", x, 1000.0, const_skirt_gain=True)),
    ("bandreject_biquad", "--sample-rate 8000 --frequency 1000", [(2, 20)], {}, lambda x: biquad("bandreject", x, 1000.0)),
    ("allpass_biquad", "--sample-rate 8000 --frequency 1000", [(2, 20)], {}, lambda x: biquad("allpass", x, 1000.0)),
    ("equalizer_biquad", "--sample-rate 8000 --frequency 1000 --gain 6", [(2, 20)], {},
     lambda x: biquad("equalizer", x, 1000.0, 6.0)),
    ("bass_biquad", "--sample-rate 8000 --gain 6", [(2, 20)], {}, lambda x: biquad("bass", x, 6.0)),
    ("treble_biquad", "--sample-rate 8000 --gain -6 --frequency 2000", [(2, 20)], {}, lambda x: biquad("treble", x, -6.0, 2000.0)),
    # Any polynomial up to the third degree is its own spline.
    ("spline_upsample", "--factor 3", [(1, 4)], {},
     lambda x: torch.tensor(np.polyval(np.polyfit(np.arange(4), x[0, 0].numpy(), 3), np.arange(12) / 3))[None, None].float()),
    ("gated", "", [(4, 20)], {}, lambda x: torch.tanh(x[:, :2]) * torch.sigmoid(x[:, 2:])),
    ("stft", "--n-fft 64 --hop-length 10 --win-length 40 --normalized", [(1, 500)], {},
     lambda x: spectrum(x, 64, 10, 40, normalized=True)),
    ("stft", "--n-fft 32 --window hamming --center false --onesided false", [(1, 500)], {},
     lambda x: spectrum(x, 32, 8, 32, torch.hamming_window, center=False, onesided=False)),
    ("istft", "--n-fft 32 --hop-length 8", [(34, 40)], {},
     lambda x: torch.istft(torch.complex(x[:, ::2], x[:, 1::2]), 32, 8, window=torch.hann_window(32))[None]),
    ("magnitude", "--power 2", [(34, 40)], {}, lambda x: x[:, ::2] ** 2 + x[:, 1::2] ** 2),
    ("mel_spectrogram", "--preset vocos-24k", [(1, 3000)], {},
     lambda x: torch.log(torch.clamp(htk_bands().T @ spectrum(x, 1024, 256, 1024).unflatten(1, (513, 2)).norm(dim=2),
                                     min=1e-7))),
    ("mfcc", "--preset vocos-24k --coefficients 13", [(1, 3000)], {},
     lambda x: cosines(100, 13) @ torch.log(torch.clamp(htk_bands().T @ spectrum(x, 1024, 256, 1024).unflatten(1, (513, 2)).norm(dim=2),
                                                        min=1e-7))),
    ("dct", "--coefficients 5", [(8, 20)], {}, lambda x: cosines(8, 5) @ x),
    ("deltas", "--win-length 7", [(2, 30)], {},
     lambda x: sum(k * F.pad(x, (3, 3), "replicate")[..., 3 + k:33 + k] for k in range(-3, 4)) / 28),
    ("mel_compress", "--preset vocos-24k", [(100, 5)], {}, lambda x: torch.log(torch.clamp(x, min=1e-7))),
    ("mel_expand", "--preset vocos-24k", [(100, 5)], {}, lambda x: torch.exp(x)),
    ("mel_convert", "--preset vocos-24k --to vocos-24k", [(100, 5)], {}, lambda x: x),
    ("add", "", [(2, 20)] * 3, {}, lambda *x: sum(x)),
    ("mean", "", [(2, 20)] * 3, {}, lambda *x: sum(x) / 3),
    ("multiply", "", [(2, 20)] * 2, {}, lambda x, y: x * y),
    ("concatenate", "", [(2, 20), (3, 20)], {}, lambda *x: torch.cat(x, 1)),
]
WHOLE_SIGNAL = [
    ("conv1d", "--stride 2 --padding 3 --padding-mode circular", [(3, 50)], {"weight": W, "bias": B},
     lambda x: F.conv1d(F.pad(x, (3, 3), "circular"), torch.tensor(W), torch.tensor(B), 2)),
    ("pad1d", "--padding 3,5 --padding-mode circular", [(2, 20)], {}, lambda x: F.pad(x, (3, 5), "circular")),
    ("stft", "--n-fft 64 --pad-mode circular", [(1, 500)], {}, lambda x: spectrum(x, 64, 16, 64, pad_mode="circular")),
    ("adaptive_avg_pool1d", "--output-size 7", [(2, 40)], {}, lambda x: F.adaptive_avg_pool1d(x, 7)),
    ("adaptive_max_pool1d", "--output-size 7", [(2, 40)], {}, lambda x: F.adaptive_max_pool1d(x, 7)),
    ("spatial_pyramid_pool1d", "--levels 1,2,5", [(2, 40)], {},
     lambda x: torch.cat([F.adaptive_max_pool1d(x, n).flatten(1) for n in (1, 2, 5)], 1)[..., None]),
    ("spatial_pyramid_pool1d", "--pooling mean", [(2, 40)], {},
     lambda x: torch.cat([F.adaptive_avg_pool1d(x, n).flatten(1) for n in (1, 2, 4)], 1)[..., None]),
    ("instance_norm1d", "--eps 0.01", [(4, 40)], {"weight": array(4), "bias": B},
     lambda x: F.instance_norm(x, weight=torch.tensor(array(4)), bias=torch.tensor(B), eps=0.01)),
    ("flip", "", [(2, 20)], {}, lambda x: x.flip(2)),
    ("filtfilt", "--a 1,-0.5 --b 0.5", [(2, 20)], {},
     lambda x: recursion(recursion(x, [1, -0.5], [0.5]).flip(2), [1, -0.5], [0.5]).flip(2)),
    ("amplitude_to_db", "--top-db 20", [(2, 40)], {},
     lambda x: (lambda y: torch.clamp(y, min=float(y.max()) - 20))(20 * torch.log10(torch.clamp(x, min=1e-5)))),
    ("group_norm", "--groups 2 --eps 0.01", [(4, 40)], {"weight": array(4), "bias": B},
     lambda x: F.group_norm(x, 2, torch.tensor(array(4)), torch.tensor(B), 0.01)),
    ("interpolate", "--size 33 --mode linear --align-corners", [(2, 20)], {},
     lambda x: F.interpolate(x, size=33, mode="linear", align_corners=True)),
    ("interpolate2d", "--size 16,16 --mode bilinear --align-corners", [(5, 20)], {},
     lambda x: F.interpolate(x[None], size=(16, 16), mode="bilinear", align_corners=True)[0]),
]


class Extend(ToolTest):
    def test_extend(self):
        model = ("--model", str(GOLDEN / "models/audio-super-res-1/model.safetensors"))
        clip, results = self.wav("x.wav", rate=4000, frames=1003), []
        for options in [(), ("--chunk", "1"), ("--chunk", "777"), ("--threads", "3")]:
            text = self.ok("extend", clip, self.path("o.wav"), *model, *options)
            self.assertIn("from 4000 Hz by audio-super-res", text)
            with wave.open(self.path("o.wav")) as file:
                self.assertEqual((file.getframerate(), file.getnframes()), (16000, 4008))
                results.append(file.readframes(4008))
        self.assertEqual(len(set(results)), 1)
        self.ok("extend", self.wav("y.wav", rate=16000, frames=4000), self.path("o.wav"), *model)
        with wave.open(self.path("o.wav")) as file:
            self.assertEqual((file.getframerate(), file.getnframes()), (16000, 4000))
        loud = self.square("loud.wav", rate=4000)
        result = run("extend", loud, self.path("o.wav"), *model)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"^wavestride: .*o.wav: \d+ samples beyond full scale were clipped\n$")
        other = ("--model", str(GOLDEN / "model-0.safetensors"))
        self.refused(2, "wavestride vocode runs it", "extend", clip, self.path("o.wav"), *other)
        self.refused(2, "--model", "extend", clip, self.path("o.wav"))


class Apply(ToolTest):
    def command(self, operator, options, shapes, arrays):
        self.inputs = [array(*shape) + i for i, shape in enumerate(shapes)]
        files = [self.save(f"x{i}.npy", x) for i, x in enumerate(self.inputs)]
        command = ["apply", operator, *options.split(), "--input", *files, "--output", self.path("y.npy")]
        for name, value in arrays.items():
            command += [f"--{name}", self.save(f"{name}.npy", value)]
        return command

    def check(self, torch_function):
        y = np.load(self.path("y.npy"))
        self.assertEqual((y.dtype, y.flags.c_contiguous), (np.float32, True))
        if torch:
            expected = torch_function(*(torch.tensor(x)[None] for x in self.inputs))[0].numpy()
            self.assertEqual(y.shape, expected.shape)
            self.assertTrue(np.array_equal(np.isnan(y), np.isnan(expected)))
            self.assertLess(np.nanmax(np.abs(y - expected)), 1e-5 * np.nanmax(np.abs(expected)))
        return pathlib.Path(self.path("y.npy")).read_bytes()

    def test_operators_that_stream(self):
        for operator, options, shapes, arrays, function in STREAMING:
            with self.subTest(operator=operator, options=options):
                command = self.command(operator, options, shapes, arrays)
                self.ok(*command)
                whole = self.check(function)
                for chunk in [1, 7, 1000]:
                    self.assertIn("latency", self.ok(*command, "--chunk", chunk))
                    self.assertEqual(pathlib.Path(self.path("y.npy")).read_bytes(), whole)

    def test_operators_of_the_whole_signal(self):
        for operator, options, shapes, arrays, function in WHOLE_SIGNAL:
            with self.subTest(operator=operator, options=options):
                command = self.command(operator, options, shapes, arrays)
                self.refused(1, "no exact stream", *command, "--chunk", "5")
                self.ok(*command)
                self.check(function)

    def test_all_are_tested(self):
        listed = {line.split()[0] for line in self.ok("apply", "--list").splitlines()}
        self.assertEqual(listed, {case[0] for case in STREAMING + WHOLE_SIGNAL}
                         | {"max_unpool1d", "mel_scale", "mel_inversion", "pqmf_analysis", "pqmf_synthesis", "normal_noise"})
        for name in listed:
            self.assertIn("--input", self.ok("apply", name, "--help"))

    def test_mel_scale_and_inversion(self):
        if not torch:
            self.skipTest("needs torch")
        bands, spectrum = htk_bands().T.numpy(), np.abs(array(513, 9))
        mel = self.save("mel.npy", bands @ spectrum)
        self.ok("apply", "mel_scale", "--preset", "vocos-24k", "--input", self.save("s.npy", spectrum), "--output",
                self.path("y.npy"))
        self.assertLess(np.abs(np.load(self.path("y.npy")) - np.load(mel)).max(), 1e-5 * np.load(mel).max())
        command = ("apply", "mel_inversion", "--preset", "vocos-24k", "--input", mel, "--output", self.path("y.npy"))
        self.ok(*command)
        y = np.load(self.path("y.npy"))
        self.assertTrue((y >= 0).all())
        self.assertLess(np.abs(bands @ y - np.load(mel)).max(), 1e-4 * np.load(mel).max())
        self.ok(*command, "--chunk", "2")
        self.assertEqual(np.load(self.path("y.npy")).tobytes(), y.tobytes())

    def test_subbands(self):
        x, bands, y = array(1, 2000), self.path("bands.npy"), self.path("y.npy")
        sound = self.save("x.npy", x)
        for chunk in [[], ["--chunk", "33"]]:
            filters = ("--subbands", "4", "--taps", "62", "--cutoff-ratio", "0.142", "--beta", "9")
            self.ok("apply", "pqmf_analysis", *filters, "--input", sound, "--output", bands, *chunk)
            self.assertEqual(np.load(bands).shape, (4, 500))
            self.ok("apply", "pqmf_synthesis", *filters, "--input", bands, "--output", y, *chunk)
            inner = slice(100, -100)
            self.assertLess(np.abs(np.load(y) - x)[:, inner].max(), 0.02 * np.abs(x).max())

    def test_noise(self):
        sound, y = self.save("x.npy", array(2, 5000)), self.path("y.npy")
        noise = []
        for options in [(), ("--chunk", "77"), ("--seed", "1")]:
            self.ok("apply", "normal_noise", "--out-channels", "3", "--input", sound, "--output", y, *options)
            noise.append(np.load(y))
        self.assertEqual(noise[0].shape, (3, 5000))
        self.assertLess(abs(noise[0].mean()), 0.05)
        self.assertLess(abs(noise[0].std() - 1), 0.05)
        self.assertEqual(noise[0].tobytes(), noise[1].tobytes())
        self.assertFalse(np.allclose(noise[0], noise[2]))

    def test_indices(self):
        x = array(3, 31)
        self.save("x.npy", x)
        pool = "--kernel-size 3 --stride 2 --padding 1".split()
        for chunk in [[], ["--chunk", "4"]]:
            self.ok("apply", "max_pool1d", *pool, "--input", self.path("x.npy"), "--output", self.path("v.npy"),
                    "--output-indices", self.path("i.npy"), *chunk)
            v, i = np.load(self.path("v.npy")), np.load(self.path("i.npy"))
            self.assertEqual(i.dtype, np.int64)
            self.assertTrue(np.array_equal(np.take_along_axis(x, i, 1), v))
            self.ok("apply", "max_unpool1d", *pool, "--input", self.path("v.npy"), "--indices", self.path("i.npy"),
                    "--output", self.path("y.npy"), "--output-size", "31", *chunk)
            y = np.zeros_like(x)
            np.put_along_axis(y, i, v, 1)
            self.assertTrue(np.array_equal(np.load(self.path("y.npy")), y))
        i[1, 2] = 30
        self.refused(1, "i.npy: index 30 of channel 1", "apply", "max_unpool1d", *pool, "--input", self.path("v.npy"),
                     "--indices", self.save("i.npy", i), "--output", self.path("q.npy"))

    def test_refusals(self):
        x = self.save("x.npy", array(3, 20))
        weight = self.save("w.npy", W)
        to = ("--output", self.path("y.npy"))
        conv = ("apply", "conv1d", "--weight", weight)
        self.refused(2, "--weight", "apply", "conv1d", "--input", x, *to)
        self.refused(2, "--factor", *conv, "--input", x, *to, "--factor", "2")
        self.refused(2, "padding must be N|LEFT,RIGHT|same|valid", *conv, "--input", x, *to, "--padding", "full")
        self.refused(2, "--chunk", *conv, "--input", x, *to, "--chunk", "0")
        self.refused(2, "--padding-mode", *conv, "--input", x, *to, "--padding-mode", "symmetric")
        self.refused(2, "no_such_op", "apply", "no_such_op")
        os.symlink(self.folder, self.path("here"))
        for indices in [self.path("q.npy"), self.path("./q.npy"), self.path("here/q.npy")]:
            self.refused(2, "must be two files", "apply", "max_pool1d", "--kernel-size", "2", "--input", x, "--output",
                         self.path("q.npy"), "--output-indices", indices)
        self.refused(2, "the name of --output must end in .npy, got y.txt", *conv, "--input", x, "--output", "y.txt")
        self.refused(1, "conv1d: stride must be at least 1, got 0", *conv, "--input", x, *to, "--stride", "0")
        self.refused(1, "takes 3 channels, got 2", *conv, "--input", self.save("x2.npy", array(2, 20)), *to)
        self.refused(1, "cube.npy: has shape [2, 3, 4]", *conv, "--input", self.save("cube.npy", array(2, 3, 4)), *to)
        self.refused(1, "x.npy: ", *conv, "--input", x, "--output", x)
        self.refused(1, "w.npy: ", *conv, "--input", x, "--output", weight)
        self.refused(1, "absent.npy: ", *conv, "--input", self.path("absent.npy"), *to)
        self.refused(2, "name one instead of -", *conv, "--input", x, "--output", "-")
        self.refused(2, "name one instead of -", *conv, "--input", "-", *to)

    def test_help_says_what_flags_are_without_being_given(self):
        text = self.ok("apply", "avg_pool1d", "--help")
        self.assertRegex(text, r"--ceil-mode \[true\|false\] +round the output length up \(default false\)")
        self.assertRegex(text, r"--count-include-pad \[true\|false\]\s+whether .* \(default true\)")
        self.assertNotIn("=true", text)
        x = self.save("x.npy", array(1, 4))
        for flag, frames in [((), 1), (("--ceil-mode",), 2), (("--ceil-mode", "true"), 2), (("--ceil-mode", "false"), 1)]:
            self.ok("apply", "avg_pool1d", "--kernel-size", "3", "--input", x, "--output", self.path("y.npy"), *flag)
            self.assertEqual(np.load(self.path("y.npy")).shape[1], frames)

    def test_empty_and_flat_signals(self):
        self.ok("apply", "relu", "--input", self.save("x.npy", np.zeros((3, 0), "f4")), "--output", self.path("y.npy"),
                "--chunk", "4")
        self.assertEqual(np.load(self.path("y.npy")).shape, (3, 0))
        self.ok("apply", "relu", "--input", self.save("x.npy", np.asfortranarray(-array(3, 4)).astype("f8")),
                "--output", self.path("y.npy"))
        self.assertTrue(np.array_equal(np.load(self.path("y.npy")), np.maximum(-array(3, 4), 0)))
        self.ok("apply", "relu", "--input", self.save("x.npy", array(9)), "--output", self.path("y.npy"))
        self.assertEqual(np.load(self.path("y.npy")).shape, (1, 9))


if __name__ == "__main__":
    unittest.main()
