import numpy as np
import pytest

from gaitgs_jax.evaluation import ranking, tiles


def test_average_precision_by_hand():
  # Positives at ranks 1 and 3: (1/1 + 2/3) / 2.
  value = ranking.average_precision(np.array([True, False, True, False]))
  assert value == pytest.approx(5 / 6)
  assert np.isnan(ranking.average_precision(np.array([False, False])))


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
  np.testing.assert_array_equal(found, expected)


def test_the_first_of_equals_wins_across_tiles(monkeypatch):
  embeddings = np.ones((6, 1, 2))
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', 16)
  found = ranking.nearest_rows(
    embeddings, np.array([0]), [np.array([4, 2, 5, 1])], metric='euclidean'
  )
  assert found.tolist() == [[4]]


def test_padding_is_never_nearest(monkeypatch):
  # Padding is zeros, nearer to the probe than any real item.
  embeddings = np.array([0.0, 9.0, 8.0, 7.0]).reshape(4, 1, 1)
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', 8)
  found = ranking.nearest_rows(
    embeddings, np.array([0]), [np.array([1, 2, 3])], metric='euclidean'
  )
  assert found.tolist() == [[3]]


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
  correct, precision = ranking.rank_all(
    embeddings,
    np.array([0, 3]),
    np.array([1, 2, 4, 5]),
    subjects,
    views,
    metric='euclidean',
  )
  # Probe 0: item 1 has its subject and view and is dropped; then 2 (wrong),
  # 4 (wrong), 5 (right, rank 3). Probe 3: 2 or 4 at distance 1, both wrong,
  # then 1 and 5 at distance 2: right at ranks 3 and 4.
  assert correct.tolist() == [False, False]
  np.testing.assert_allclose(precision, [1 / 3, (1 / 3 + 2 / 4) / 2])
