import numpy as np
import pytest

from gaitgs_jax.synthetic.segmenter import (
  Faults,
  degrade,
  draw_faults,
  kept_frames,
)

HEIGHT = 100


def _person(frames=30):
  mask = np.zeros((frames, HEIGHT + 20, 60), bool)
  mask[:, 10 : HEIGHT + 10, 20:40] = True
  return mask, np.full(frames, float(HEIGHT))


@pytest.mark.parametrize('seed', range(8))
def test_faults_are_bounded(seed):
  mask, heights = _person()
  generator = np.random.default_rng(seed)
  found = degrade(mask, heights, draw_faults(generator), generator)
  assert found.shape == mask.shape and found.dtype == bool
  overlap = (found & mask).sum((1, 2)) / (found | mask).sum((1, 2))
  assert overlap.min() > 0.8
  # What pretreatment would skip: fewer than forty white pixels.
  assert (255 * found.sum((1, 2))).min() > 10_000


def test_borders_are_ragged_and_move_by_a_few_pixels_only():
  mask, heights = _person()
  quality = Faults(ragged=0.18, border=0.0, hole_rate=0.0)
  found = degrade(mask, heights, quality, np.random.default_rng(1))
  assert not found[:, :, :16].any() and not found[:, :, 44:].any()
  edges = found[:, 20:100].argmax(-1)
  assert len(np.unique(edges)) > 1


def test_the_border_offset_makes_everybody_thinner_or_thicker():
  mask, heights = _person()
  sizes = [
    degrade(
      mask,
      heights,
      Faults(ragged=0.02, border=border, hole_rate=0.0),
      np.random.default_rng(2),
    ).sum()
    for border in (0.25, 0.0, -0.25)
  ]
  assert sizes[0] < sizes[1] < sizes[2]


def test_holes_come_at_the_rate_asked_for():
  mask, heights = _person(200)
  inner = (slice(None), slice(20, 100), slice(25, 35))
  losses = []
  for rate in (0.0, 2.0):
    quality = Faults(ragged=0.0, border=0.0, hole_rate=rate)
    found = degrade(mask, heights, quality, np.random.default_rng(3))
    losses.append((~found[inner]).any((1, 2)).mean())
  assert losses[0] < 0.15
  assert losses[1] > 0.5


def test_some_frames_are_dropped_and_never_two_kept_twice():
  numbers = kept_frames(1000, np.random.default_rng(4))
  assert numbers[0] == 0
  gaps = np.diff(numbers)
  assert gaps.min() == 1
  assert 5 < (gaps > 1).sum() < 100
