"""Codecs of a few weights, the shapes of both halves and their config: seeds of the fuzzer of what loads them."""

import json
import pathlib

from checkpoints import flatten, fuse, new_spelling
from dac import ORIGINAL, Dac
from encodec import PUBLISHED, Encodec, of_transformers
from snac import AT_24K, Snac

SEEDS = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "seeds" / "codec"


def save(name, state, config):
    seed = {"config": config, "tensors": {key: list(value.shape) for key, value in flatten(state)}}
    text = json.dumps(seed, separators=(",", ":"))
    (SEEDS / f"{name}.json").write_text(text)
    print(f"{name}: {len(text)} bytes")


if __name__ == "__main__":
    dac = {**ORIGINAL, "encoder_dim": 1, "encoder_rates": [2], "latent_dim": 2, "decoder_dim": 2, "decoder_rates": [2],
           "n_codebooks": 2, "codebook_size": 3, "codebook_dim": 1}
    save("dac", Dac(dac).state_dict(), dac)
    snac = {**AT_24K, "encoder_dim": 1, "encoder_rates": [3], "decoder_dim": 2, "decoder_rates": [3], "codebook_size": 3,
            "codebook_dim": 1, "vq_strides": [2, 1]}
    save("snac", new_spelling(Snac(snac).state_dict()), snac)
    attentive = {**snac, "encoder_dim": 2, "decoder_dim": 4, "attn_window_size": 3, "vq_strides": [1], "noise": False}
    save("snac-attention", new_spelling(Snac(attentive, head=2).state_dict()), attentive)
    encodec = {**PUBLISHED, "num_filters": 2, "hidden_size": 1, "upsampling_ratios": [2], "num_lstm_layers": 1, "codebook_size": 4,
               "codebook_dim": 1, "kernel_size": 3, "last_kernel_size": 3, "target_bandwidths": [24.0, 48.0]}
    save("encodec", of_transformers(fuse(Encodec(encodec, encoder=True)).state_dict()), encodec)
    ahead = {**encodec, "use_causal_conv": False, "use_conv_shortcut": False, "upsampling_ratios": [3], "target_bandwidths": [32.0]}
    save("encodec-ahead", of_transformers(Encodec(ahead, encoder=True).state_dict()), ahead)
