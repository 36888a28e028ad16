"""Pictures of several walkers in colour, and what is seen of each.

The background has texture; leaves above move in the wind, the light drifts, and
the camera adds noise. Who comes later in the list is nearer and hides others.
"""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.synthetic.walkers import walk

_VIEWS = ('072', '090', '108')
# Standard deviation of the camera's noise, and how far the light drifts.
_NOISE, _DRIFT = 4.0, 0.03
# Shares of the height: leaves, and people's heads and torsos.
_LEAVES, _HEAD, _TORSO = 0.25, 0.14, 0.5
# Pixels that leaves move to either side.
_WIND = 2.0
# How far the first and the last person are apart, as shares of the height and
# the width.
_DEPTH, _APART = 0.18, 0.6
# Least difference of clothes and background, in shades of grey.
_CONTRAST = 45.0


class Scene(NamedTuple):
  """A video whose people are known.

  Attributes:
    frames: uint8 [s,h,w,3].
    masks: bool [s,p,h,w], what is seen of each person.
  """

  frames: np.ndarray
  masks: np.ndarray


def render(
  seed: int,
  people: int,
  *,
  frames: int = 40,
  size: tuple[int, int] = (240, 320),
) -> Scene:
  """Returns a video of walkers who cross a picture, every other one leftwards.

  Args:
    seed: of everything.
    people: how many.
    frames: of the video, 1 to 60.
    size: (height, width) in pixels.
  """
  generator = np.random.default_rng(np.random.SeedSequence([seed, people]))
  ground = _ground(generator, size)
  masks = _masks(seed, people, frames, size, generator)
  clothes = [_clothes(generator, ground.mean((0, 1))) for _ in range(people)]
  grain = generator.normal(0, 8, size)[..., None]
  light = 1 + _DRIFT * np.sin(np.arange(frames) / 9 + generator.uniform(0, 6))
  pictures = np.empty((frames, *size, 3), np.uint8)
  for i in range(frames):
    picture = _windy(ground, i)
    for mask, colours in zip(masks[i], clothes, strict=True):
      _dress(picture, mask, colours, grain)
    picture = picture * light[i] + generator.normal(0, _NOISE, picture.shape)
    pictures[i] = picture.round().clip(0, 255).astype(np.uint8)
  return Scene(pictures, _seen(masks))


def _masks(
  seed: int,
  people: int,
  frames: int,
  size: tuple[int, int],
  generator: np.random.Generator,
) -> np.ndarray:
  """Returns everybody's whole masks, bool [s,p,h,w]."""
  masks = np.zeros((frames, people, *size), bool)
  for person in range(people):
    view = _VIEWS[generator.integers(len(_VIEWS))]
    one = walk(seed, person, 'nm-01', view, frames=frames, size=size)
    shown = one.silhouettes > 0
    if person % 2:
      shown = shown[..., ::-1]
    # A nearer person stands lower.
    place = person / max(people - 1, 1) - 0.5
    down = round(size[0] * _DEPTH * place)
    # Those who walk one way are behind one another.
    aside = round(size[1] * (_APART * place + generator.uniform(-0.05, 0.05)))
    masks[:, person] = _shifted(_shifted(shown, down, 1), aside, 2)
  return masks


def _shifted(masks: np.ndarray, by: int, axis: int) -> np.ndarray:
  """Returns masks [s,h,w] moved along an axis, with nobody where none was."""
  moved = np.roll(masks, by, axis)
  empty = [slice(None)] * 3
  empty[axis] = slice(by, None) if by < 0 else slice(0, by)
  moved[tuple(empty)] = False
  return moved


def _seen(masks: np.ndarray) -> np.ndarray:
  """Returns of whole masks [s,p,h,w] what nobody nearer hides."""
  nearer = np.flip(np.logical_or.accumulate(np.flip(masks, 1), 1), 1)
  seen = masks.copy()
  seen[:, :-1] &= ~nearer[:, 1:]
  return seen


def _ground(
  generator: np.random.Generator, size: tuple[int, int]
) -> np.ndarray:
  """Returns a background with texture, float64 [h,w,3]."""
  picture = np.full((*size, 3), generator.uniform(90, 150, 3))
  for cell, strength in ((40, 25.0), (12, 15.0), (3, 8.0)):
    coarse = generator.normal(
      0, strength, (size[0] // cell + 2, size[1] // cell + 2, 3)
    )
    rows = np.linspace(0, len(coarse) - 1.001, size[0])
    columns = np.linspace(0, coarse.shape[1] - 1.001, size[1])
    picture += _between(_between(coarse, rows, 0), columns, 1)
  return picture.clip(0, 255)


def _between(values: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
  """Returns values at places between those of an axis, on the line."""
  first = places.astype(int)
  shape = [1] * values.ndim
  shape[axis] = -1
  share = (places - first).reshape(shape)
  low = np.take(values, first, axis)
  return low + share * (np.take(values, first + 1, axis) - low)


def _windy(ground: np.ndarray, frame: int) -> np.ndarray:
  """Returns the background in a frame: its upper part sways."""
  picture = ground.copy()
  height, width = ground.shape[:2]
  rows = round(height * _LEAVES)
  sway = _WIND * np.sin(frame / 2 + np.arange(rows) / 7)
  columns = (np.arange(width) + sway.round().astype(int)[:, None]) % width
  picture[:rows] = np.take_along_axis(ground[:rows], columns[..., None], 1)
  return picture


def _clothes(generator: np.random.Generator, ground: np.ndarray) -> np.ndarray:
  """Returns the colours [3,3] of head, torso and legs."""
  colours = np.array([[110, 140, 190]] * 3, np.float64)
  for part in range(3):
    # A torso or legs of about the ground's colour cannot be seen.
    while np.abs(colours[part].mean() - ground.mean()) < _CONTRAST or part == 0:
      colours[part] = generator.uniform(0, 255, 3)
      if part == 0:
        colours[0] = np.array([60, 75, 100]) * generator.uniform(0.5, 0.8)
        break
  return colours


def _dress(
  picture: np.ndarray,
  mask: np.ndarray,
  colours: np.ndarray,
  grain: np.ndarray,
) -> None:
  """Paints a person on a picture [h,w,3]."""
  rows = np.flatnonzero(mask.any(1))
  if not len(rows):
    return
  share = (np.arange(len(mask)) - rows[0]) / (rows[-1] + 1 - rows[0])
  part = (share >= _HEAD).astype(int) + (share >= _TORSO)
  shades = colours[part][:, None] + grain
  picture[mask] = shades[mask]
