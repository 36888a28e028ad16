"""The part-aware graph convolution of GPGait and GPGait++.

Fu et al., "GPGait: Generalized Pose-based Gait Recognition", ICCV 2023,
https://arxiv.org/abs/2303.05234.
"""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import (
  graph,
  initializers,
  layers,
  norms,
  products,
)
from gaitgs_jax.models.body import Parts
from gaitgs_jax.models.layers import mask_frames
from gaitgs_jax.models.mish import mish
from gaitgs_jax.models.norms import BatchNorm
from gaitgs_jax.skeletons import Skeleton

Names = Iterator[tuple[str, list[str], str]]

_HOPS = 2
_KERNELS = _HOPS + 1  # One convolution for each distance between joints.


class OverParts(nnx.Module):
  """A graph convolution whose joints see those of their body part.

  What joint v gives to joint w is the sum of three kernels, for joints 0, 1 and
  2 edges apart. Each is weighted by the graph, by learned weights and by an
  attention, that of a sequence or that of each frame.

  Args:
    skeleton: the joints.
    parts: their division; None masks nothing.
    channels: of the input.
    features: of the result.
    by_frame: whether the attention is that of each frame.
    rngs: draws the weights.
    dtype: of the arithmetic; norms and the attention's weights stay float32.
  """

  def __init__(
    self,
    skeleton: Skeleton,
    parts: Parts | None,
    channels: int,
    features: int,
    *,
    by_frame: bool,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    dense = functools.partial(Kernels, channels, rngs=rngs, dtype=dtype)
    self.query, self.key = dense(features // 4), dense(features // 4)
    self.mix = dense(features)
    joints = len(skeleton.joints)
    self.adjacency = nnx.Param(jnp.full((_KERNELS, joints, joints), 1e-6))
    self.norm = BatchNorm(features)
    self.skeleton, self.parts, self.by_frame = skeleton, parts, by_frame

  @property
  def _seen(self) -> np.ndarray:
    """Which joints [v,v] are of one part."""
    joints = len(self.skeleton.joints)
    if self.parts is None:
      return np.ones((joints, joints), np.float32)
    seen = np.zeros((joints, joints), np.float32)
    for part in self.parts:
      seen[np.ix_(part, part)] = 1
    return seen

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d], zero outside the mask."""
    weights = jax.nn.softmax(self._scores(x, mask), axis=-2)
    adjacency = self.adjacency[...]
    fixed = graph.hop_matrices(self.skeleton, _HOPS)
    adjacency = adjacency + jnp.asarray(fixed, adjacency.dtype)
    ahead = (None,) * (weights.ndim - 3)
    seen = jnp.asarray(self._seen, adjacency.dtype)
    weights = (weights + adjacency[ahead]) * seen[*ahead, None]
    frames = 's' if self.by_frame else ''
    y = products.einsum(f'nsvc,n{frames}kvw->nswkc', x, weights.astype(x.dtype))
    y = self.norm(self.mix.summed(y), mask, train=train).astype(x.dtype)
    return mask_frames(mish(y), mask)

  def _scores(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Returns how much joint v has to say to joint w, [n,k,v,w] or [n,s,...].

    Float32 or wider.
    """
    query, key = mask_frames(self.query(x), mask), self.key(x)
    size = query.shape[-1]
    wide = layers.wide(x.dtype)
    if self.by_frame:
      scores = products.einsum('nsvkd,nswkd->nskvw', query, key)
      return scores.astype(wide) / size
    scores = products.einsum('nsvkd,nswkd->nkvw', query, key)
    count = mask.sum(axis=1, dtype=wide)[:, None, None, None]
    return scores.astype(wide) / (size * count)


class Kernels(nnx.Module):
  """A linear map for each of the three kernels."""

  def __init__(
    self, channels: int, features: int, *, rngs: nnx.Rngs, dtype: DTypeLike
  ):
    shape = (_KERNELS, 1, 1, channels, features)
    self.kernel = nnx.Param(
      initializers.xavier_uniform(rngs, shape, stacked=True)
    )
    self.bias = nnx.Param(jnp.zeros((_KERNELS, features)))
    self.dtype = dtype

  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,k,d]."""
    kernel = self.kernel[...].squeeze((1, 2)).astype(self.dtype)
    k, c, d = kernel.shape
    y = products.matmul(x, kernel.swapaxes(0, 1).reshape(c, k * d))
    bias = self.bias[...].astype(self.dtype)
    return y.reshape(*x.shape[:3], k, d) + bias[None, None, None]

  def summed(self, x: jax.Array) -> jax.Array:
    """Maps [n,s,v,k,c] to the sum over k, [n,s,v,d]."""
    kernel = self.kernel[...].squeeze((1, 2)).astype(self.dtype)
    k, c, d = kernel.shape
    y = products.matmul(
      x.reshape(*x.shape[:3], k * c), kernel.reshape(k * c, d)
    )
    bias = self.bias[...].sum(axis=0).astype(self.dtype)
    return y + bias[None, None, None]


def torch_names(ours: str, theirs: str) -> Names:
  """Names the weights of `OverParts`; see `gaitgs.torch_names`."""
  yield f'{ours}/adjacency', [f'{theirs}.PA'], 'same'
  for mine, name in (('query', 'a'), ('key', 'b'), ('mix', 'd')):
    each = [f'{theirs}.conv_{name}.{k}' for k in range(_KERNELS)]
    kernels, biases = (
      [f'{one}.{kind}' for one in each] for kind in ('weight', 'bias')
    )
    yield f'{ours}/{mine}/kernel', kernels, 'part kernels'
    yield f'{ours}/{mine}/bias', biases, 'parts'
  yield from norms.norm_torch_names(f'{ours}/norm', f'{theirs}.bn')
