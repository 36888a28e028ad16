import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.training import watching

LOSSES = {'near': {'kind': 'triplet', 'margin': 0.2}, 'view': {'weight': 0.2}}


def row(loss, active, distance):
  return {'near': loss, 'near_active': active, 'near_distance': distance}


GOOD = row(0.15, 0.3, 4.0)


@pytest.mark.parametrize(
  'bad, words',
  [
    (row(0.2, 1.0, 1e-3), 'all embeddings are nearly the same (near 0.2000'),
    (row(0.2, 0.99, 4.0), 'all embeddings are nearly the same'),
    (row(0.1, 0.5, 1e-3), 'all embeddings are nearly the same'),
    (row(0.01, 0.0, 4.0), '0 % of the triplets of near are active'),
  ],
)
def test_an_alarm_is_heard_once_an_episode(bad, words):
  alarm = watching.Alarm(LOSSES)
  heard = [alarm.notice(each) for each in (bad, bad, GOOD)]
  assert heard == [[], [], []]  # As when a run begins.
  for _ in range(2):
    heard = [alarm.notice(bad) for _ in range(5)]
    assert [len(each) for each in heard] == [0, 0, 1, 0, 0]
    assert words in heard[2][0] and 'docs/training.md' in heard[2][0]
    assert alarm.notice(GOOD) == []


def test_numbers_without_triplets_raise_no_alarm():
  alarm = watching.Alarm({'near': {'kind': 'supervised_contrastive'}})
  assert not any(alarm.notice(row(0.2, 1.0, 0.0)) for _ in range(9))
  alarm = watching.Alarm(LOSSES)
  assert not any(alarm.notice({'view': 1.0}) for _ in range(9))


def test_a_batch_is_a_picture_of_rows_and_frames():
  frames = np.arange(3 * 10, dtype=np.uint8).reshape(3, 10, 1, 1)
  frames = np.broadcast_to(frames, (3, 10, 4, 6))
  joints = np.zeros((3, 10, 5, 3), np.float32)
  joints[..., 0] = [0, 10, 20, 30, 999]
  joints[..., 1] = [0, 10, 20, 15, 999]
  joints[..., :4, 2] = 1
  joints[2, 9] = 0  # Nobody is seen.
  batch = dict(silhouettes=jnp.array(frames), keypoints=jnp.array(joints))
  shown = watching.pictures(dict(batch, mask=np.ones((3, 10), bool)))
  assert sorted(shown) == ['batch/keypoints', 'batch/silhouettes']
  image = shown['batch/silhouettes']
  assert image.shape == (1, 3 * 4, 8 * 6, 1) and image.dtype == np.uint8
  assert image[0, 0, 0] == 0 and image[0, -1, -1] == 29 * (255 // 29)
  dots = shown['batch/keypoints'][0, ..., 0]
  assert dots.shape == (3 * 64, 8 * 64)
  assert np.count_nonzero(dots[:64, :64]) == 4 and dots[0, 0]
  assert not dots[128:, 448:].any()
  copies = {name: array[:, None] for name, array in batch.items()}
  again = watching.pictures(dict(copies, mask=np.ones((3, 1, 10), bool)))
  np.testing.assert_array_equal(again['batch/keypoints'][0, ..., 0], dots)


def test_weights_are_samples_of_each():
  found = watching.weights({'a': {'b': jnp.arange(25_000.0)}, 'c': jnp.ones(3)})
  assert sorted(found) == ['weights/a/b', 'weights/c']
  assert len(found['weights/a/b']) <= 10_000
  assert found['weights/a/b'][[0, -1]].tolist() == [0, 24_999]
