"""Intersection over union of masks."""

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import evaluate_masks, segmentation

# Of frames of 2 x 2: a third, all, nothing, nobody in either.
FOUND = np.array([[1, 1, 0, 0], [1, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
TRUE = np.array([[1, 0, 1, 0], [1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]])


def masks(rows):
  return rows.reshape(-1, 2, 2).astype(np.uint8)


def test_by_hand():
  found = evaluate_masks(255 * masks(FOUND), masks(TRUE), [*'aabb'])
  assert found['mIoU'] == pytest.approx(100 * (1 / 3 + 1) / 4)
  low, high = found['mIoU_interval']
  # Of b alone, and of a alone.
  assert (low, high) == (0, pytest.approx(100 * (1 / 3 + 1) / 2))
  assert found['frames'] == 4 and found['subjects'] == 2
  alone = evaluate_masks(masks(FOUND), masks(TRUE))
  assert alone['mIoU'] == found['mIoU']
  assert np.isnan(alone['mIoU_interval']).all()
  assert len(segmentation.FINGERPRINT) == 8


def test_as_the_published_formula():
  random = np.random.default_rng(0)
  one, other = (random.random((2, 20, 8, 6)) < 0.4).astype(np.float32)
  # OpenGait's: products, and what is in either, with 1e-9 against nobody.
  union = ((one + other) > 0).sum((1, 2))
  published = (one * other).sum((1, 2)) / (union + 1e-9)
  ours = evaluate_masks(one, other)['mIoU']
  assert ours == pytest.approx(100 * published.mean(), rel=1e-7)


def test_what_cannot_be_compared():
  with pytest.raises(UserError, match=r'\(4, 2, 2\) and \(3, 2, 2\)'):
    evaluate_masks(masks(FOUND), masks(TRUE)[:3])
  with pytest.raises(UserError, match=r'\(4, 4\).*\[n,h,w\]'):
    evaluate_masks(FOUND, TRUE)
  with pytest.raises(UserError, match='4 frames need as many subjects'):
    evaluate_masks(masks(FOUND), masks(TRUE), ['a'])
  with pytest.raises(UserError, match='0 frames need'):
    evaluate_masks(masks(FOUND)[:0], masks(TRUE)[:0])
