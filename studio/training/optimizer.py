"""AdamW for bfloat16 weights with a float32 copy of what is trained."""

import torch


class MasterAdamW(torch.optim.AdamW):
    """AdamW whose steps are taken on float32 copies of bfloat16 parameters.

    bfloat16 has 8 bits of precision: a step below 1/256 of a weight would round to nothing. The copies (Micikevicius
    et al., "Mixed precision training", arXiv 1710.03740, section 3.1) cost 4 bytes per trained parameter, which is
    little for an adapter; forward and backward stay in bfloat16.
    """

    def __init__(self, params, **options):
        groups = [dict(group) for group in as_groups(params)]
        self.pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
        for group in groups:
            group["params"] = [self.copy_of(parameter) for parameter in group["params"]]
        super().__init__(groups, **options)

    def copy_of(self, parameter: torch.Tensor) -> torch.Tensor:
        """The float32 copy that is stepped, paired with its bfloat16 original."""
        master = parameter.detach().float().requires_grad_()
        self.pairs.append((parameter, master))
        return master

    @torch.no_grad()
    def step(self, closure=None):
        for parameter, master in self.pairs:
            master.grad = None if parameter.grad is None else parameter.grad.float()
        loss = super().step(closure)
        for parameter, master in self.pairs:
            parameter.copy_(master)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter, master in self.pairs:
            parameter.grad = master.grad = None


def as_groups(params) -> list[dict]:
    """Parameter groups from groups or from bare parameters."""
    params = list(params)
    return params if params and isinstance(params[0], dict) else [{"params": params}]
