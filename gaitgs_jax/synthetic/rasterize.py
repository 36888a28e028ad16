"""Fills the outlines of hulls of discs, for all frames of a walk at once.

On an image row a hull of discs is one interval. Its ends lie on a disc or on
a line that touches two of them from outside, so the interval is the least and
the greatest crossing of the row with all discs and all such lines. Intervals
become +1 and -1 marks, and a running sum along the row fills them.
"""

from typing import NamedTuple

import numpy as np

CHUNK = 16  # Frames at a time: their arrays stay in the processor's cache.
_FAR = np.float32(1e6)


class Discs(NamedTuple):
  """Projected hulls: x, y, radius [s, n] in pixels and the hulls' sizes."""

  x: np.ndarray
  y: np.ndarray
  radius: np.ndarray
  sizes: tuple[int, ...]


class Members(NamedTuple):
  """Which discs and which pairs of discs belong to which hull."""

  disc_starts: np.ndarray
  pair_starts: np.ndarray
  first: np.ndarray
  second: np.ndarray


def _members(sizes: tuple[int, ...]) -> Members:
  first: list[int] = []
  second: list[int] = []
  pair_starts, disc_starts = [], []
  start = 0
  for size in sizes:
    disc_starts.append(start)
    pair_starts.append(len(first))
    i, j = np.triu_indices(size, 1)
    first.extend(i + start)
    second.extend(j + start)
    start += size
  return Members(
    np.array(disc_starts),
    np.array(pair_starts),
    np.array(first),
    np.array(second),
  )


def _tangents(
  x: np.ndarray, y: np.ndarray, radius: np.ndarray, members: Members
) -> tuple[np.ndarray, ...]:
  """Returns both outer tangents of every pair as end points, [s, p, 2]."""
  i, j = members.first, members.second
  dx, dy = x[:, j] - x[:, i], y[:, j] - y[:, i]
  length = np.maximum(np.hypot(dx, dy), np.float32(1e-6))
  ux, uy = dx / length, dy / length
  # Where one disc swallows the other the line falls inside the larger one.
  along = np.clip((radius[:, i] - radius[:, j]) / length, -1, 1)
  across = np.sqrt(1 - along * along)
  sign = np.array([1, -1], np.float32)
  nx = (ux * along)[..., None] - (uy * across)[..., None] * sign
  ny = (uy * along)[..., None] + (ux * across)[..., None] * sign
  ends = []
  for k in (i, j):
    ends.append(x[:, k, None] + radius[:, k, None] * nx)
    ends.append(y[:, k, None] + radius[:, k, None] * ny)
  return tuple(ends)


def _disc_crossings(
  x: np.ndarray, y: np.ndarray, radius: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  offset = rows[:, None] - y[..., None]
  square = (radius * radius)[..., None] - offset * offset
  half = np.sqrt(np.maximum(square, 0))
  centre = x[..., None]
  outside = square < 0
  half[outside] = -_FAR
  return centre - half, centre + half


def _line_crossings(
  ends: tuple[np.ndarray, ...], rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  x0, y0, x1, y1 = (end.reshape(len(end), -1) for end in ends)
  height = y1 - y0
  height = np.where(np.abs(height) < 1e-6, np.float32(1e-6), height)
  slope = (x1 - x0) / height
  crossing = rows[:, None] * slope[..., None]
  crossing += (x0 - y0 * slope)[..., None]
  low, high = np.minimum(y0, y1), np.maximum(y0, y1)
  outside = (rows[:, None] < low[..., None]) | (rows[:, None] > high[..., None])
  left = np.where(outside, _FAR, crossing)
  right = np.where(outside, -_FAR, crossing)
  return left, right


def _intervals(
  discs: Discs, members: Members, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the left and right end of every hull on every row, [s, g, r]."""
  left, right = _disc_crossings(discs.x, discs.y, discs.radius, rows)
  left = np.minimum.reduceat(left, members.disc_starts, 1)
  right = np.maximum.reduceat(right, members.disc_starts, 1)
  ends = _tangents(discs.x, discs.y, discs.radius, members)
  low, high = _line_crossings(ends, rows)
  starts = 2 * members.pair_starts
  np.minimum(left, np.minimum.reduceat(low, starts, 1), out=left)
  np.maximum(right, np.maximum.reduceat(high, starts, 1), out=right)
  return left, right


def _fill(left: np.ndarray, right: np.ndarray, width: int) -> np.ndarray:
  """Fills intervals [s, g, r] of pixel columns into a mask [s, r, width]."""
  frames, _, rows = left.shape
  begin = np.ceil(left).clip(0, width).astype(np.int32)
  end = (np.floor(right) + 1).clip(0, width).astype(np.int32)
  end = np.maximum(begin, end)
  stride = width + 1
  line = np.arange(frames)[:, None, None] * rows + np.arange(rows)
  cells = frames * rows * stride
  marks = np.bincount((line * stride + begin).ravel(), minlength=cells)
  marks -= np.bincount((line * stride + end).ravel(), minlength=cells)
  steps = marks.astype(np.int8).reshape(frames, rows, stride)
  return np.cumsum(steps[..., :-1], -1, dtype=np.int8) > 0


def boxes(discs: Discs, margin: int) -> tuple[np.ndarray, tuple[int, int]]:
  """Returns the top-left corner of every frame's person and a common size.

  Returns:
    corners: int32 [s, 2] (y, x), and (height, width) of boxes that hold the
    person of every frame with `margin` pixels to spare.
  """
  top = np.floor((discs.y - discs.radius).min(1)).astype(np.int32) - margin
  low = np.ceil((discs.y + discs.radius).max(1)).astype(np.int32) + margin
  left = np.floor((discs.x - discs.radius).min(1)).astype(np.int32) - margin
  right = np.ceil((discs.x + discs.radius).max(1)).astype(np.int32) + margin
  size = int((low - top).max()) + 1, int((right - left).max()) + 1
  return np.stack([top, left], -1), size


def fill(
  discs: Discs, corners: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
  """Returns the union of the hulls inside each frame's box, bool [s, h, w]."""
  members = _members(discs.sizes)
  height, width = size
  out = np.empty((len(corners), height, width), bool)
  rows = np.arange(height, dtype=np.float32)[None]
  for start in range(0, len(corners), CHUNK):
    part = slice(start, start + CHUNK)
    local = Discs(
      (discs.x[part] - corners[part, 1:]).astype(np.float32),
      (discs.y[part] - corners[part, :1]).astype(np.float32),
      discs.radius[part].astype(np.float32),
      discs.sizes,
    )
    repeated = np.broadcast_to(rows, (len(local.x), height))
    left, right = _intervals(local, members, repeated)
    out[part] = _fill(left, right, width)
  return out
