// Functions of every value by itself, with the names and defaults of torch.nn.functional; and the gate of
// WaveNet. NaN stays NaN in all of them. Each result is within 1e-6 of the exact value, relatively where
// that is 1000 times the least normal float or more; of softplus, times 1 + |beta·x|/8; of sin and cos,
// absolutely; of gelu by tanh, to |x|; of pow by other than whole exponents, times 1 + |exponent·ln x|/8; of
// snake, to |x| + 1/beta, the sine being that of alpha·x as a float has it.
#pragma once

#include <wavestride/op.h>

namespace WAVESTRIDE_API wavestride {

/// How gelu is made: x·(1 + erf(x/√2))/2, or x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2 for networks that were
/// trained with it.
enum class GeluApproximation { none, tanh };

namespace op {

/// Each is of `channels` channels, one output frame per input frame. They throw std::invalid_argument unless
/// channels is positive and the parameters are numbers.
Op relu(Index channels);                                      ///< max(x, 0)
Op leaky_relu(Index channels, float negative_slope = 0.01f);  ///< x > 0 ? x : negative_slope·x
Op elu(Index channels, float alpha = 1.0f);                   ///< x > 0 ? x : alpha·(eˣ − 1)
Op selu(Index channels);                      ///< 1.0507…·elu(x, 1.6733…), of Klambauer et al. 2017
Op celu(Index channels, float alpha = 1.0f);  ///< x > 0 ? x : alpha·(e^(x/alpha) − 1), alpha above 0
Op tanh(Index channels);
Op sigmoid(Index channels);  ///< 1 / (1 + e⁻ˣ)
Op silu(Index channels);     ///< x / (1 + e⁻ˣ)
Op mish(Index channels);     ///< x·tanh(ln(1 + eˣ))
Op gelu(Index channels, GeluApproximation approximate = GeluApproximation::none);
/// ln(1 + e^(beta·x))/beta, and x where beta·x is above the threshold
Op softplus(Index channels, float beta = 1.0f, float threshold = 20.0f);
Op logsigmoid(Index channels);                                             ///< −ln(1 + e⁻ˣ)
Op softsign(Index channels);                                               ///< x / (1 + |x|)
Op hardsigmoid(Index channels);                                            ///< min(max(x + 3, 0), 6) / 6
Op hardswish(Index channels);                                              ///< x·hardsigmoid(x)
Op hardtanh(Index channels, float min_val = -1.0f, float max_val = 1.0f);  ///< clip, min_val ≤ max_val
Op relu6(Index channels);                                                  ///< clip to 0 … 6
Op hardshrink(Index channels, float lambd = 0.5f);                         ///< |x| > lambd ? x : 0
Op softshrink(Index channels, float lambd = 0.5f);  ///< sign(x)·max(|x| − lambd, 0), lambd 0 or more
Op exp(Index channels);
Op log(Index channels);   ///< ln x, −∞ of 0 and NaN below
Op sqrt(Index channels);  ///< NaN below 0
Op abs(Index channels);
Op pow(Index channels, float exponent);  ///< x^exponent; NaN of x < 0 unless it is whole, −16 to 16
Op sin(Index channels);                  ///< of radians
Op cos(Index channels);
Op clip(Index channels, float min, float max);  ///< torch.clamp: min(max(x, min), max), max if min > max
Op scale(Index channels, float factor);         ///< factor·x

/// The gate of WaveNet: y[c] = tanh(x[c]) · sigmoid(x[C + c]) of 2C = channels_in channels, C out; a sigmoid
/// below 2e-38 is 0. Throws std::invalid_argument unless channels_in is positive and even.
Op gated(Index channels_in);

/// torch.nn.functional.glu: y[c] = x[c] · sigmoid(x[C + c]) of 2C = channels_in channels, C out. Throws as
/// gated.
Op glu(Index channels_in);

/// x > 0 ? x : weight[c]·x, a weight per channel: torch.nn.functional.prelu (of one weight for all channels
/// leaky_relu is the same). Throws std::invalid_argument where there is none, or one is not a number.
Op prelu(std::span<const float> weight);

/// y[c] = x[c] + sin²(alpha[c]·x[c])/(beta[c] + 1e-9), one alpha and beta per channel: Snake (Ziyin et al.
/// 2020, as DAC has it) where beta is alpha, BigVGAN's SnakeBeta where it is learned too. Throws
/// std::invalid_argument unless there is a number for each channel.
Op snake(std::span<const float> alpha);
Op snake_beta(std::span<const float> alpha, std::span<const float> beta);

}  // namespace op

/// The same on whole signals.
Signal relu(FramesView x);
Signal leaky_relu(FramesView x, float negative_slope = 0.01f);
Signal elu(FramesView x, float alpha = 1.0f);
Signal selu(FramesView x);
Signal celu(FramesView x, float alpha = 1.0f);
Signal tanh(FramesView x);
Signal sigmoid(FramesView x);
Signal silu(FramesView x);
Signal mish(FramesView x);
Signal gelu(FramesView x, GeluApproximation approximate = GeluApproximation::none);
Signal softplus(FramesView x, float beta = 1.0f, float threshold = 20.0f);
Signal logsigmoid(FramesView x);
Signal softsign(FramesView x);
Signal hardsigmoid(FramesView x);
Signal hardswish(FramesView x);
Signal hardtanh(FramesView x, float min_val = -1.0f, float max_val = 1.0f);
Signal relu6(FramesView x);
Signal hardshrink(FramesView x, float lambd = 0.5f);
Signal softshrink(FramesView x, float lambd = 0.5f);
Signal exp(FramesView x);
Signal log(FramesView x);
Signal sqrt(FramesView x);
Signal abs(FramesView x);
Signal pow(FramesView x, float exponent);
Signal sin(FramesView x);
Signal cos(FramesView x);
Signal clip(FramesView x, float min, float max);
Signal scale(FramesView x, float factor);
Signal gated(FramesView x);
Signal glu(FramesView x);
Signal prelu(FramesView x, std::span<const float> weight);
Signal snake(FramesView x, std::span<const float> alpha);
Signal snake_beta(FramesView x, std::span<const float> alpha, std::span<const float> beta);

}  // namespace wavestride
