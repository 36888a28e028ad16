"""The faults of segmenters on video: they last, and borders are smooth.

A mask is blurred and cut at a level that varies over the body and from frame to
frame, so that gaps close, thin limbs vanish and the border swims. Limbs and
pieces are lost for several frames, feet are cut off, a shadow or somebody else
sticks to the person.
"""

import numpy as np

from gaitgs_jax.synthetic import wild_traits as settings
from gaitgs_jax.synthetic.flesh import Hull
from gaitgs_jax.synthetic.rasterize import Discs, fill

# What a segmenter loses at once; the hulls' names end so, after the side.
_LIMBS = (
  ('_shank', '_foot', '_toes', '_knee'),
  ('_foot', '_toes'),
  ('_forearm', '_hand'),
  ('_upper_arm', '_forearm', '_hand'),
)


def segment(
  discs: Discs,
  parts: list[Hull],
  corners: np.ndarray,
  box: tuple[int, int],
  heights: np.ndarray,
  generator: np.random.Generator,
) -> np.ndarray:
  """Returns masks bool [s, h, w] as a segmenter would have found them.

  Args:
    discs: the projected hulls.
    parts: the hulls, which name them.
    corners: [s, 2] of each frame's box.
    box: (height, width) of the boxes.
    heights: [s] the person's height in pixels.
    generator: draws every fault.
  """
  discs = _lose_limbs(discs, parts, generator)
  discs = _add(discs, _shadow(discs, heights, generator))
  discs = _add(discs, _object(discs, heights, generator))
  masks = fill(discs, corners, box)
  _lose_blobs(masks, heights, generator)
  found = _cut(masks, float(np.median(heights)), generator)
  _cut_ends(found, heights, generator)
  return found


def _episodes(
  frames: int, mean: float, generator: np.random.Generator
) -> list[slice]:
  """Returns when a fault happens; `mean` times in 30 frames."""
  count = generator.poisson(mean * frames / 30)
  starts = generator.integers(0, frames, count)
  lengths = generator.integers(*settings.EPISODE, count)
  return [
    slice(int(start), int(start + length))
    for start, length in zip(starts, lengths, strict=True)
  ]


def _lose_limbs(
  discs: Discs, parts: list[Hull], generator: np.random.Generator
) -> Discs:
  x, y, radius = discs.x.copy(), discs.y.copy(), discs.radius.copy()
  owner = np.repeat(np.arange(len(parts)), discs.sizes)
  names = [part.name for part in parts]
  trunk = int(np.flatnonzero(owner == names.index('lower_torso'))[0])
  for when in _episodes(len(x), settings.LOST_LIMB, generator):
    side = ('left', 'right')[generator.integers(2)]
    ends = _LIMBS[generator.integers(len(_LIMBS))]
    lost = {names.index(side + end) for end in ends}
    which = np.flatnonzero(np.isin(owner, list(lost)))
    # Inside the trunk they add nothing.
    for array in (x, y):
      array[when, which] = array[when, trunk, None]
    radius[when, which] = 0.5
  return discs._replace(x=x, y=y, radius=radius)


def _add(discs: Discs, added: Discs | None) -> Discs:
  if added is None:
    return discs
  return Discs(
    np.concatenate([discs.x, added.x], 1),
    np.concatenate([discs.y, added.y], 1),
    np.concatenate([discs.radius, added.radius], 1),
    discs.sizes + added.sizes,
  )


def _shadow(
  discs: Discs, heights: np.ndarray, generator: np.random.Generator
) -> Discs | None:
  if generator.random() >= settings.SHADOW:
    return None
  length = generator.uniform(*settings.SHADOW_LENGTH) * heights
  length = length * generator.choice([-1, 1])
  low = (discs.y + discs.radius).max(1)
  lowest = (discs.y + discs.radius).argmax(1)
  foot = np.take_along_axis(discs.x, lowest[:, None], 1)[:, 0]
  thick = 0.02 * heights
  rise = generator.uniform(-0.3, 0.1)
  return Discs(
    np.stack([foot, foot + length], 1),
    np.stack([low - thick, low - thick + rise * np.abs(length)], 1),
    np.stack([thick, thick], 1),
    (2,),
  )


def _object(
  discs: Discs, heights: np.ndarray, generator: np.random.Generator
) -> Discs | None:
  if generator.random() >= settings.OBJECT:
    return None
  frames = len(heights)
  time = np.arange(frames) - generator.uniform(0, frames)
  speed = generator.uniform(0.01, 0.06) * generator.choice([-1, 1])
  far = (np.clip(speed * time, -0.3, 0.3)) * heights
  far = far + np.sign(far) * 0.12 * heights
  middle = discs.x.mean(1) + far
  top = (discs.y - discs.radius).min(1)
  high, low = np.sort(generator.uniform(0.1, 1.0, 2))
  radius = generator.uniform(0.03, 0.07) * heights
  # Gone for the frames in which it is not near.
  radius = np.where(np.abs(speed * time) < 0.25, radius, 0.01)
  return Discs(
    np.stack([middle, middle], 1),
    np.stack([top + high * heights, top + low * heights], 1),
    np.stack([radius, radius], 1),
    (2,),
  )


def _lose_blobs(
  masks: np.ndarray, heights: np.ndarray, generator: np.random.Generator
) -> None:
  """Erases the same place of the body for several frames, in place."""
  frames, rows, columns = masks.shape
  y, x = np.ogrid[:rows, :columns]
  for when in _episodes(frames, settings.LOST_BLOB, generator):
    spots = np.argwhere(masks[when.start])
    if not len(spots):
      continue
    centre = spots[generator.integers(len(spots))]
    radii = heights[when.start] * generator.uniform(*settings.BLOB_RADIUS, 2)
    for frame in range(when.start, min(when.stop, frames)):
      place = centre + 0.008 * heights[frame] * generator.standard_normal(2)
      inside = ((y - place[0]) / radii[0]) ** 2
      masks[frame] &= inside + ((x - place[1]) / radii[1]) ** 2 > 1


def _blur(size: int, deviation: float) -> np.ndarray:
  """Returns the matrix [size, size] that blurs along one axis."""
  place = np.arange(size)
  distance = (place[:, None] - place) / max(deviation, 1e-3)
  weight = np.exp(-0.5 * distance**2)
  return (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def _spread(cells: int, size: int) -> np.ndarray:
  """Returns the matrix [size, cells] that interpolates between cells."""
  place = np.linspace(0, cells - 1, size)[:, None]
  weight = np.maximum(1 - np.abs(place - np.arange(cells)), 0)
  return weight.astype(np.float32)


def _levels(
  shape: tuple[int, int, int], generator: np.random.Generator
) -> np.ndarray:
  """Returns the level [s, h, w] at which masks are cut."""
  frames, rows, columns = shape
  size = (frames, *settings.CELLS)
  flicker = generator.standard_normal(size, dtype=np.float32)
  stay = generator.uniform(*settings.STAY)
  for i in range(1, frames):
    flicker[i] = stay * flicker[i - 1] + np.sqrt(1 - stay**2) * flicker[i]
  still = generator.standard_normal(settings.CELLS, dtype=np.float32)
  field = generator.uniform(*settings.WAVES) * still
  field = field + generator.uniform(*settings.FLICKER) * flicker
  field = field + 0.5 + generator.uniform(*settings.LEVEL)
  down = _spread(settings.CELLS[0], rows)
  across = _spread(settings.CELLS[1], columns)
  return down @ field.astype(np.float32) @ across.T


def _cut(
  masks: np.ndarray, height: float, generator: np.random.Generator
) -> np.ndarray:
  deviation = height * generator.uniform(*settings.REACH)
  _, rows, columns = masks.shape
  share = _blur(rows, deviation) @ masks.astype(np.float32)
  share = share @ _blur(columns, deviation).T
  return share > _levels(masks.shape, generator).clip(0.06, 0.94)


def _cut_ends(
  masks: np.ndarray, heights: np.ndarray, generator: np.random.Generator
) -> None:
  """Clears the rows of the feet or of the crown in all frames, in place."""
  feet = generator.random() < settings.CUT_FEET
  head = generator.random() < settings.CUT_HEAD
  feet_share = generator.uniform(*settings.CUT_FEET_SHARE) * feet
  head_share = generator.uniform(*settings.CUT_HEAD_SHARE) * head
  jitter = 1 + 0.15 * generator.standard_normal((len(masks), 2))
  for i, mask in enumerate(masks):
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
      continue
    below = round(feet_share * jitter[i, 0] * heights[i])
    above = round(head_share * jitter[i, 1] * heights[i])
    mask[rows[-1] + 1 - below :] = False
    mask[: rows[0] + above] = False
