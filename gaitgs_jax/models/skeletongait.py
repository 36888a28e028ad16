"""SkeletonGait: DeepGaitV2 on maps of skeletons.

Fan et al., "SkeletonGait: Gait Recognition Using Skeleton Maps", AAAI 2024,
https://arxiv.org/abs/2311.13444. The numbers are those of
https://github.com/ShiqiYu/OpenGait; for the datasets from outdoors:
blocks=(1, 4, 4, 1).
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from gaitgs_jax.models import deepgaitv2, entry
from gaitgs_jax.models.output import GaitOutput

# See `models.facts`.
FACTS = deepgaitv2.FACTS

# OpenGait has no class of its own for it.
torch_names = deepgaitv2.torch_names


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'SkeletonGait':
  """Builds SkeletonGait from `config.model`, as `DeepGaitV2` its own."""
  return SkeletonGait(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class SkeletonGait(deepgaitv2.DeepGaitV2):
  """Maps of limbs and joints in, one embedding per body part out.

  Its fields are those of `DeepGaitV2`.
  """

  inputs = 2

  @entry.heatmaps
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds heat maps.

    Args:
      inputs: [n,s,h,w,2] in 0..1, limbs before joints; sizes as for DeepGaitV2.
      mask: bool [n,s], as for DeepGaitV2.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d]; logits [n,p,k], which are cosines.
    """
    return self.embed(inputs, mask, train=train)
