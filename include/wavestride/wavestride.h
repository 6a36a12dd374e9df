// Everything public: what this build has. A library without sound files or models says so to its users.
#pragma once

#include <wavestride/activation.h>
#include <wavestride/adaptive_pool1d.h>
#include <wavestride/audio_unet.h>
#include <wavestride/avg_pool1d.h>
#include <wavestride/checkerboard.h>
#include <wavestride/compose.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/deemphasis.h>
#include <wavestride/geometry.h>
#include <wavestride/griffin_lim.h>
#include <wavestride/index_select.h>
#include <wavestride/instance_norm1d.h>
#include <wavestride/interpolate.h>
#include <wavestride/io.h>
#include <wavestride/join.h>
#include <wavestride/kernel.h>
#include <wavestride/max_pool1d.h>
#include <wavestride/max_unpool1d.h>
#include <wavestride/mel.h>
#include <wavestride/mel_inversion.h>
#include <wavestride/minimal_filtering.h>
#include <wavestride/mu_law.h>
#include <wavestride/noise.h>
#include <wavestride/norm.h>
#include <wavestride/npy.h>
#include <wavestride/op.h>
#include <wavestride/operators.h>
#include <wavestride/pad1d.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/pqmf.h>
#include <wavestride/pyramid.h>
#include <wavestride/resample.h>
#include <wavestride/samples.h>
#include <wavestride/signal.h>
#include <wavestride/spatial_pyramid_pool1d.h>
#include <wavestride/spline_upsample.h>
#include <wavestride/stack.h>
#include <wavestride/stft.h>
#include <wavestride/stream.h>
#include <wavestride/stretch_fir.h>
#include <wavestride/tensor_file.h>
#include <wavestride/varispeed.h>
#include <wavestride/wavenet.h>
#include <wavestride/wavenet_generator.h>
#include <wavestride/weights.h>

#ifndef WAVESTRIDE_NO_AUDIO_FILES
#include <wavestride/audio_file.h>
#endif
#ifndef WAVESTRIDE_NO_MODELS
#include <wavestride/checkpoint.h>
#include <wavestride/model.h>
#include <wavestride/safetensors.h>
#endif
