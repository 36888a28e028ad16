"""ScoNet: GaitBase that tells what a walk shows, not who walks.

Zhou et al., "Gait Patterns as Biomarkers: A Video-Based Approach for
Classifying Scoliosis", MICCAI 2024, https://arxiv.org/abs/2407.05726. The
numbers are those of https://github.com/ShiqiYu/OpenGait. The published form is
the defaults: adolescents without scoliosis, on the border, and with it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import gaitbase, resnet
from gaitgs_jax.models.output import GaitOutput

# See `models.facts`.
FACTS = {'num_conditions': ('neck/identity/kernel', 2)}


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'ScoNet':
  """Builds ScoNet from `config.model`; see `ScoNet` for the fields."""
  return ScoNet(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class ScoNet(gaitbase.GaitBase):
  """Silhouettes in, the logits of each condition for each body part out.

  Frames are a set, as for `GaitBase`. In training the metric loss compares
  people and the classifier learns conditions: a loss of `labels='condition'`.

  Args:
    channels: widths of the backbone's four stages.
    bins: horizontal strips that are embedded; several numbers cut the maps
      several times.
    features: channels of what the metric loss sees.
    num_conditions: conditions to tell apart, such as diagnoses.
    dtype: of the arithmetic; parameters stay float32, and norms and strips'
      means are never computed in less.

  Raises:
    ValueError: channels are not four.
  """

  def __init__(
    self,
    *,
    channels: Sequence[int] = resnet.CHANNELS,
    bins: Sequence[int] = (16,),
    features: int = 256,
    num_conditions: int = 3,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    super().__init__(
      channels=channels,
      bins=bins,
      features=features,
      num_classes=num_conditions,
      dtype=dtype,
      rngs=rngs,
    )

  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array | None = None,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Classifies silhouettes.

    Args:
      inputs: [n,s,h,w,1] in 0..1, of a height as for `GaitBase`.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and logits [n,p,k], which are cosines; features [n,p,d].
    """
    output = super().__call__(inputs, mask, train=train, key=key)
    return output.replace(embedding=output.logits)


def torch_names(
  *, channels: Sequence[int] = resnet.CHANNELS, **_: Any
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights, as `cstl.torch_names` its own."""
  return gaitbase.torch_names(channels=channels)
