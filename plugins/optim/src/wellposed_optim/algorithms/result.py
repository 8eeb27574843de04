"""What a run of an algorithm returns besides the image."""

from __future__ import annotations

import attrs
from torch import Tensor


@attrs.frozen(eq=False)
class Result:
    """The outcome of ``algorithm.solve``.

    Attributes
    ----------
    x
        The reconstruction, ``(B, …)``.
    iterations
        How many each sample took, ``(B,)``.
    change
        Last relative change ‖x_k − x_{k−1}‖/‖x_k‖ that was looked at, ``(B,)``.
    converged
        Whether the change fell to the tolerance, ``(B,)``.
    objective
        f + λg after every iteration, ``(iterations, B)``, where ``history=True`` asked for it.
    changes
        The relative change after every iteration, ``(iterations, B)``, likewise.
    """

    x: Tensor
    iterations: Tensor
    change: Tensor
    converged: Tensor
    objective: Tensor | None = None
    changes: Tensor | None = None

    def _repr_html_(self) -> str | None:
        """Return the card that an installed pack draws of it in notebooks."""
        from wellposed.notebook import card

        return card(self)

    @property
    def reason(self) -> tuple[str, ...]:
        """Why each sample stopped."""
        return tuple("converged" if done else "max_iterations" for done in self.converged.tolist())
