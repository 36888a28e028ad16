"""What is wrong with a sequence of skeletons, in words.

Joints of another order, or coordinates of another scale, train without any
error to a poor accuracy. So they are looked for in what everybody has who
walks upright: a head above shoulders, shoulders above hips.
"""

import itertools

import numpy as np

from gaitgs_jax.input.pretreatment import SHORTEST
from gaitgs_jax.skeletons import SKELETONS, Skeleton, of_joints

# From the top; each lies above all that follow. Hands may be anywhere.
_LEVELS = (
  ('nose', 'eye', 'ear'),
  ('neck', 'shoulder'),
  ('hip',),
  ('knee',),
  ('ankle',),
)
# A joint that is seen in fewer frames says nothing.
_SEEN = 0.2
# What detectors write that is read nowhere, and what to have them write.
_OPENPOSE = "run OpenPose with --model_pose=COCO, which gives openpose18's 18"
_COCO = "run it with a model of COCO's 17 body joints"
_DETECTORS = {
  25: f"OpenPose's BODY_25; {_OPENPOSE}",
  26: f"AlphaPose's Halpe; {_COCO}",
  33: "MediaPipe's; write COCO's 17 body joints of them",
  133: f"COCO-WholeBody's; {_COCO}, or keep the first 17",
  135: f"OpenPose's BODY_25 with face and hands; {_OPENPOSE}",
  136: f"AlphaPose's Halpe with face and hands; {_COCO}",
}
# Nobody is so small in pixels; normalised coordinates run to 1, or to -1 and 1.
_SMALLEST = 2.0
# No picture has so many pixels a side; networks overflow at far larger numbers.
_LARGEST = 1e6
# A detector's confidence is a peak of a heat map: HRNet's may leave 0..1 by a
# little, AlphaPose's runs to 6. Percentages and z coordinates leave this range.
_CONFIDENCE = (-1.0, 10.0)


def fault(keypoints: np.ndarray, name: str = '') -> str:
  """Returns what is wrong with one sequence; '' where nothing is.

  Args:
    keypoints: float32 [s,v,3].
    name: of the expected skeleton; '' for any that has as many joints.
  """
  if not len(keypoints):
    return 'empty: nobody is to be seen in its frames'
  found = unusable(keypoints, name) or _wrong_values(keypoints)
  return found or _wrong_order(keypoints, of_joints(keypoints.shape[1]))


def unusable(keypoints: np.ndarray, name: str = '') -> str:
  """Returns what forbids to store a sequence, as `fault` does; '' if nothing.

  An empty one may have any number of joints.
  """
  if not len(keypoints):
    return ''
  joints = keypoints.shape[1]
  skeleton = of_joints(joints)
  if skeleton is None or name not in ('', skeleton.name):
    return _wrong_count(joints, skeleton, name)
  # Also false for NaN.
  usable = np.abs(keypoints) <= _LARGEST
  if usable.all():
    return ''
  frame, joint = np.argwhere(~usable.all(-1))[0]
  what = (
    'too large'
    if np.isfinite(keypoints[frame, joint]).all()
    else ('not finite')
  )
  return (
    f'{what}: {skeleton.joints[joint]} of frame {frame} is'
    f' {keypoints[frame, joint].tolist()}; write 0, 0, 0 for a joint that is'
    ' missing'
  )


def _wrong_count(joints: int, found: Skeleton | None, name: str) -> str:
  known = ' and '.join(
    f'{each.name} {len(each.joints)}' for each in SKELETONS.values()
  )
  what = f'those of {found.name}' if found else f'{known} are known'
  wanted = f', but {name} is expected' if name else ''
  hint = (
    'take the data as it is published, or the dataset that has these joints'
  )
  if joints in _DETECTORS:
    hint = f'these may be {_DETECTORS[joints]}'
  return f'wrong skeleton: {joints} joints ({what}){wanted}; {hint}'


def present(keypoints: np.ndarray) -> np.ndarray:
  """Returns which joints were found, bool [s,v]."""
  return np.any(keypoints[..., :2], -1)


def _wrong_values(keypoints: np.ndarray) -> str:
  seen = keypoints[present(keypoints)]
  shown = int(present(keypoints).any(1).sum())
  if not shown:
    return f'blank: no joint is found in its {len(keypoints)} frames'
  if np.abs(seen[:, :2]).max() <= _SMALLEST:
    low, high = seen[:, :2].min(), seen[:, :2].max()
    return (
      f'not pixels: its coordinates run from {low:.2f} to {high:.2f} and seem'
      ' to be normalised; multiply them by the size of the picture'
    )
  low, high = seen[:, 2].min(), seen[:, 2].max()
  if low < _CONFIDENCE[0] or high > _CONFIDENCE[1]:
    return (
      'not x, y, confidence: the third number of its joints runs from'
      f' {low:.2f} to {high:.2f}, but a confidence from 0 to 1'
    )
  if shown < SHORTEST:
    return f'too short: {shown} frames, {SHORTEST} are the least'
  return ''


def _wrong_order(keypoints: np.ndarray, skeleton: Skeleton | None) -> str:
  """Returns the worst pair of joints that lie upside down."""
  assert skeleton  # Else they would have been unusable.
  height = _median_heights(keypoints, skeleton)
  levels = [
    [joint for joint in height if joint.split('_')[-1] in names]
    for names in _LEVELS
  ]
  pairs = [
    (height[upper] - height[lower], upper, lower)
    for above, below in itertools.combinations(levels, 2)
    for upper in above
    for lower in below
  ]
  depth, upper, lower = max(pairs, default=(-1.0, '', ''))
  if depth < 0:
    return ''
  return (
    f'wrong order or upside down: {upper} lies {depth:.0f} pixels below'
    f' {lower}; {skeleton.name} begins with {", ".join(skeleton.joints[:3])},'
    ' and y counts from the top'
  )


def _median_heights(
  keypoints: np.ndarray, skeleton: Skeleton
) -> dict[str, float]:
  """Returns the median y of every joint that is seen often enough."""
  seen = present(keypoints)
  enough = seen.sum(0) >= max(_SEEN * len(keypoints), SHORTEST)
  return {
    joint: float(np.median(keypoints[seen[:, i], i, 1]))
    for i, joint in enumerate(skeleton.joints)
    if enough[i]
  }
