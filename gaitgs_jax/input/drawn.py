"""Point clouds of as many points as a model sees."""

from collections.abc import Sequence

import numpy as np

from gaitgs_jax import modalities
from gaitgs_jax.input.sources import Source
from gaitgs_jax.modalities import Arrays, Shapes


class DrawnSource:
  """Draws the points of each frame of another source; see `draw`.

  Args:
    source: of the sequences.
    sizes: shape of the frames that the model sees, by modality.
  """

  def __init__(self, source: Source, sizes: Shapes):
    self._source = source
    self._counts = {
      name: sizes[name][0]
      for name in source.modalities
      if modalities.get(name).is_drawn
    }
    self.index = source.index
    self.modalities = {
      name: sizes[name] if name in self._counts else frame
      for name, frame in source.modalities.items()
    }

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] by modality; see `Source`."""
    arrays = dict(self._source.read(sequence, frames))
    if frames is None:
      frames = np.arange(self.index.length[sequence])
    for name, count in self._counts.items():
      arrays[name] = draw(arrays[name], count, frames.tolist())
    return arrays


def drawn(source: Source, sizes: Shapes) -> Source:
  """Returns a source whose frames are as large as those a model's are cut of.

  Args:
    source: with the modalities of `sizes`.
    sizes: shape of the frames that the model sees, by modality.
  """
  if any(modalities.get(name).is_drawn for name in sizes):
    return DrawnSource(source, sizes)
  return source


def draw(points: np.ndarray, count: int, frames: Sequence[int]) -> np.ndarray:
  """Draws points of each frame, with replacement.

  As LidarGait++ in OpenGait's released code (`points_in_use.points_num`), but
  as a function of which frames they are: a whole sequence is the same each
  time, two windows of it hardly ever.

  Args:
    points: float32 [s,k,c], of each frame at least one that is not NaN.
    count: how many to draw. A frame with as many keeps them as they are.
    frames: numbers of the frames within their sequence, s of them.

  Returns:
    [s,count,c], without NaN.
  """
  there = ~np.isnan(points).all(axis=-1)
  # Where the points of each frame are: these first, in their order.
  places = np.argsort(~there, axis=1, kind='stable')
  counts = there.sum(axis=1)[:, None]
  seed = np.random.SeedSequence(frames)
  uniform = np.random.Generator(np.random.Philox(seed)).random(
    (len(points), count)
  )
  chosen = np.where(
    counts == count, np.arange(count), np.int64(uniform * counts)
  )
  places = np.take_along_axis(places, chosen, axis=1)
  return np.take_along_axis(points, places[..., None], axis=1)
