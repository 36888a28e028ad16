import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.synthetic import CONDITIONS, VIEWS, walk, walk_keypoints


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
    ((-1, 0, 'nm-01', '090', 5), '-1'),
  ],
)
def test_wrong_arguments_are_named(arguments, message):
  *rest, frames = arguments
  with pytest.raises(UserError, match=message):
    walk(*rest, frames=frames)


def test_the_picture_repeats_with_the_cadence():
  one = walk(0, 1, 'nm-01', '090')
  step = np.diff(one.phase)
  cycle = round(2 * np.pi / np.median(step))
  assert 18 <= cycle <= 36  # 25 frames a second: 0.7 to 1.4 strides.
  width = []
  for frame in one.silhouettes:
    rows, columns = np.nonzero(frame)
    legs = rows > rows.max() - 0.25 * np.ptp(rows)
    width.append(np.ptp(columns[legs]) / np.ptp(rows))
  width = np.array(width) - np.mean(width)
  # The outline of the legs looks the same at every step, twice a cycle.
  lags = range(cycle // 4, 3 * cycle // 4)
  score = [np.corrcoef(width[:-lag], width[lag:])[0, 1] for lag in lags]
  assert abs(lags[int(np.argmax(score))] - cycle / 2) <= 2
  assert max(score) > 0.7 and min(score) < 0


def test_silhouettes_keep_one_person_in_view():
  for view in VIEWS[::5]:
    for condition in ('nm-01', 'bg-02', 'cl-01'):
      one = walk(0, 5, condition, view, frames=40)
      area = (one.silhouettes > 0).sum((1, 2))
      assert area.min() > 500
      assert area.max() < 0.3 * 240 * 320
      rows = one.silhouettes.any(2).sum(1)
      assert rows.min() > 50 and rows.max() < 225
      columns = one.silhouettes.any(1)
      assert not columns[:, :2].any() and not columns[:, -2:].any()


def test_coming_people_grow_and_leaving_people_shrink():
  for view, sign in (('000', 1), ('180', -1)):
    one = walk(0, 0, 'nm-01', view)
    height = one.silhouettes.any(2).sum(1)
    growth = height[-10:].mean() - height[:10].mean()
    assert sign * growth > 15


def _mean_outline(condition, view, subject=4):
  images = []
  for frame in walk(0, subject, condition, view).silhouettes:
    rows, columns = np.nonzero(frame)
    scale = 60 / np.ptp(rows)
    y = ((rows - rows.min()) * scale).astype(int)
    x = ((columns - np.median(columns)) * scale).astype(int) + 40
    image = np.zeros((64, 80))
    image[y, x.clip(0, 79)] = 1
    images.append(image)
  return np.mean(images, 0)


@pytest.mark.parametrize('view', ['036', '090'])
def test_bags_and_coats_change_the_outline_more_than_another_walk(view):
  changes = {'nm-02': 0.0, 'bg-01': 0.0, 'cl-01': 0.0}
  for subject in range(5):
    base = _mean_outline('nm-01', view, subject)
    for condition in changes:
      other = _mean_outline(condition, view, subject)
      changes[condition] += np.abs(other - base).sum()
  assert changes['bg-01'] > 1.05 * changes['nm-02']
  assert changes['cl-01'] > 1.05 * changes['nm-02']


def test_views_differ_more_than_walks():
  base = _mean_outline('nm-01', '090')
  again = np.abs(_mean_outline('nm-02', '090') - base).sum()
  for view in ('000', '036', '180'):
    assert np.abs(_mean_outline('nm-01', view) - base).sum() > 1.5 * again


def test_cameras_of_one_condition_watch_the_same_walk():
  front, side = (walk(0, 2, 'nm-04', view) for view in ('000', '090'))
  steps = [np.median(np.diff(one.phase)) for one in (front, side)]
  np.testing.assert_allclose(steps[0], steps[1], rtol=0.02)


def test_keypoints_alone_are_those_of_the_walk():
  for arguments in ((0, 1, 'bg-02', '036'), (5, 0, 'cl-01', '180')):
    whole = walk(*arguments, frames=9)
    np.testing.assert_array_equal(
      walk_keypoints(*arguments, frames=9), whole.keypoints
    )


def test_a_larger_picture_shows_the_same_walk():
  small = walk(0, 0, 'nm-01', '072', frames=5)
  large = walk(0, 0, 'nm-01', '072', frames=5, size=(480, 640))
  assert large.silhouettes.shape == (5, 480, 640)
  found = small.keypoints[..., 2] > 0
  np.testing.assert_allclose(
    large.keypoints[found, :2], 2 * small.keypoints[found, :2], atol=0.02
  )
