"""Attention over packed rows on a CPU: each row for itself.

transformers gives packed rows to sdpa as one sequence under an N x N mask, so a pack of four rows computes four times
the scores it needs, and the mask keeps sdpa from its causal kernel. Here the same sdpa is called once per row, on
the bounds that TRL's collator hands along (`cu_seq_lens_q`). The result is the same; tests hold it.
"""

from contextlib import nullcontext
from itertools import pairwise

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_by_row"
SHORT = 1024  # tokens; plain products need memory for every pair of them


def attend_by_row(module, query, key, value, attention_mask, cu_seq_lens_q=None, **options):
    """transformers' `sdpa_attention_forward`, row by row; as it is where the batch is not one sequence of packed rows.

    Tensors are (batch, heads, tokens, size), the result is (batch, tokens, heads, size), as there.
    """
    if cu_seq_lens_q is None or query.shape[0] != 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    bounds = join_padding(cu_seq_lens_q.tolist())
    longest = max(end - start for start, end in pairwise(bounds))
    # The backward pass of torch's fused kernel is slower on a CPU than plain matrix products, while rows are short.
    with sdpa_kernel(SDPBackend.MATH) if longest <= SHORT else nullcontext():
        rows = [
            sdpa_attention_forward(
                module, query[:, :, start:end], key[:, :, start:end], value[:, :, start:end], None, **options
            )[0]
            for start, end in pairwise(bounds)
        ]
    return torch.cat(rows, dim=1), None


def join_padding(bounds: list[int]) -> list[int]:
    """The bounds of the rows, the padding behind them as one row: the collator makes each padded token a row."""
    first = len(bounds) - 1
    while first > 0 and bounds[first] - bounds[first - 1] == 1:
        first -= 1
    return bounds[: first + 1] + bounds[-1:] if first < len(bounds) - 1 else bounds


def use_attention_by_row(model: PreTrainedModel, max_length: int) -> bool:
    """Switch a model that uses sdpa to it; False, and nothing changed, where that would not be the same.

    A layer with a sliding window needs its mask as soon as a row can be longer than the window.
    """
    window = getattr(model.config.get_text_config(), "sliding_window", None)
    if model.config._attn_implementation != "sdpa" or (window and window < max_length):
        return False
    AttentionInterface.register(NAME, attend_by_row)
    AttentionMaskInterface.register(NAME, sdpa_mask)  # padded batches still have a mask
    model.set_attn_implementation(NAME)
    return True
