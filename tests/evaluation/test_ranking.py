import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import metrics, ranking, tiles


def test_average_precision_by_hand():
  # Positives at ranks 1 and 3: (1/1 + 2/3) / 2.
  value = metrics.average_precision(np.array([1, 3]))
  assert value == pytest.approx(5 / 6)
  assert np.isnan(metrics.average_precision(np.array([], int)))


@pytest.mark.parametrize('few', [0, 64])
def test_ranks_are_those_of_a_stable_sort(monkeypatch, few):
  monkeypatch.setattr(ranking, '_FEW', few)
  random = np.random.default_rng(0)
  for _ in range(20):
    distances = random.integers(4, size=12).astype(np.float32)
    places = np.flatnonzero(random.random(12) < 0.4)
    order = sorted(range(12), key=lambda row: (distances[row], row))
    wanted = sorted(1 + order.index(place) for place in places)
    assert ranking.ranks_of(distances, places).tolist() == wanted


def brute_nearest(embeddings, probes, galleries):
  def gap(a, b):
    return np.sqrt(((a - b) ** 2).sum(-1)).mean(-1)

  return np.array(
    [
      [
        rows[np.argmin(gap(embeddings[probe], embeddings[rows]))]
        if len(rows)
        else -1
        for rows in galleries
      ]
      for probe in probes
    ]
  )


@pytest.mark.parametrize('probe_bytes, gallery_bytes', [(1, 1), (256, 400)])
def test_small_tiles_find_the_same_nearest(
  monkeypatch, probe_bytes, gallery_bytes
):
  embeddings = np.random.default_rng(0).normal(size=(40, 3, 5))
  rows = np.random.default_rng(1).permutation(40)
  probes = rows[:17]
  galleries = [rows[17:30], rows[:0], rows[30:31], rows[31:]]
  expected = brute_nearest(embeddings, probes, galleries)
  monkeypatch.setattr(tiles, 'PROBE_BYTES', probe_bytes)
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', gallery_bytes)
  found = ranking.nearest_rows(
    embeddings, probes, galleries, metric='euclidean'
  )
  np.testing.assert_array_equal(found[..., 0], expected)


def test_the_first_of_equals_wins_across_tiles(monkeypatch):
  embeddings = np.ones((6, 1, 2))
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', 16)
  found = ranking.nearest_rows(
    embeddings, np.array([0]), [np.array([4, 2, 5, 1])], metric='euclidean'
  )
  assert found.tolist() == [[[4]]]


def test_padding_is_never_nearest(monkeypatch):
  # Padding is zeros, nearer to the probe than any real item.
  embeddings = np.array([0.0, 9.0, 8.0, 7.0]).reshape(4, 1, 1)
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', 8)
  found = ranking.nearest_rows(
    embeddings, np.array([0]), [np.array([1, 2, 3])], metric='euclidean'
  )
  assert found.tolist() == [[[3]]]


def test_embeddings_may_stay_on_disk(tmp_path):
  values = np.random.default_rng(3).normal(size=(12, 2, 4)).astype(np.float32)
  np.save(tmp_path / 'e.npy', values)
  mapped = np.load(tmp_path / 'e.npy', mmap_mode='r')
  rows = np.arange(12)
  split = (rows[:5], [rows[5:]])
  np.testing.assert_array_equal(
    ranking.nearest_rows(mapped, *split, metric='cosine'),
    ranking.nearest_rows(values, *split, metric='cosine'),
  )


@pytest.mark.parametrize('limit', [1, 10**6])
def test_rank_all_by_hand(monkeypatch, limit):
  # On a line: the probe at 0, the gallery ever further away.
  embeddings = np.array([0.0, 1, 2, 3, 4, 5]).reshape(6, 1, 1)
  subjects = np.array([7, 7, 8, 7, 8, 7])
  views = np.array([0, 0, 0, 1, 1, 2])
  monkeypatch.setattr(tiles, 'PROBE_BYTES', limit)
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', limit)
  probes, gallery = np.array([0, 3]), np.array([1, 2, 4, 5])
  blocks = ranking.distance_blocks(
    embeddings, probes, gallery, metric='euclidean'
  )
  first, precision, penalty = ranking.rank_all(
    blocks, probes, gallery, subjects, 10 * subjects + views
  )
  # Probe 0: item 1 has its subject and view and is dropped; then 2 (wrong),
  # 4 (wrong), 5 (right, rank 3). Probe 3: 2 or 4 at distance 1, both wrong,
  # then 1 and 5 at distance 2: right at ranks 3 and 4.
  assert first.tolist() == [3, 3]
  np.testing.assert_allclose(precision, [1 / 3, (1 / 3 + 2 / 4) / 2])
  np.testing.assert_allclose(penalty, [1 / 3, 2 / 4])


def test_more_than_one_nearest_of_galleries_that_may_have_fewer():
  embeddings = np.array([0.0, 3, 1, 2, 1]).reshape(5, 1, 1)
  found = ranking.nearest_rows(
    embeddings,
    np.array([0]),
    [np.array([1, 2, 3, 4]), np.array([3]), np.array([], int)],
    3,
    metric='euclidean',
  )
  assert found.tolist() == [[[2, 4, 3], [3, -1, -1], [-1, -1, -1]]]


def test_cumulative_matches_by_hand():
  # Found at ranks 1, 3, 9 and never.
  curve = metrics.cumulative_matches(np.array([3, 0, 1, 9]), 4)
  assert curve.tolist() == [0.25, 0.25, 0.5, 0.5]


def test_classification_by_hand():
  # Class 0: 1 of 2 guesses right, 1 of 1 found; class 1: never guessed; class
  # 2: 1 of 1, 1 of 1; class 3 does not occur.
  found = metrics.classification(np.array([0, 0, 2]), np.array([0, 1, 2]), 4)
  assert found == pytest.approx(
    {
      'accuracy': 2 / 3,
      'precision': (0.5 + 0 + 1) / 3,
      'recall': (1 + 0 + 1) / 3,
      'f1': (2 / 3 + 0 + 1) / 3,
    }
  )


def test_overlap_by_hand():
  one = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]]])
  other = np.array([[[255, 0], [255, 0]], [[0, 0], [0, 0]]])
  np.testing.assert_allclose(metrics.overlap(one, other), [1 / 3, 0])


def test_reranking_prefers_shared_neighbours():
  # The probe, at 0, is 4 from one whose neighbours are others, at 10 and 12,
  # and 6 from one that is nearest to it.
  place = np.array([0.0, 10, -6, 12, 4])
  distances = np.abs(place[:, None] - place[None])
  plain = distances[0, 1:]
  assert np.argmin(plain) == 3
  assert np.argmin(ranking.rerank(distances, 1, k1=2, k2=1)[0]) == 1
  np.testing.assert_allclose(
    ranking.rerank(distances, 1, weight=1.0)[0], plain / plain.max()
  )


def test_reranking_of_equals_and_of_few_is_finite():
  assert np.isfinite(ranking.rerank(np.zeros((20, 20)), 8)).all()
  assert ranking.rerank(np.array([[0.0, 1], [1, 0]]), 1).shape == (1, 1)
  assert ranking.rerank(np.zeros((3, 3)), 0).shape == (0, 3)


@pytest.mark.parametrize(
  'distances, options, message',
  [
    (np.zeros((2, 3)), {}, r'\(2, 3\); expected \[N,N\]'),
    (np.full((2, 2), np.nan), {}, 'NaN or infinity'),
    (np.zeros((2, 2)), {'probes': 3}, '3 probes among 2'),
    (np.zeros((2, 2)), {'k1': 0}, 'k1=0'),
    (np.zeros((2, 2)), {'weight': 1.5}, r'weight=1\.5'),
  ],
)
def test_what_cannot_be_reranked(distances, options, message):
  with pytest.raises(UserError, match=message):
    ranking.rerank(distances, **{'probes': 1, **options})
