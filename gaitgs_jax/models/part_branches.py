"""What GPGait and GPGait++ are but for their blocks: branches of body parts.

Fu et al., "GPGait: Generalized Pose-based Gait Recognition", ICCV 2023,
https://arxiv.org/abs/2303.05234. Each descriptor of the joints has a network,
whose first blocks are shared by branches that divide the body differently.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import entry, heads, layers, norms, products
from gaitgs_jax.models.body import HEAD, HEADLESS, WHOLE, Body, Parts
from gaitgs_jax.models.layers import mask_frames
from gaitgs_jax.models.norms import BatchNorm
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.skeletons import Skeleton

Names = Iterator[tuple[str, list[str], str]]
# (skeleton, parts or None, channels, features) -> a module that is called as
# (x, mask, key, train=...).
MakeBlock = Callable[[Skeleton, Parts | None, int, int], nnx.Module]
_INPUTS = 6  # Channels of the transform bones_and_angles; the last is empty.
# Descriptor: its joints, how many joints it leaves out, and its channels.
_DESCRIPTORS = {
  'pose': (WHOLE, 0, (0, 2)),
  'bone': (WHOLE, 0, (2, 4)),
  'angle': (HEADLESS, HEAD, (4, 5)),
}
_PARTS = sum(each.parts for each, _, _ in _DESCRIPTORS.values())


class Branches(nnx.Module):
  """What is computed of one descriptor of the joints: [n,p,d], p its parts.

  Args:
    body: the joints and their parts.
    inputs: channels of the descriptor.
    channels: widths of the blocks.
    shared: how many of them all branches share.
    make: makes a block.
  """

  def __init__(
    self,
    body: Body,
    inputs: int,
    channels: Sequence[int],
    shared: int,
    make: MakeBlock,
  ):
    widths = [*itertools.pairwise((inputs, *channels))]
    last = len(body.branches) - 1
    self.norm = BatchNorm(len(body.skeleton.joints), inputs)
    self.shared = nnx.List(
      [make(body.skeleton, body.shared, c, d) for c, d in widths[:shared]]
    )
    self.branches = nnx.List(
      [
        nnx.List(
          [
            make(body.skeleton, None if i == last else parts, c, d)
            for c, d in widths[shared:]
          ]
        )
        for i, (_, parts) in enumerate(body.branches)
      ]
    )
    self.body = body

  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array,
    key: jax.Array | None,
    *,
    train: bool,
    dtype: DTypeLike,
  ) -> jax.Array:
    """Maps a descriptor [n,s,v,c], valid frames first, to [n,p,d]."""
    x = mask_frames(self.norm(x, mask, train=train), mask).astype(dtype)
    drop = (
      None if key is None else jax.random.fold_in(key, place)
      for place in itertools.count()
    )
    for block in self.shared:
      x = block(x, mask, next(drop), train=train)
    found = []
    for blocks in self.branches:
      y = x
      for block in blocks:
        y = block(y, mask, next(drop), train=train)
      found.append(layers.max_frames(y, mask))
    return _pool(found, [parts for _, parts in self.body.branches])


def _pool(maps: Sequence[jax.Array], parts: Sequence[Parts]) -> jax.Array:
  """Pools the joints of each part by mean + max: [n,p,c].

  Args:
    maps: of each branch, [n,v,c].
    parts: of each branch.
  """
  v = maps[0].shape[1]
  x = jnp.concatenate(maps, axis=1)
  each = [
    [branch * v + joint for joint in part]
    for branch, divided in enumerate(parts)
    for part in divided
  ]
  share = np.zeros((len(each), x.shape[1]))
  for row, places in enumerate(each):
    share[row, places] = 1 / len(places)
  wide = x.astype(layers.wide(x.dtype))
  mean = products.einsum('nvc,pv->npc', wide, jnp.asarray(share, wide.dtype))
  # A part with fewer joints names one of them several times.
  most = max(map(len, each))
  filled = np.array([(places * most)[:most] for places in each])
  return mean.astype(x.dtype) + layers.largest(x[:, filled], axis=2)


class Network(nnx.Module):
  """The places, bones and angles of joints in, an embedding per body part out.

  What GPGait and GPGait++ are but for their blocks. The embedding is that
  behind the neck, of length 1.

  Args:
    skeleton: of the joints.
    channels: widths of the blocks.
    shared: how many of them come before the branches part.
    features: channels of the embedding.
    num_classes: training subjects.
    make: makes a block.
    rngs: draws the weights.
    dtype: of the arithmetic.

  Raises:
    ValueError: the skeleton has no known parts, or the sizes do not fit.
  """

  def __init__(
    self,
    *,
    skeleton: str,
    channels: Sequence[int],
    shared: int,
    features: int,
    num_classes: int,
    make: MakeBlock,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    known = WHOLE.skeleton.name
    if skeleton != known:
      raise BadValue(
        f'the body parts are those of {known}, not of {skeleton!r}: put '
        "dict(name='to_coco17') first in config.augment and in "
        'config.evaluation.transform'
      )
    if not 0 < shared < len(channels) or min(channels) < 8:
      raise BadValue(
        f'channels are more than {shared} widths, of 8 or more each, not '
        f'{tuple(channels)}'
      )
    self.pose, self.bone, self.angle = (
      Branches(joints, stop - start, channels, shared, make)
      for joints, _, (start, stop) in _DESCRIPTORS.values()
    )
    self.head, self.neck = heads.head_and_neck(
      _PARTS, channels[-1], features, num_classes, rngs=rngs, dtype=dtype
    )
    self.skeleton, self.dtype = skeleton, dtype

  @entry.joint_features('bones_and_angles', _INPUTS)
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds descriptors of joints.

    Args:
      inputs: [n,s,v,6], of the transform bones_and_angles.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: for dropout, where the blocks have some; None switches it off.

    Returns:
      embedding [n,p,d], features [n,p,d] in front of the neck, and logits
      [n,p,k], which are cosines.
    """
    x, mask = layers.front_frames(inputs, mask, shortest=1)
    found = []
    for i, (name, descriptor) in enumerate(_DESCRIPTORS.items()):
      _, skipped, (start, stop) = descriptor
      part = x[:, :, skipped:, start:stop]
      drop = None if key is None else jax.random.fold_in(key, i)
      branches = getattr(self, name)
      found.append(branches(part, mask, drop, train=train, dtype=self.dtype))
    y = self.head(jnp.concatenate(found, axis=1))
    y = y.astype(layers.wide(self.dtype))
    embedding, logits = self.neck(y, train=train)
    return GaitOutput(embedding=embedding, features=y, logits=logits)


def torch_names(
  channels: Sequence[int],
  shared: int,
  block: Callable[[str, str, int, int], Names],
) -> Names:
  """Names the weights of `Network`; see `gaitgs.torch_names`.

  Args:
    channels: as of `Network`.
    shared: as of `Network`.
    block: (our path, their name, channels, features) -> the names of a block.
  """
  for name, (joints, _, (start, stop)) in _DESCRIPTORS.items():
    inputs = stop - start
    yield from norms.norm_torch_names(
      f'{name}/norm', f'{name}.data_bn', f'joints of {inputs} channels'
    )
    widths = [*itertools.pairwise((inputs, *channels))]
    stages = [('shared', 'layer_share', widths[:shared])]
    for b, (theirs, _) in enumerate(joints.branches):
      stages.append((f'branches/{b}', theirs, widths[shared:]))
    for ours, theirs, sizes in stages:
      for i, (c, d) in enumerate(sizes):
        yield from block(f'{name}/{ours}/{i}', f'{name}.{theirs}.{i}', c, d)
  yield from heads.torch_names('head')
