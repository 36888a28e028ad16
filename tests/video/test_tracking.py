import numpy as np
import pytest

from gaitgs_jax.video import boxes, kalman, switches
from gaitgs_jax.video.tracking import Limits, Tracker


def box(x, y=0.0, width=20.0, height=60.0):
  return np.array([x, y, x + width, y + height])


def test_boxes_overlap_as_worked_by_hand():
  first = np.array([[0, 0, 10, 10], [0, 0, 10, 20]], float)
  second = np.array([[5, 0, 15, 10], [20, 20, 30, 30]], float)
  np.testing.assert_allclose(
    boxes.overlaps(first, second), [[50 / 150, 0], [50 / 250, 0]]
  )
  np.testing.assert_allclose(boxes.covered(first, second)[:, 0], [0.5, 0.25])
  assert boxes.overlaps(boxes.empty(), second).shape == (0, 2)


def test_of_boxes_that_overlap_the_best_stays():
  found = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], float)
  kept = boxes.suppress(found, np.array([0.5, 0.9, 0.3]), 0.5)
  assert kept.tolist() == [1, 2]
  assert not len(boxes.suppress(boxes.empty(), np.zeros(0), 0.5))


def test_box_of_a_mask_and_its_part_of_a_picture():
  mask = np.zeros((8, 10), bool)
  mask[2:5, 3:7] = True
  np.testing.assert_array_equal(boxes.of_mask(mask), [3, 2, 7, 5])
  assert boxes.clipped(np.array([-3, 1.5, 4.2, 90]), (8, 10)) == (
    slice(1, 8),
    slice(0, 5),
  )
  assert mask[boxes.clipped(np.array([20, 20, 30, 30]), (8, 10))].size == 0


def test_filter_learns_the_speed_and_foresees_the_place():
  state = kalman.start(box(0))
  for frame in range(1, 20):
    state = kalman.update(kalman.predict(state), box(3.0 * frame))
  assert state.mean[4] == pytest.approx(3, rel=0.05)
  for _ in range(5):
    state = kalman.predict(state)
  np.testing.assert_allclose(state.box, box(3.0 * 24), atol=1.5)
  # What is not seen is less and less sure.
  later = kalman.predict(state)
  assert (np.diag(later.covariance)[:4] > np.diag(state.covariance)[:4]).all()


def follow(frames, limits=None):
  tracker = Tracker(limits)
  return [
    tracker.step(np.array(found).reshape(-1, 4), np.array(scores)).tolist()
    for found, scores in frames
  ]


def test_people_who_pass_one_another_keep_their_numbers():
  numbers = follow(
    [([box(4.0 * i), box(160 - 4.0 * i, 20)], [0.9, 0.9]) for i in range(40)]
  )
  assert numbers == [[1, 2]] * 40


def test_unsure_detections_continue_a_track_and_start_none():
  sure, unsure = ([box(0), box(200)], [0.9, 0.2]), ([box(0)], [0.2])
  assert follow([sure, unsure, sure]) == [[1, 0], [1], [1, 0]]
  assert follow([([box(0)], [0.05])] * 3) == [[0]] * 3


def test_somebody_new_is_numbered_once_seen_twice():
  far = [box(0), box(300)]
  numbers = follow(
    [
      ([far[0]], [0.9]),
      (far, [0.9, 0.9]),
      (far, [0.9, 0.9]),
      ([far[0]], [0.9]),
      ([far[0], box(600)], [0.9, 0.9]),
    ]
  )
  assert numbers == [[1], [1, 0], [1, 2], [1], [1, 0]]


def test_who_was_hidden_is_the_same_and_who_was_away_is_new():
  def walk(hidden, lost):
    seen = [([box(3.0 * i)], [0.9]) for i in range(60)]
    seen[20 : 20 + hidden] = [([], [])] * hidden
    return follow(seen, Limits(lost=lost))[-1]

  assert walk(hidden=8, lost=10) == [1]
  assert walk(hidden=14, lost=10) == [2]


def test_where_somebody_unseen_should_be():
  tracker = Tracker()
  for i in range(10):
    tracker.step(box(3.0 * i)[None], np.ones(1))
  assert tracker.missing().shape == (0, 4)
  tracker.step(boxes.empty(), np.zeros(0))
  np.testing.assert_allclose(tracker.missing()[0], box(30), atol=2)


def test_switches_as_worked_by_hand():
  right, wrong = np.eye(2), np.array([[0, 0.8], [0.8, 0]])
  counts = switches.count(
    [right, wrong, wrong, right[:1], np.zeros((1, 2))],
    [np.array([7, 9])] * 3 + [np.array([7])] * 2,
    [np.array([1, 2])] * 5,
  )
  # Person 7 is 1, 2, 2, 1 and missed; person 9 is 2, 1, 1.
  assert counts.switches == 3
  assert (counts.missed, counts.false) == (1, 3)
  assert counts.overlap == pytest.approx((2 + 4 * 0.8 + 1) / 7)
