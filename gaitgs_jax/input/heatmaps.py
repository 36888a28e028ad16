"""Heat maps of skeletons: Gaussians along the limbs and at the joints.

Fan et al., "SkeletonGait: Gait Recognition Using Skeleton Maps", AAAI 2024,
https://arxiv.org/abs/2311.13444. The numbers are those of OpenGait's
pretreatment (https://github.com/ShiqiYu/OpenGait), to within a grey level or
two. NumPy only.
"""

import functools

import numpy as np

from gaitgs_jax import skeletons

# Of the images that are drawn, and of those that are cut out of them.
_DRAWN, _SIZE = 128, 64
# The shape of a frame.
FRAME = (_SIZE, _SIZE, 2)
# The height of a body in them, and how wide its joints are drawn.
_BODY, _SIGMA = 85.0, 8.0
# Joints of less confidence are not drawn.
_LEAST = 1e-3
# Frames from which a missing coordinate is taken.
_NEIGHBOURS = 4
_HIPS = (11, 12)
# Of coco17.
_LIMBS = (
  (0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (5, 7), (7, 9), (0, 6), (6, 8),
  (8, 10), (5, 11), (11, 13), (13, 15), (6, 12), (12, 14), (14, 16), (11, 12),
)  # fmt: skip


def of_keypoints(keypoints: np.ndarray, skeleton: str) -> np.ndarray:
  """Draws a sequence's heat maps.

  Args:
    keypoints: [s,v,3], x and y in pixels, where 0 is missing, and confidence.
    skeleton: their joints, of `gaitgs_jax.skeletons`.

  Returns:
    uint8 [s,64,64,2]: limbs, joints. A frame without a body is blank.
  """
  points = placed(filled(to_coco17(keypoints, skeleton)))
  found = np.zeros((len(points), *FRAME), np.uint8)
  for frame, maps in zip(points, found, strict=True):
    for channel, drawn in enumerate((limbs(frame), joints(frame))):
      maps[..., channel] = cut(grey(drawn))
  return found


def to_coco17(keypoints: np.ndarray, skeleton: str) -> np.ndarray:
  """Takes the joints of coco17 out of [s,v,c], by their names: [s,17,c]."""
  return keypoints[:, skeletons.places('coco17', skeleton)]


def filled(keypoints: np.ndarray) -> np.ndarray:
  """Fills missing coordinates of [s,v,3] by those of the nearest frames.

  The mean of four frames that have the coordinate, weighed by the inverse of
  their distance, which is over the coordinates that both frames have. As
  published, nothing is filled where a coordinate is missing in every frame,
  and what is filled keeps its confidence.
  """
  points = keypoints.astype(np.float64)
  values = points[..., :2].reshape(len(points), -1)
  known = values != 0
  if known.all() or not known.any(axis=0).all():
    return points
  distance = _distances(values, known)
  result = values.copy()
  for row, column in np.argwhere(~known):
    result[row, column] = _neighbours_mean(
      values[:, column], known[:, column], distance[row]
    )
  points[..., :2] = result.reshape(*points.shape[:2], 2)
  return points


def _distances(values: np.ndarray, known: np.ndarray) -> np.ndarray:
  """Returns the distances of frames [s,s]; infinite without a common number."""
  seen = known.astype(np.float64)
  common = seen @ seen.T
  squares = np.square(values)
  total = squares @ seen.T + seen @ squares.T - 2 * values @ values.T
  total = np.maximum(total, 0) * values.shape[1]
  scaled = np.divide(
    total, common, where=common > 0, out=np.full_like(total, np.inf)
  )
  return np.asarray(np.sqrt(scaled))


def _neighbours_mean(
  column: np.ndarray, known: np.ndarray, distance: np.ndarray
) -> float:
  """Returns the mean of one coordinate [s] over the nearest frames."""
  near = np.flatnonzero(known & np.isfinite(distance))
  if not len(near):
    return float(column[known].mean())
  near = near[np.argsort(distance[near], kind='stable')[:_NEIGHBOURS]]
  if (same := distance[near] == 0).any():
    return float(column[near[same]].mean())
  weights = 1 / distance[near]
  return float((column[near] * weights).sum() / weights.sum())


def placed(keypoints: np.ndarray) -> np.ndarray:
  """Moves the hips of each frame [s,17,3] to the middle, and scales bodies.

  A frame whose joints are all in one row has no size: its confidences are 0.
  """
  points = keypoints.astype(np.float64)
  places = points[..., :2] - points[:, _HIPS, :2].mean(axis=1, keepdims=True)
  height = np.ptp(places[..., 1], axis=1)[:, None]
  points[..., 2] = np.where(height > 0, points[..., 2], 0)
  scale = _BODY / np.where(height > 0, height, 1)
  points[..., :2] = places * scale[..., None] + _DRAWN // 2
  return points


def joints(points: np.ndarray) -> np.ndarray:
  """Draws the joints of a frame [17,3]: [128,128], the largest of them."""
  image = np.zeros((_DRAWN, _DRAWN), np.float32)
  for x, y, confidence in points:
    _draw_joint(image, np.array((x, y)), confidence)
  return image


def limbs(points: np.ndarray) -> np.ndarray:
  """Draws the limbs of a frame [17,3]: [128,128], the largest of them.

  A limb is as strong as the weaker of its joints; one shorter than a pixel is
  a joint.
  """
  image = np.zeros((_DRAWN, _DRAWN), np.float32)
  for first, last in _LIMBS:
    start, end = points[first, :2], points[last, :2]
    confidence = min(points[first, 2], points[last, 2])
    if confidence < _LEAST:
      continue
    along = end - start
    length = float(along @ along)
    if length < 1:
      _draw_joint(image, start, points[first, 2])
      continue
    rows, columns = _box(np.minimum(start, end), np.maximum(start, end))
    y, x = np.mgrid[rows, columns]
    share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length
    share = np.clip(share, 0, 1)
    square = np.square(x - start[0] - share * along[0])
    square += np.square(y - start[1] - share * along[1])
    _add(image, rows, columns, square, confidence)
  return image


def _draw_joint(
  image: np.ndarray, place: np.ndarray, confidence: float
) -> None:
  if confidence < _LEAST:
    return
  rows, columns = _box(place, place)
  y, x = np.mgrid[rows, columns]
  square = np.square(x - place[0]) + np.square(y - place[1])
  _add(image, rows, columns, square, confidence)


def _box(low: np.ndarray, high: np.ndarray) -> tuple[slice, slice]:
  """Returns the rows and columns within three deviations of two corners."""
  start = np.clip(np.trunc(low - 3 * _SIGMA), 0, _DRAWN).astype(int)
  stop = np.clip(np.trunc(high + 3 * _SIGMA) + 1, 0, _DRAWN).astype(int)
  stop = np.maximum(start, stop)
  return slice(start[1], stop[1]), slice(start[0], stop[0])


def _add(
  image: np.ndarray,
  rows: slice,
  columns: slice,
  square: np.ndarray,
  confidence: float,
) -> None:
  """Draws a Gaussian of squared distances, where it is larger."""
  drawn = confidence * np.exp(-square / (2 * _SIGMA**2))
  image[rows, columns] = np.maximum(image[rows, columns], drawn)


def grey(image: np.ndarray) -> np.ndarray:
  """Returns the 256 grey levels of an image in 0..1."""
  return np.clip(image * 256, 0, 255).astype(np.uint8)


def cut(image: np.ndarray) -> np.ndarray:
  """Cuts the rows [128,128] that are not blank, as wide as high: [64,64]."""
  rows = np.flatnonzero(image.any(axis=1))
  if not len(rows):
    return np.zeros((_SIZE, _SIZE), np.uint8)
  top, bottom = int(rows[0]), int(rows[-1])
  half = (bottom - top + 1) // 2
  middle = _DRAWN // 2
  part = image[top : bottom + 1, middle - half : middle + half + 1]
  left, right = (_area(length) for length in part.shape)
  return np.asarray(left @ part @ right.T + 1e-9).astype(np.uint8)


@functools.cache
def _area(length: int) -> np.ndarray:
  """Returns the weights [64,length] of a line's pixels in one of 64.

  What a pixel covers is averaged. As OpenCV does, a shorter line is blended
  from neighbours, where a pixel's edge lies within another.
  """
  edges = np.arange(_SIZE + 1) * (length / _SIZE)
  low, high = edges[:-1, None], edges[1:, None]
  place = np.arange(length)
  covered = np.minimum(high, place + 1) - np.maximum(low, place)
  weights = np.maximum(covered, 0)
  return np.asarray(weights / weights.sum(axis=1, keepdims=True))
