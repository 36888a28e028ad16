"""What every model returns, and the letters that shapes are written in.

n sequences, s frames, h height, w width, c channels in, d channels out,
v joints, p parts, k classes. Channels are last.
"""

from typing import Any

import flax.struct
import jax


@flax.struct.dataclass
class GaitOutput:
  """The outputs of a gait model.

  Attributes:
    embedding: [n,p,d], what retrieval compares.
    features: [n,p,d], what the metric loss sees (often the embedding itself).
    logits: [n,p,k], what the identity loss sees, or None without such a head.
    extras: further arrays by name, such as 'view_logits' [n,k].
  """

  embedding: jax.Array
  features: jax.Array
  logits: jax.Array | None = None
  extras: dict[str, Any] = flax.struct.field(default_factory=dict)
