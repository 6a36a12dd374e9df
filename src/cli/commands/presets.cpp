#include <cstdio>

#include "cli/mel_features.h"

namespace wavestride::cli {

std::function<void()> presets_command(CLI::App&) {
  return [] {
    say("name            rate (Hz)  n_fft   hop   win  mels   range (Hz)  scale   frames/s");
    for (const MelOptions& p : mel_presets())
      require_printed(std::printf("%-14s %10d %6d %5d %5d %5d %5.0f-%-6.0f  %-6s %9.2f\n", p.name.c_str(),
                                  static_cast<int>(p.sample_rate), static_cast<int>(p.n_fft),
                                  static_cast<int>(p.hop_length),
                                  static_cast<int>(p.win_length ? p.win_length : p.n_fft),
                                  static_cast<int>(p.n_mels), p.f_min, top_hz(p),
                                  p.mel_scale == MelScale::htk ? "htk" : "slaney", frame_rate(p)) >= 0);
  };
}

}  // namespace wavestride::cli
