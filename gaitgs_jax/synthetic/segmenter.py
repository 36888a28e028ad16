"""The faults of a segmenter: ragged borders, holes, missing blobs, drops."""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.synthetic import traits

# Borders wander by comparing the share of foreground around a pixel with a
# smooth random threshold. The share is a 3 x 3 mean, taken twice: narrow enough
# to leave necks and hands as they are.
_FULL = 81
# Every frame looks at another place of one field of noise, this much larger.
_ROOM = 24


class Faults(NamedTuple):
  """How bad the segmenter was on one walk.

  `ragged` is the deviation of the border's threshold and `border` its offset
  (above 0 the person looks thinner), both as shares; the rate is per frame.
  """

  ragged: float
  border: float
  hole_rate: float


def draw_faults(generator: np.random.Generator) -> Faults:
  """Returns the quality of the segmentation of one sequence."""
  return Faults(
    ragged=generator.uniform(*traits.RAGGED),
    border=generator.uniform(*traits.BORDER),
    hole_rate=generator.uniform(*traits.HOLE_RATE),
  )


def kept_frames(count: int, generator: np.random.Generator) -> np.ndarray:
  """Returns `count` rising frame numbers from 0, a few of them skipped."""
  gaps = 1 + (generator.random(count) < traits.DROP_RATE)
  return np.cumsum(gaps) - gaps[0]


def _box_sum(mask: np.ndarray) -> np.ndarray:
  """Sums the 3 x 3 pixels around every pixel, [s, h, w], zero outside."""
  total = mask.copy()
  total[:, 1:] += mask[:, :-1]
  total[:, :-1] += mask[:, 1:]
  wide = total.copy()
  wide[:, :, 1:] += total[:, :, :-1]
  wide[:, :, :-1] += total[:, :, 1:]
  return wide


def _smooth_noise(
  shape: tuple[int, int], generator: np.random.Generator
) -> np.ndarray:
  """Returns a random field of unit deviation, a few pixels per bump."""
  white = generator.standard_normal((1, *shape), dtype=np.float32)
  field = _box_sum(_box_sum(white))[0]
  return field / field.std()


def _roughen(
  mask: np.ndarray, faults: Faults, generator: np.random.Generator
) -> np.ndarray:
  frames, height, width = mask.shape
  field = _smooth_noise((height + _ROOM, width + _ROOM), generator)
  # The threshold stays inside (0, _FULL): far from a border nothing changes.
  level = 0.5 + faults.border + faults.ragged * field
  threshold = (_FULL * level).clip(5, _FULL - 5)
  threshold = threshold.astype(np.uint8)
  share = _box_sum(_box_sum(mask.view(np.uint8)))
  out = np.empty_like(mask)
  places = generator.integers(0, _ROOM, (frames, 2))
  for i, (y, x) in enumerate(places):
    out[i] = share[i] > threshold[y : y + height, x : x + width]
  return out


def _erase(mask: np.ndarray, centre: np.ndarray, radii: np.ndarray) -> None:
  """Clears one ellipse of one frame, in place."""
  low = np.maximum((centre - radii).astype(int), 0)
  high = np.minimum((centre + radii).astype(int) + 2, mask.shape)
  y, x = np.ogrid[low[0] : high[0], low[1] : high[1]]
  inside = ((y - centre[0]) / radii[0]) ** 2
  inside = inside + ((x - centre[1]) / radii[1]) ** 2 <= 1
  mask[low[0] : high[0], low[1] : high[1]] &= ~inside


def _pick(
  mask: np.ndarray, generator: np.random.Generator, border: bool = False
) -> np.ndarray:
  """Returns a random pixel (y, x) of a person, or of the left and right rim."""
  if border:
    mask = mask & (np.diff(mask, axis=1, append=False))
  spots = np.flatnonzero(mask)
  spot = spots[generator.integers(len(spots))]
  return np.array(divmod(int(spot), mask.shape[1]), float)


def _holes(
  mask: np.ndarray,
  heights: np.ndarray,
  rate: float,
  generator: np.random.Generator,
) -> None:
  counts = generator.poisson(rate, len(mask))
  for i in np.repeat(np.arange(len(mask)), counts):
    radii = heights[i] * generator.uniform(*traits.HOLE_RADIUS, 2)
    _erase(mask[i], _pick(mask[i], generator), radii)


def _blobs(
  mask: np.ndarray, heights: np.ndarray, generator: np.random.Generator
) -> None:
  """Loses the same place of the body for a few frames on end."""
  for _ in range(generator.poisson(traits.BLOB_EPISODES)):
    start = int(generator.integers(len(mask)))
    stop = start + int(generator.integers(*traits.BLOB_FRAMES))
    centre = _pick(mask[start], generator, border=True)
    radii = generator.uniform(*traits.BLOB_RADIUS, 2)
    for i in range(start, min(stop, len(mask))):
      jitter = 0.01 * heights[i] * generator.standard_normal(2)
      place = centre * heights[i] / heights[start] + jitter
      _erase(mask[i], place, heights[i] * radii)


def degrade(
  mask: np.ndarray,
  heights: np.ndarray,
  faults: Faults,
  generator: np.random.Generator,
) -> np.ndarray:
  """Returns masks as a segmenter would have found them.

  Args:
    mask: bool [s, h, w], each frame cropped to its person.
    heights: [s] the person's height in pixels.
    faults: the sequence's quality.
    generator: draws every fault.
  """
  found = mask.copy()
  _holes(found, heights, faults.hole_rate, generator)
  _blobs(found, heights, generator)
  return _roughen(found, faults, generator)
