"""A fixed perspective camera that watches the middle of a walk.

Views are named as in CASIA-B (Yu, Tan and Tan, "A framework for evaluating the
effect of view angle, clothing and carrying condition on gait recognition",
ICPR 2006): 000 sees the person come, 090 sees the side, 180 sees the back.
"""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.synthetic import traits

VIEWS = tuple(f'{angle:03d}' for angle in range(0, 181, 18))
_AIM_HEIGHT = 0.9


class Camera(NamedTuple):
  """Position [3] in metres, rows of `axes` right, down and ahead, focus."""

  position: np.ndarray
  axes: np.ndarray
  focal: float
  centre: tuple[float, float]


def draw_camera(
  view: str, size: tuple[int, int], generator: np.random.Generator
) -> Camera:
  """Returns the camera of a view, a little elsewhere on every walk.

  Args:
    view: one of `VIEWS`.
    size: (height, width) of its picture in pixels.
    generator: draws distance, height, aim and roll.
  """
  noise = generator.standard_normal(6).clip(-traits.LIMIT, traits.LIMIT)
  angle = np.radians(float(view) + traits.HEADING_SD * noise[0])
  mean, spread = traits.CAMERA_DISTANCE
  distance = mean + spread * noise[1]
  mean, spread = traits.CAMERA_HEIGHT
  height = mean + spread * noise[2]
  position = np.array(
    [distance * np.cos(angle), distance * np.sin(angle), height]
  )
  aim = np.array([0.0, 0.0, _AIM_HEIGHT + traits.CAMERA_AIM_SD * noise[3]])
  roll = np.radians(traits.CAMERA_ROLL_SD * noise[4])
  rows, columns = size
  return facing(
    position, aim, roll, traits.CAMERA_FOCAL * rows, (columns / 2, rows / 2)
  )


def facing(
  position: np.ndarray,
  aim: np.ndarray,
  roll: float,
  focal: float,
  centre: tuple[float, float],
) -> Camera:
  """Returns a camera that looks from one point [3] to another, in radians."""
  ahead = (aim - position) / np.linalg.norm(aim - position)
  right = np.cross(ahead, [0.0, 0.0, 1.0])
  right /= np.linalg.norm(right)
  down = np.cross(ahead, right)
  axes = np.stack(
    [
      np.cos(roll) * right + np.sin(roll) * down,
      np.cos(roll) * down - np.sin(roll) * right,
      ahead,
    ]
  )
  return Camera(position, axes, focal, centre)


def project(
  camera: Camera, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Returns x, y in pixels and the depth in metres of points [..., 3]."""
  local = (points - camera.position) @ camera.axes.T
  depth = local[..., 2]
  x = camera.centre[0] + camera.focal * local[..., 0] / depth
  y = camera.centre[1] + camera.focal * local[..., 1] / depth
  return x, y, depth
