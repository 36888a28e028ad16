import numpy as np
import pytest

from gaitgs_jax.synthetic.rasterize import Discs, boxes, fill


def _covered(x, y, radius, steps=2000):
  """Marks every pixel centre of a 40 x 50 picture inside a swept disc."""
  rows, columns = np.mgrid[:40, :50]
  covered = np.zeros((40, 50), bool)
  for share in np.linspace(0, 1, steps):
    centre = x[0] + share * (x[1] - x[0]), y[0] + share * (y[1] - y[0])
    size = radius[0] + share * (radius[1] - radius[0])
    distance = np.hypot(columns - centre[0], rows - centre[1])
    covered |= distance <= size
  return covered


def _fill(x, y, radius, sizes):
  discs = Discs(*(np.array([v], float) for v in (x, y, radius)), sizes)
  return fill(discs, np.zeros((1, 2), np.int32), (40, 50))[0]


@pytest.mark.parametrize(
  ('x', 'y', 'radius'),
  [
    ((10.3, 35.1), (8.2, 30.4), (6.5, 3.1)),
    ((20.2, 20.2), (5.0, 33.0), (4.0, 4.0)),
    ((5.5, 44.2), (20.1, 20.1), (3.0, 7.0)),
    ((25.0, 26.0), (20.0, 20.0), (9.0, 3.0)),  # One disc inside the other.
  ],
)
def test_a_capsule_is_the_disc_swept_from_end_to_end(x, y, radius):
  drawn = _fill(x, y, radius, (2,))
  wrong = drawn != _covered(x, y, radius)
  assert drawn.sum() > 50
  # The sweep is sampled, so a pixel on the very border may differ.
  assert wrong.sum() <= 3


def test_a_hull_of_four_discs_is_convex_and_holds_its_corners():
  x, y = (10.0, 38.0, 12.0, 35.0), (10.0, 8.0, 30.0, 33.0)
  drawn = _fill(x, y, (3.0, 3.0, 4.0, 2.0), (4,))
  for row in drawn:
    columns = np.flatnonzero(row)
    if len(columns):
      assert columns[-1] - columns[0] + 1 == len(columns)
  for column in drawn.T:
    rows = np.flatnonzero(column)
    if len(rows):
      assert rows[-1] - rows[0] + 1 == len(rows)
  assert drawn[20, 24] and drawn[10, 10] and drawn[33, 35]
  assert not drawn[2, 24] and not drawn[38, 5]


def test_hulls_are_united_and_not_joined():
  apart = _fill((8.0, 8.0, 40.0, 40.0), (10.0, 30.0) * 2, (3.0,) * 4, (2, 2))
  joined = _fill((8.0, 8.0, 40.0, 40.0), (10.0, 30.0) * 2, (3.0,) * 4, (4,))
  assert not apart[20, 24]
  assert joined[20, 24]


def test_frames_do_not_touch_one_another():
  generator = np.random.default_rng(0)
  x = generator.uniform(10, 40, (40, 2))
  y = generator.uniform(10, 30, (40, 2))
  discs = Discs(x, y, np.full((40, 2), 4.0), (2,))
  corners = np.zeros((40, 2), np.int32)
  together = fill(discs, corners, (40, 50))
  for i in (0, 17, 39):
    alone = Discs(*(v[i : i + 1] for v in discs[:3]), (2,))
    np.testing.assert_array_equal(
      together[i], fill(alone, corners[:1], (40, 50))[0]
    )


def test_boxes_hold_everybody_with_the_margin():
  x, y = np.array([[50.2, 60.7], [80.0, 75.5]]), np.array([[20.0, 90.0]] * 2)
  discs = Discs(x, y, np.full((2, 2), 5.0), (2,))
  corners, size = boxes(discs, 4)
  masks = fill(discs, corners, size)
  assert masks.any((1, 2)).all()
  for edge in (masks[:, :4], masks[:, :, :4], masks[:, -4:], masks[:, :, -4:]):
    assert not edge.any()
  np.testing.assert_array_equal(corners[:, 0], [11, 11])
