"""What a sequence can consist of: one row per modality.

The name of a row is its key in a batch, its section of `config.inputs` and the
feature of a prepared record. What depends on the modality is looked up here, so
that one more modality is one more row.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from gaitgs_jax.errors import wrong_choice
from gaitgs_jax.input import keypoint_faults, masks

# The shape of a frame by modality, such as {'silhouettes': (64, 64)}.
Shapes = Mapping[str, tuple[int, ...]]
# Arrays by modality.
Arrays = dict[str, np.ndarray]

# No more body parts than this are told apart.
_MOST_LABELS = 64
# Networks overflow at far larger numbers.
_LARGEST = 1e6


def _any_value(frames: np.ndarray) -> np.ndarray:
  return np.asarray(np.any(frames, axis=tuple(range(1, frames.ndim))))


@dataclasses.dataclass(frozen=True)
class Modality:
  """One kind of data on a walk.

  Attributes:
    name: in batches, configs and prepared records.
    title: what its sequences are called in messages.
    dtype: of stored and batched frames.
    axes: of a frame, a letter where any length will do. Of w, a model may see
      the middle only. Of k, points, each frame has a number of its own: where
      it is less than the length, rows of NaN are none, and for a model a number
      of its choice is drawn.
    words: one of which its files in a tree have in their names.
    unusable: (frames [s,...], skeleton) -> why no model can compute with a
      sequence; '' if one can. `skeleton` is '' for any.
    fault: the same, and what is implausible about it.
    shown: frames [s,...] -> bool [s], those that show somebody.
    pretreated: whether trees may hold it as raw images, which are pretreated.
    scale: what is 1 in a model's input; 0 leaves the values as they are.
    baseline: of `evaluation.baseline.BASELINES`; '' for none.
  """

  name: str
  title: str
  dtype: np.dtype
  axes: tuple[str | int, ...]
  words: tuple[str, ...]
  unusable: Callable[[np.ndarray, str], str]
  fault: Callable[[np.ndarray, str], str]
  shown: Callable[[np.ndarray], np.ndarray] = _any_value
  pretreated: bool = False
  scale: int = 0
  baseline: str = ''

  @property
  def is_drawn(self) -> bool:
    """Whether a model sees some of what a frame has, as many as it asks for."""
    return 'k' in self.axes

  @property
  def shape(self) -> str:
    """The shape of a sequence in words, such as '[s,h,w]'."""
    return f'[s,{",".join(map(str, self.axes))}]'

  def fits(self, frame: tuple[int, ...]) -> bool:
    """Returns whether a frame may have a shape."""
    return len(frame) == len(self.axes) and all(
      type(length) is int and length > 0 and axis in (length, str(axis))
      for axis, length in zip(self.axes, frame, strict=True)
    )

  def misfit(self, frame: tuple[int, ...], size: tuple[int, ...]) -> str:
    """Returns why a model's frames cannot be cut from stored ones, or ''.

    Args:
      frame: shape of a stored frame.
      size: shape of the frames that the model sees, without the channel of
        those that have one channel.
    """
    fits = len(frame) == len(size) == len(self.axes)
    for axis, stored, wanted in zip(self.axes, frame, size, strict=False):
      spare = stored - wanted
      cut = axis == 'w' and spare > 0 and not spare % 2
      fits &= not spare or cut or axis == 'k'
    if fits:
      return ''
    return (
      f'the stored {self.title} are {shown_size(frame)}, from which'
      f' config.inputs.{self.name}.size {shown_size(size)} cannot be cut'
    )

  def to_input(self, frames: Any, size: tuple[int, ...]) -> Any:
    """Returns a model's input float32 [n,s,...] of stored frames.

    Of images the middle columns are cut out: 64 x 64 to 64 x 44, as published,
    128 to 88. Those of one channel get an axis for it.

    Args:
      frames: [n,s,...], of numpy or JAX.
      size: as for `misfit`, which finds nothing.
    """
    if 'w' in self.axes:
      axis = 2 + self.axes.index('w')
      spare = frames.shape[axis] - size[axis - 2]
      kept = slice(spare // 2, frames.shape[axis] - spare // 2)
      frames = frames[(slice(None),) * axis + (kept,)]
    if self.axes == ('h', 'w'):
      frames = frames[..., None]
    frames = frames.astype(np.float32)
    return frames / self.scale if self.scale else frames

  def width(self, size: tuple[int, ...]) -> int:
    """Returns the columns of a frame; 0 of what has none."""
    return size[self.axes.index('w')] if 'w' in self.axes else 0

  def uncut(self, size: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the size of about square frames of which a model's are cut."""
    if 'w' not in self.axes:
      return size
    height, width, *rest = size
    return (height, width + max(height - width, 0) // 2 * 2, *rest)

  def input_frame(self, size: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape of one frame of a model's input."""
    return (*size, 1) if self.axes == ('h', 'w') else tuple(size)


def shown_size(size: Iterable[int]) -> str:
  """Returns a size as in '64x44'."""
  return 'x'.join(map(str, size))


def get(name: str) -> Modality:
  """Returns a modality by its name.

  Raises:
    UserError: there is none of that name.
  """
  if name not in MODALITIES:
    raise wrong_choice(f'unknown modality {name!r}', name, MODALITIES)
  return MODALITIES[name]


def of_file(name: str) -> str:
  """Returns which modality the name of a file speaks of; '' for none."""
  for modality in MODALITIES.values():
    if any(word in name.lower() for word in modality.words):
      return modality.name
  return ''


def _checked(
  fault: Callable[[np.ndarray], str],
) -> Callable[[np.ndarray, str], str]:
  return lambda frames, skeleton: fault(frames)


def _not_bytes(frames: np.ndarray) -> str:
  """Returns why images are not of 0..255, '' if they are."""
  top = int(frames.max(initial=0))
  if top == 1:
    return 'its values are 0 and 1, but the largest must be 255; multiply them'
  return ''


def _not_labels(frames: np.ndarray) -> str:
  top = int(frames.max(initial=0))
  if top < _MOST_LABELS:
    return ''
  return (
    f'its labels run to {top}, but body parts are 1, 2, 3, ... on 0; are these'
    ' silhouettes or colours?'
  )


def _not_numbers(frames: np.ndarray) -> str:
  # Also false for NaN.
  usable = np.abs(frames) <= _LARGEST
  if usable.all():
    return ''
  frame = int(np.argwhere(~usable)[0][0])
  return f'frame {frame} holds numbers that are not finite, or above 1e6'


def _not_points(frames: np.ndarray) -> str:
  there = ~np.isnan(frames).all(axis=-1)
  if not there.any(axis=-1).all():
    return f'frame {int(np.argmin(there.any(axis=-1)))} has no point'
  return _not_numbers(np.where(there[..., None], frames, 0))


_BYTES, _FLOATS = np.dtype('u1'), np.dtype('<f4')


def _images(
  name: str,
  axes: tuple[str | int, ...],
  words: tuple[str, ...],
  *,
  title: str = '',
  fault: Callable[[np.ndarray], str] = _not_bytes,
  scale: int = 255,
  **row: Any,
) -> Modality:
  """Returns the row of a modality of images."""
  check = _checked(fault)
  return Modality(
    name, title or name, _BYTES, axes, words, check, check, scale=scale, **row
  )


def _numbers(
  name: str,
  axes: tuple[str | int, ...],
  words: tuple[str, ...],
  *,
  title: str,
  fault: Callable[[np.ndarray], str] = _not_numbers,
) -> Modality:
  """Returns the row of a modality of plain numbers."""
  check = _checked(fault)
  return Modality(name, title, _FLOATS, axes, words, check, check)


# A file belongs to the first row with a word of its name: released trees have
# LiDAR-PCDs_sils.pkl and LiDAR-PCDs_depths.pkl next to LiDAR-PCDs.pkl.
MODALITIES: dict[str, Modality] = {
  row.name: row
  for row in (
    _images(
      'silhouettes',
      ('h', 'w'),
      ('sil',),
      fault=masks.fault,
      pretreated=True,
      baseline='gait_energy',
    ),
    # Gaussians at the joints and along the limbs, as in SkeletonGait,
    # https://arxiv.org/abs/2311.13444.
    _images('heatmaps', ('h', 'w', 'c'), ('heatmap', 'skeletonmap')),
    Modality(
      'keypoints',
      'skeletons',
      _FLOATS,
      ('v', 3),  # x, y, confidence.
      ('pose', 'keypoint', 'skelet'),
      keypoint_faults.unusable,
      keypoint_faults.fault,
      lambda frames: _any_value(keypoint_faults.present(frames)),
      baseline='mean_skeleton',
    ),
    # Which part of the body a pixel shows, https://arxiv.org/abs/2308.16739.
    _images(
      'parsing',
      ('h', 'w'),
      ('pars',),
      title='label maps',
      fault=_not_labels,
      scale=0,
    ),
    # As projected from point clouds, in colours or in grey,
    # https://arxiv.org/abs/2211.10598.
    _images('depth', ('h', 'w', 'c'), ('depth',), title='depth maps'),
    _images('rgb', ('h', 'w', 3), ('rgb',), title='colour images'),
    # Parameters of a body model: camera, pose and shape.
    _numbers('smpl', ('d',), ('smpl',), title='SMPL parameters'),
    _numbers(
      'points',
      ('k', 3),
      ('point', 'pcd'),
      title='point clouds',
      fault=_not_points,
    ),
    # Of any network that was run beforehand.
    _numbers('features', ('d',), ('feat', 'embed'), title='features'),
  )
}
