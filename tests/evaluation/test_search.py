import jax
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, search, sharing, tiles


def embeddings(rows, seed=0, parts=3, features=8):
  rng = np.random.default_rng(seed)
  return rng.normal(size=(rows, parts, features)).astype(np.float32)


def brute(probes, gallery, k, metric):
  """Float64, the whole matrix, a stable sort."""
  x = np.asarray(probes, np.float64)[:, None]
  y = np.asarray(gallery, np.float64)[None]
  if metric == 'euclidean':
    matrix = np.sqrt(((x - y) ** 2).sum(-1)).mean(-1)
  else:
    norms = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    matrix = 1 - ((x * y).sum(-1) / norms).mean(-1)
  rows = np.argsort(matrix, 1, kind='stable')[:, :k]
  return np.take_along_axis(matrix, rows, 1), rows


@pytest.fixture(params=[1, 4])
def devices(request):
  return jax.devices()[: request.param]


@pytest.fixture
def small_tiles(monkeypatch):
  """Tiles of 5 probes, and of 7 of the gallery on each device."""
  monkeypatch.setattr(tiles, 'PROBE_BYTES', 5 * 4 * 3 * 8)
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', 7 * 4 * 3 * 8)


@pytest.mark.parametrize('metric', distance.METRICS)
@pytest.mark.parametrize('k', [1, 10, 61])
def test_a_search_in_tiles_equals_a_sorted_matrix(
  small_tiles, devices, metric, k
):
  probes, gallery = embeddings(13), embeddings(61, seed=1)
  found = search.search(probes, gallery, k, metric=metric, devices=devices)
  distances, rows = brute(probes, gallery, k, metric)
  np.testing.assert_array_equal(found.rows, rows)
  np.testing.assert_allclose(found.distances, distances, atol=1e-5)


@pytest.mark.parametrize('preselected', [False, True])
def test_of_equally_near_ones_the_lower_row_comes_first(
  small_tiles, devices, preselected
):
  # Whole numbers along one axis: distances are exact.
  gallery = np.zeros((61, 3, 8), np.float32)
  gallery[:, :, 0] = (np.arange(61) % 3)[:, None]
  preselect = search.Preselection.fit(gallery) if preselected else None
  found = search.search(
    np.zeros((2, 3, 8), np.float32),
    gallery,
    30,
    preselect=preselect,
    candidates=61,
    devices=devices,
  )
  expected = [*range(0, 61, 3), *range(1, 61, 3)][:30]
  assert found.rows.tolist() == [expected, expected]
  assert set(found.distances.ravel().tolist()) == {0, 1}


def test_a_gallery_may_be_mapped_or_in_shards(tmp_path, small_tiles):
  probes, gallery = embeddings(6), embeddings(40, seed=1)
  np.save(tmp_path / 'gallery.npy', gallery)
  mapped = np.load(tmp_path / 'gallery.npy', mmap_mode='r')
  expected = search.search(probes, gallery, 5)
  for given in (mapped, [gallery[:3], mapped[3:30], gallery[30:]]):
    found = search.search(probes, given, 5)
    np.testing.assert_array_equal(found.rows, expected.rows)
    preselect = search.Preselection.fit(given)
    found = search.search(probes, given, 5, preselect=preselect)
    np.testing.assert_array_equal(found.rows, expected.rows)


class Drawn:
  """A gallery that exists only where it is read."""

  def __init__(self, rows):
    self.shape = (rows, 3, 8)
    self.held, self.read = 0, 0

  def __getitem__(self, rows):
    self.held = max(self.held, sum(array.nbytes for array in jax.live_arrays()))
    rows = np.arange(*rows.indices(self.shape[0]))
    self.read = max(self.read, len(rows))
    values = np.sin(np.arange(24) * (rows[:, None] + 1))
    return values.reshape(-1, 3, 8).astype(np.float32)


def test_memory_does_not_grow_with_the_gallery(small_tiles):
  held, probes = {}, embeddings(5)
  before = sum(array.nbytes for array in jax.live_arrays())
  mesh = sharing.local_mesh()
  for rows in (10 * 7 * mesh.size, 100 * 7 * mesh.size):
    gallery = Drawn(rows)
    search.search(probes, gallery, 3)
    assert gallery.read == 7 * mesh.size
    held[rows] = gallery.held - before
  small, large = held.values()
  tile, whole = 7 * mesh.size * 3 * 8 * 4, probes.nbytes * mesh.size
  assert small == large < 3 * tile + 2 * whole


def test_what_is_compiled_holds_one_tile_of_distances():
  n, size, k, mesh = 64, 512, 4, sharing.local_mesh()
  best = search.Survey(
    jax.ShapeDtypeStruct((mesh.size, n, k), np.float32),
    jax.ShapeDtypeStruct((mesh.size, n, k), np.int32),
    jax.ShapeDtypeStruct((mesh.size, n), np.float32),
  )
  compiled = search._nearer.lower(
    best,
    jax.ShapeDtypeStruct((n, 16, 8), np.float32),
    jax.ShapeDtypeStruct((mesh.size * size, 16, 8), np.float32),
    jax.ShapeDtypeStruct((2,), np.int32),
    metric='euclidean',
    mesh=mesh,
  ).compile()
  # Some copies of [n,size]; all parts at once would be 16 of them.
  used = compiled.memory_analysis().temp_size_in_bytes
  assert 0 < used < 8 * 4 * n * size


@pytest.mark.parametrize('metric', distance.METRICS)
def test_preselection_compares_exactly_what_it_selects(devices, metric):
  # Along few directions, as embeddings of a trained network are.
  rng = np.random.default_rng(3)
  latent = rng.normal(size=(320, 5)) @ rng.normal(size=(5, 24))
  noise = rng.normal(0, 0.05, (320, 24))
  values = (latent + noise).reshape(-1, 3, 8).astype(np.float32)
  probes, gallery = values[:20], values[20:]
  preselect = search.Preselection.fit(
    gallery, features=5, metric=metric, devices=devices
  )
  assert preselect.vectors.shape == (300, 1, 5)
  found = search.search(
    probes,
    gallery,
    5,
    metric=metric,
    preselect=preselect,
    candidates=60,
    devices=devices,
  )
  distances, rows = brute(probes, gallery, 300, metric)
  right = [
    len(set(a) & set(b[:5])) for a, b in zip(found.rows, rows, strict=True)
  ]
  assert np.mean(right) >= 4.9
  # Whatever was found has its exact distance; a cosine's is rounded as 1 is.
  place = np.argmax(rows[:, None, :] == found.rows[:, :, None], axis=2)
  expected = np.take_along_axis(distances, place, 1)
  np.testing.assert_allclose(found.distances, expected, rtol=1e-5, atol=3e-7)


def test_preselection_of_identical_sequences_is_harmless():
  gallery = np.ones((9, 3, 8), np.float32)
  preselect = search.Preselection.fit(gallery)
  found = search.search(gallery[:1], gallery, 4, preselect=preselect)
  assert found.rows.tolist() == [[0, 1, 2, 3]]


def test_no_probe_finds_nothing():
  found = search.search(embeddings(0), embeddings(4), 2)
  assert found.distances.shape == found.rows.shape == (0, 2)


@pytest.mark.parametrize('k', [0, 5])
def test_k_beyond_the_gallery_is_told(k):
  with pytest.raises(UserError, match=rf'k = {k}, .* 4 sequences'):
    search.search(embeddings(1), embeddings(4), k)


def test_shapes_that_differ_are_told():
  with pytest.raises(UserError, match=r'\[2, 3, 8\].*\[4, 3, 7\]'):
    search.search(embeddings(2), embeddings(4, features=7), 1)


def test_an_unknown_metric_is_told():
  with pytest.raises(UserError, match='manhattan'):
    search.search(embeddings(1), embeddings(4), 1, metric='manhattan')


@pytest.mark.parametrize('value', [np.nan, np.inf, 1e30])
@pytest.mark.parametrize('preselected', [False, True])
def test_an_embedding_that_is_not_finite_is_told(value, preselected):
  gallery = embeddings(40)
  preselect = search.Preselection.fit(gallery) if preselected else None
  gallery[23, 1, 2] = value
  with pytest.raises(UserError, match='probe 0 to row 23'):
    search.search(embeddings(2), gallery, 20, preselect=preselect)
  probes = embeddings(2)
  probes[1, 0, 0] = value
  with pytest.raises(UserError, match='probe 1 to row'):
    search.search(probes, embeddings(40), 20, preselect=preselect)


def test_another_preselection_is_told():
  gallery = embeddings(9)
  preselect = search.Preselection.fit(gallery, metric='cosine')
  for given, metric in ((gallery, 'euclidean'), (gallery[:8], 'cosine')):
    with pytest.raises(UserError, match='9 sequences for the cosine metric'):
      search.search(gallery, given, 1, metric=metric, preselect=preselect)
