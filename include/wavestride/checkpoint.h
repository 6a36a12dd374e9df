// Checkpoints: the files that trained networks come in, opened by what they hold, never by their extension.
#pragma once

#include <wavestride/tensor_file.h>

#include <memory>

namespace WAVESTRIDE_API wavestride {

/// Opens .safetensors, what torch.save writes (the zip of 1.6 on, and the stream of pickles before), or the
/// initializers of an .onnx file. Nothing in a file is ever run: a pickle may call for any function, only the
/// ones that make tensors, containers and numbers are understood, every other is kept as a name. Values stay
/// in the file until load(), which maps it: replace it by renaming, for one cut off meanwhile ends the
/// program (SIGBUS). Throws IoError with the reason on every other file and on damaged ones.
///
/// Dictionaries and lists give dotted names ("generator.conv_pre.weight_g"). metadata(), besides the file's
/// own: of torch.save "values", JSON of all that is no tensor (objects as {"__class__": name, …}), and
/// "state_dicts", a JSON list of the names of the dictionaries that hold tensors ("" for the outermost).
std::unique_ptr<TensorFile> open_checkpoint(const std::string& path);

}  // namespace wavestride
