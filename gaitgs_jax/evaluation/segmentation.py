"""How well masks of people are found: intersection over union with true ones.

As OpenGait evaluates the segmentation of GaitEdge: the intersection over union
of each frame, and the mean over all frames, whoever they show. A frame in which
neither mask shows anybody counts as 0.
"""

from collections.abc import Sequence

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import metrics, outcomes
from gaitgs_jax.evaluation.protocols.counting import Result
from gaitgs_jax.evaluation.protocols.rules import fingerprint

NAME = 'segmentation'
# What would change the meaning of a number.
_RULES = {'counted': 'iou', 'empty': 0, 'mean_over': 'frames'}
FINGERPRINT = fingerprint(_RULES)


def evaluate_masks(
  predicted: np.ndarray,
  true: np.ndarray,
  subjects: Sequence[str] | np.ndarray | None = None,
) -> Result:
  """Counts the intersection over union of masks.

  Args:
    predicted: [n,h,w] of any type, not 0 where somebody is.
    true: of the same shape.
    subjects: n names of who is in each frame; without them there is no
      interval.

  Returns:
    'mIoU' in percent, 'mIoU_interval' [2] (see `outcomes`; NaN for a single
    subject), 'frames' and 'subjects', which count them.

  Raises:
    UserError: shapes differ or are others, or there is no frame.
  """
  one, other = np.asarray(predicted), np.asarray(true)
  if one.shape != other.shape or one.ndim != 3:
    raise UserError(
      f'masks of shapes {one.shape} and {other.shape} cannot be compared; '
      'expected the same [n,h,w]: frames, height, width'
    )
  names = np.zeros(len(one), str) if subjects is None else np.asarray(subjects)
  return count(metrics.overlap(one, other), names)


def count(overlaps: np.ndarray, subjects: np.ndarray) -> Result:
  """Returns what `evaluate_masks` returns.

  Args:
    overlaps: [n], of each frame.
    subjects: str [n].

  Raises:
    UserError: lengths differ, or there is no frame.
  """
  if not len(overlaps) or subjects.shape != overlaps.shape:
    raise UserError(
      f'{len(overlaps)} frames need as many subjects, at least one; got shape '
      f'{subjects.shape}'
    )
  counted = np.ones((len(overlaps), 1), bool)
  views = np.zeros(len(overlaps), int)
  found = outcomes.add_up(overlaps[:, None], counted, subjects, views, 1)
  return {
    'mIoU': found.number(),
    'mIoU_interval': found.interval(),
    'frames': float(len(overlaps)),
    'subjects': float(len(found.subjects)),
  }
