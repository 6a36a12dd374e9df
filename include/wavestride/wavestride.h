// Everything public.
#pragma once

#include <wavestride/activation.h>
#include <wavestride/conv1d.h>
#include <wavestride/conv_transpose1d.h>
#include <wavestride/geometry.h>
#include <wavestride/join.h>
#include <wavestride/kernel.h>
#include <wavestride/op.h>
#include <wavestride/signal.h>
#include <wavestride/stack.h>
#include <wavestride/stream.h>
