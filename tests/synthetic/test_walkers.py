import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.synthetic import CONDITIONS, VIEWS, walk


def test_same_arguments_give_the_same_bytes():
  first = walk(3, 1, 'bg-01', '036', frames=12)
  walk(4, 7, 'nm-02', '180', frames=3)
  second = walk(3, 1, 'bg-01', '036', frames=12)
  np.testing.assert_array_equal(first.silhouettes, second.silhouettes)
  np.testing.assert_array_equal(first.keypoints, second.keypoints)


@pytest.mark.parametrize(
  'other',
  [
    (1, 0, 'nm-01', '090'),
    (0, 1, 'nm-01', '090'),
    (0, 0, 'nm-02', '090'),
    (0, 0, 'nm-01', '108'),
  ],
)
def test_any_other_argument_gives_another_walk(other):
  base = walk(0, 0, 'nm-01', '090', frames=20)
  changed = walk(*other, frames=20)
  assert (base.silhouettes != changed.silhouettes).mean() > 0.001


def test_whole_walks_have_realistic_lengths_and_values():
  lengths = set()
  for subject in range(4):
    result = walk(0, subject, CONDITIONS[subject], VIEWS[subject])
    frames = len(result.silhouettes)
    lengths.add(frames)
    assert 40 <= frames <= 110
    assert result.silhouettes.shape == (frames, 240, 320)
    assert result.silhouettes.dtype == np.uint8
    assert set(np.unique(result.silhouettes)) == {0, 255}
    assert result.keypoints.shape == (frames, 17, 3)
    assert result.keypoints.dtype == np.float32
  assert len(lengths) > 1


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ((0, 0, 'nm-07', '090', 5), 'nm-06'),
    ((0, 0, 'nm-01', '45', 5), '036'),
    ((0, 0, 'nm-01', '090', 0), '1..60'),
    ((0, 0, 'nm-01', '090', 61), '61'),
  ],
)
def test_wrong_arguments_are_named(arguments, message):
  *rest, frames = arguments
  with pytest.raises(UserError, match=message):
    walk(*rest, frames=frames)
