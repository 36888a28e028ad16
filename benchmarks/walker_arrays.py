"""Synthetic walkers as arrays in memory: every input that the zoo takes.

Silhouettes, heat maps and label maps are 32 x 32, of which models see the
middle columns. Label maps are drawn: a pixel of the silhouette belongs to the
nearest limb of the detected skeleton.
"""

import itertools
import multiprocessing
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gaitgs_jax.input import heatmaps
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.synthetic import CONDITIONS, walk

VIEWS = ('072', '090', '108')
FRAMES, SIZE = 24, 32

# Label of ParsingGait -> ends of a limb, means of joints of coco17.
_LIMBS: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...] = (
  (1, (0,), (3, 4)),
  (2, (5, 6), (11, 12)),
  (3, (5,), (7,)),
  (4, (6,), (8,)),
  (5, (7,), (9,)),
  (6, (8,), (10,)),
  (7, (11,), (15,)),
  (8, (12,), (16,)),
  (9, (15,), (15,)),
  (10, (16,), (16,)),
)


def halved(images: np.ndarray) -> np.ndarray:
  """Returns images [s,64,64,...] with the means of 2 x 2 pixels."""
  s, h, w, *rest = images.shape
  blocks = images.reshape(s, h // 2, 2, w // 2, 2, *rest)
  return blocks.mean((2, 4)).round().astype(np.uint8)


def label_map(mask: np.ndarray, joints: np.ndarray) -> np.ndarray:
  """Returns a frame's label map.

  Args:
    mask: [H,W], a raw silhouette.
    joints: [17,2], x and y in its pixels.

  Returns:
    uint8 [32,32], cut and centred as the silhouettes are.
  """
  rows, columns = np.nonzero(mask)
  step = (rows.max() + 1 - rows.min()) / SIZE
  grid = (np.arange(SIZE) + 0.5) * step
  y = rows.min() + grid
  x = np.median(columns) + grid - SIZE * step / 2
  inside = (x >= 0) & (x < mask.shape[1])
  at = y.astype(int)[:, None], np.clip(x, 0, mask.shape[1] - 1).astype(int)
  shown = (mask[at] > 0) & inside
  pixels = np.stack(np.broadcast_arrays(x[None], y[:, None]), -1)
  start = np.stack([joints[list(a)].mean(0) for _, a, _ in _LIMBS])
  along = np.stack([joints[list(b)].mean(0) for _, _, b in _LIMBS]) - start
  away = pixels[:, :, None] - start
  length = np.maximum((along**2).sum(-1), 1e-6)
  part = np.clip((away * along).sum(-1) / length, 0, 1)
  distance = ((away - part[..., None] * along) ** 2).sum(-1)
  labels = np.array([label for label, _, _ in _LIMBS], np.uint8)
  return np.where(shown, labels[distance.argmin(-1)], np.uint8(0))


def one(cell: tuple[int, str, str]) -> dict[str, np.ndarray]:
  """Returns what is seen of one walk, 24 frames by modality but heat maps.

  Args:
    cell: subject, condition and view.
  """
  raw = walk(0, *cell, frames=FRAMES)
  kept: list[int] = []
  silhouettes = pretreat(raw.silhouettes, 64, kept)
  # A frame that shows nobody gives way to another one.
  again = np.arange(FRAMES) % len(kept)
  kept = [kept[i] for i in again]
  masks, keypoints = raw.silhouettes[kept], raw.keypoints[kept]
  joints = heatmaps.filled(keypoints)[..., :2]
  maps = [label_map(*each) for each in zip(masks, joints, strict=True)]
  return {
    'silhouettes': halved(silhouettes[again]),
    'keypoints': keypoints,
    'parsing': np.stack(maps),
  }


def heat_map(keypoints: np.ndarray) -> np.ndarray:
  """Returns heat maps uint8 [24,32,32,2] of one walk's keypoints [24,17,3]."""
  return halved(heatmaps.of_keypoints(keypoints, 'coco17'))


def draw(people: int) -> dict[str, np.ndarray]:
  """Returns all walks of some people, but for heat maps, and whose they are.

  Args:
    people: how many.
  """
  cells = list(itertools.product(range(people), CONDITIONS, VIEWS))
  walks = _each(one, cells)
  labels = zip(*cells, strict=True)
  named = zip(('subject', 'condition', 'view'), labels, strict=True)
  arrays = {name: np.array(label) for name, label in named}
  for name in walks[0]:
    arrays[name] = np.stack([each[name] for each in walks])
  return arrays


def draw_heat_maps(keypoints: np.ndarray) -> dict[str, np.ndarray]:
  """Returns the heat maps of walks' keypoints [N,24,17,3]."""
  return {'heatmaps': np.stack(_each(heat_map, keypoints))}


def _each(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
  with multiprocessing.get_context('spawn').Pool() as pool:
    return pool.map(function, items)
