// Everything public.
#pragma once

#include <wavestride/activation.h>
#include <wavestride/adaptive_pool1d.h>
#include <wavestride/avg_pool1d.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/geometry.h>
#include <wavestride/griffin_lim.h>
#include <wavestride/instance_norm1d.h>
#include <wavestride/interpolate.h>
#include <wavestride/join.h>
#include <wavestride/kernel.h>
#include <wavestride/max_pool1d.h>
#include <wavestride/max_unpool1d.h>
#include <wavestride/mel.h>
#include <wavestride/norm.h>
#include <wavestride/op.h>
#include <wavestride/pixel_shuffle1d.h>
#include <wavestride/signal.h>
#include <wavestride/spatial_pyramid_pool1d.h>
#include <wavestride/stack.h>
#include <wavestride/stft.h>
#include <wavestride/stream.h>
#include <wavestride/stretch_fir.h>
#include <wavestride/weights.h>
