"""GaitGraph2: gait recognition from positions, motion and bones of a skeleton.

Teepe et al., https://arxiv.org/abs/2204.07855. The numbers are those of the
released code, https://github.com/tteepe/GaitGraph2, or of OpenGait's version
of it; docs/porting.md tells where they differ. The released forms:

  CASIA-B: joined=True; with three branches: the defaults;
  OU-MVLP: skeleton='openpose18', blocks=(2, 3, 3), reduction=4.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax import skeletons
from gaitgs_jax.models import entry, layers, resgcn
from gaitgs_jax.models.layers import mask_frames
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.resgcn import OverWalks, ResGCN

# See `models.facts`.
FACTS = {'skeleton': ('network/branches/0/plain/spatial/convolution/edge', 1)}
_BLOCKS = (1, 1, 1)
_CHANNELS = (64, 32, 128, 256)
_INPUTS = 5  # Channels of each of the three kinds of features.


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitGraph2':
  """Builds GaitGraph2 from `config.model`; see `GaitGraph2` for the fields."""
  return GaitGraph2(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitGraph2(OverWalks):
  """Skeletons in, one embedding out, not of length 1.

  Args:
    skeleton: a name of `gaitgs_jax.skeletons`.
    joined: whether one branch sees positions, motion and bones together
      instead of three branches one each.
    blocks: residual blocks in each branch, and of the two widths after them.
    reduction: a block computes with so many times fewer channels.
    channels: widths at the start and the end of a branch, and after it.
    features: channels of the embedding.
    convention: 'original' or 'opengait', whose features and weight names.
    test_time: whether the embedding in evaluation joins those of the walk,
      the walk backwards, and the walk with left and right exchanged.
    dtype: of the arithmetic; parameters, norms and the features of joints
      stay float32.

  Raises:
    ValueError: an unknown skeleton or convention, or sizes that do not fit.
  """

  def __init__(
    self,
    *,
    skeleton: str = 'coco17',
    joined: bool = False,
    blocks: Sequence[int] = _BLOCKS,
    reduction: int = 8,
    channels: Sequence[int] = _CHANNELS,
    features: int = 128,
    convention: str = 'original',
    test_time: bool = True,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    resgcn.check_convention(convention)
    self.network = ResGCN(
      skeleton,
      branches=1 if joined else 3,
      inputs=3 * _INPUTS if joined else _INPUTS,
      blocks=blocks,
      reduction=reduction,
      channels=channels,
      features=features,
      dtype=dtype,
      rngs=rngs,
    )
    self.skeleton, self.convention = skeleton, convention
    self.joined, self.test_time = joined, test_time

  @entry.keypoints
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds skeletons.

    Args:
      inputs: keypoints [n,s,v,3], x, y and confidence.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics; only the walk itself
        is embedded then.
      key: not needed; nothing is random.

    Returns:
      features [n,1,d], of the walk itself; embedding [n,1,d], or [n,1,3*d]
      with `test_time`.
    """
    del key
    x, mask = layers.front_frames(inputs, mask, shortest=1)
    walks = [self.branches(x, mask)]
    if self.test_time and not train:
      walks += self._changed(x, mask)
    # Beside one another in the batch, [n*walks,...], where the batch may be
    # split over devices.
    n, count = len(x), len(walks)
    joined = jnp.stack(walks, axis=1).reshape(n * count, *walks[0].shape[1:])
    found = self.network(joined, jnp.repeat(mask, count, axis=0), train=train)
    found = found.reshape(n, count, -1)
    return GaitOutput(embedding=found.reshape(n, 1, -1), features=found[:, :1])

  def branches(
    self, x: jax.Array, mask: jax.Array, centre: int | None = None
  ) -> jax.Array:
    """Computes the network's input of keypoints, valid frames first.

    Args:
      x: keypoints [n,s,v,3].
      mask: bool [n,s].
      centre: the joint that positions are relative to; None means the
        convention's own for what is not changed.

    Returns:
      float32 [n,s,v,3,5], or [n,s,v,1,15] if they are joined.
    """
    skeleton = skeletons.get(self.skeleton)
    parents = list(skeleton.parents)
    if centre is None:
      centre = skeleton.centre
      if self.convention == 'opengait':
        centre = 0
    if self.convention == 'opengait' and self.skeleton == 'coco17':
      parents[0] = skeleton.joints.index('left_shoulder')
    y = joint_features(x, mask, parents, centre)
    return y.reshape(*y.shape[:3], 1, -1) if self.joined else y

  def _changed(self, x: jax.Array, mask: jax.Array) -> list[jax.Array]:
    """Returns the inputs of the walk backwards and with its sides exchanged."""
    skeleton = skeletons.get(self.skeleton)
    return [
      self.branches(changed, mask, skeleton.centre)
      for changed in (
        layers.reverse_frames(x, mask),
        x[:, :, np.array(skeleton.swap)],
      )
    ]


def joint_features(
  x: jax.Array, mask: jax.Array, parents: Sequence[int], centre: int
) -> jax.Array:
  """Computes positions, motion and bones of keypoints.

  The five channels are, with x and y of differences meant where there are two:

    positions: x, y, confidence, difference from the centre's joint (2);
    motion: difference to the next frame (2), 0, confidence, and the y of the
      difference to the frame after it; no motion in the last two frames;
    bones: difference from the parent (2), 0, confidence, and the angle to the
      y axis.

  The confidence is where the x of the second difference and of the angle would
  be, as in the released code.

  Args:
    x: keypoints [n,s,v,3].
    mask: bool [n,s], valid frames first.
    parents: the joint at the other end of each joint's bone.
    centre: a joint.

  Returns:
    float32 [n,s,v,3,5].
  """
  x = x.astype(layers.wide(x.dtype))
  position, confidence = x[..., :2], x[..., 2:]
  zero = jnp.zeros_like(confidence)

  def later(x: jax.Array, frames: int) -> jax.Array:
    spare = min(frames, x.shape[1])
    return jnp.pad(
      x[:, frames:], ((0, 0), (0, spare), *((0, 0),) * (x.ndim - 2))
    )

  moves = later(mask, 2)
  once = mask_frames(later(position, 1) - position, moves)
  twice = mask_frames(later(position, 2) - position, moves)
  bone = position - position[:, :, np.array(parents)]
  length = jnp.sqrt(jnp.square(bone).sum(axis=-1, keepdims=True)) + 1e-4
  angle = jnp.arccos(bone[..., 1:] / length)
  kinds = (
    (x, position - position[:, :, centre : centre + 1]),
    (once, zero, confidence, twice[..., 1:]),
    (bone, zero, confidence, angle),
  )
  return jnp.stack([jnp.concatenate(kind, axis=-1) for kind in kinds], axis=3)


def torch_names(
  *,
  joined: bool = False,
  blocks: Sequence[int] = _BLOCKS,
  channels: Sequence[int] = _CHANNELS,
  convention: str = 'original',
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released code's weights; see `gaitgs.torch_names`.

  The arguments are those of `GaitGraph2`.
  """
  for ours, theirs, layout in resgcn.torch_names(
    branches=1 if joined else 3,
    blocks=blocks,
    channels=channels,
    convention=convention,
  ):
    yield f'network/{ours}', theirs, layout


def torch_constants(
  *,
  skeleton: str = 'coco17',
  joined: bool = False,
  convention: str = 'original',
  **_: Any,
) -> Iterator[tuple[str, np.ndarray]]:
  """Yields what the released state dicts hold beside weights."""
  yield from resgcn.torch_constants(
    skeleton=skeleton, branches=1 if joined else 3, convention=convention
  )


def torch_container(
  *, convention: str = 'original', **_: Any
) -> tuple[str, str]:
  """Returns the state dict's key in the released file, and its prefix."""
  if convention == 'original':
    return 'state_dict', 'backbone.'
  return 'model', ''
