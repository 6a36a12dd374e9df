// The files that a command works on: one IN and OUT, or a whole corpus, in parallel, divided between
// machines, taken up again where it was broken off.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"

namespace wavestride::cli {

/// What a command says of one file that it made.
struct Made {
  std::vector<std::string> lines;
  double seconds = 0;  ///< of audio
  Index clipped = 0;   ///< samples, of which standard error is told
};

/// Makes `out` of `in`, whole or not at all; called from several threads.
using MakeFile = std::function<Made(const std::string& in, const std::string& out)>;

/// What a command reads and makes.
struct FileKinds {
  std::string extension = {};    ///< of outputs in --out-dir, unless --extension is given; empty: the input's
  bool extension_fixed = false;  ///< outputs must have it
  bool features = false;         ///< a folder is searched for .npy files too, not for sound files alone
};

/// Throws UsageError where no sound file is named so, or where that kind of file can't have these --bits.
void require_sound_name(const std::string& name, const std::string& bits, const std::string& what);

class Files {
 public:
  /// Declares IN and OUT and the options of batches.
  Files(CLI::App& app, const std::string& in_help, const std::string& out_help, FileKinds kinds);

  /// Makes the one file, or every file of the batch that is this process's to make; reports those that fail
  /// by name and goes on. Throws std::runtime_error at the end when any did, UsageError on options that
  /// contradict each other, IoError where inputs can't be listed, and when two would make the same output.
  void run(const MakeFile& make) const;

  /// Throws UsageError where the name that OUT or --extension gives is of no sound file, or of one that
  /// --bits can't have; "-" is left to others.
  void require_sounds(const std::string& bits) const;
  /// IN where there is no batch, else "".
  std::string only_input() const;
  /// Throws UsageError where anything is given of files, or of batches: `why` says that there are none.
  void require_none(const std::string& why) const;

 private:
  struct Options;
  std::shared_ptr<Options> options_;
};

}  // namespace wavestride::cli
