// What the encoders of neural codecs have in common.
#pragma once

#include <wavestride/codec_encoder.h>

#include "models/model_file.h"

namespace wavestride::models {

/// Throws IoError unless the file holds this layer, the first of an encoder.
void require_encoder(const ModelFile& file, const std::string& layer);

/// A signal with zeros behind it to the next multiple of so many samples.
Op padded_to_multiple(Index samples);

/// Of these two, for codes of a frame that are 0 to codes − 1 each.
CodecEncoder encoder_of(const std::string& codec, const Op& latents, const Op& quantiser, Index rate,
                        Index codes);

}  // namespace wavestride::models
