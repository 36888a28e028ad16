"""COCO-17 keypoints of a skeleton, as a noisy detector would report them."""

import numpy as np

from gaitgs_jax.synthetic import traits as settings
from gaitgs_jax.synthetic.body import Body
from gaitgs_jax.synthetic.camera import Camera, project
from gaitgs_jax.synthetic.skeleton import Joints, place

# (forward, left, up) over the head's height, from the chin's joint.
_FACE = (
  (0.50, 0.0, 0.42),
  (0.42, 0.15, 0.52),
  (0.42, -0.15, 0.52),
  (0.0, 0.36, 0.48),
  (0.0, -0.36, 0.48),
)
_JOINTS = ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
_STAYS = 0.7  # Share of a frame's error that the next frame keeps.
# Confidence in a joint that is seen, and in one that is hidden.
SURE, _UNSURE = 0.88, 0.45


def coco_points(skeleton: Joints, body: Body) -> np.ndarray:
  """Returns the 17 points in metres, [s, 17, 3]."""
  face = [
    place(
      skeleton.head,
      skeleton.head_axes,
      forward * body.head,
      left * body.head,
      up * body.head,
    )
    for forward, left, up in _FACE
  ]
  limbs = [getattr(skeleton, name) for name in _JOINTS]
  return np.concatenate([np.stack(face, 1), *limbs], 1)


def _hidden(
  points: np.ndarray, skeleton: Joints, body: Body, camera: Camera
) -> np.ndarray:
  """Returns which points lie behind trunk, head or the other leg, [s, 17].

  A point is hidden when the sight line to it passes close to a core of the
  body that is nearer to the camera.
  """
  cores = [
    (skeleton.lumbar, 0.070),
    ((skeleton.lumbar + skeleton.neck) / 2, 0.080),
    (place(skeleton.head, skeleton.head_axes, 0, 0, 0.5 * body.head), 0.035),
    *((skeleton.knee[:, side], 0.025) for side in (0, 1)),
    *((skeleton.calf[:, side], 0.025) for side in (0, 1)),
  ]
  sight = points - camera.position
  distance = np.linalg.norm(sight, axis=-1, keepdims=True)
  sight = sight / distance
  hidden = np.zeros(points.shape[:2], bool)
  for core, radius in cores:
    to_core = (core - camera.position)[:, None]
    along = (to_core * sight).sum(-1)
    away = np.linalg.norm(to_core - along[..., None] * sight, axis=-1)
    nearer = along < distance[..., 0] - 0.035 * body.stature
    hidden |= nearer & (away < radius * body.stature)
  return hidden


def drift(
  shape: tuple[int, ...], generator: np.random.Generator, stays: float = _STAYS
) -> np.ndarray:
  """Returns unit noise [s, ...]; the next frame keeps a share of a frame's."""
  noise = generator.standard_normal(shape)
  for i in range(1, len(noise)):
    noise[i] = stays * noise[i - 1] + np.sqrt(1 - stays**2) * noise[i]
  return noise


def detect(
  skeleton: Joints,
  body: Body,
  camera: Camera,
  heights: np.ndarray,
  generator: np.random.Generator,
  noise: float = 1.0,
) -> np.ndarray:
  """Returns keypoints float32 [s, 17, 3]: x, y in pixels and confidence.

  Left and right are the person's own. A missing joint is (0, 0, 0).

  Args:
    skeleton: joints of s frames.
    body: lengths.
    camera: the view.
    heights: [s] the person's height in pixels, the scale of the errors.
    generator: draws the detector's errors.
    noise: factor on the errors' size.
  """
  points = coco_points(skeleton, body)
  hidden = _hidden(points, skeleton, body, camera)
  x, y, _ = project(camera, points)
  share = np.where(
    hidden, settings.KEYPOINT_NOISE_HIDDEN, settings.KEYPOINT_NOISE
  )
  scale = noise * share * heights[:, None]
  x = x + scale * drift(x.shape, generator)
  y = y + scale * drift(y.shape, generator)
  level = np.where(hidden, _UNSURE, SURE)
  spread = np.where(hidden, 0.12, 0.05)
  confidence = level + spread * generator.standard_normal(level.shape)
  confidence = confidence.clip(0.05, 0.99)
  rate = np.where(
    hidden, settings.KEYPOINT_MISSING_HIDDEN, settings.KEYPOINT_MISSING
  )
  missing = generator.random(rate.shape) < rate
  found = np.stack([x, y, confidence], -1).astype(np.float32)
  found[missing] = 0
  return found


def swap_legs(keypoints: np.ndarray, swapped: np.ndarray) -> np.ndarray:
  """Returns keypoints [s, 17, 3] with left and right legs exchanged.

  Args:
    keypoints: of `detect`.
    swapped: bool [s], in which frames.
  """
  order = [*range(11), 12, 11, 14, 13, 16, 15]
  return np.where(swapped[:, None, None], keypoints[:, order], keypoints)
