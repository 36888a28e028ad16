import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import tiles


def embeddings(rows):
  return np.random.default_rng(2).normal(size=(rows, 2, 3)).astype(np.float32)


def test_tiles_cover_every_row_once_in_one_shape():
  values = embeddings(10)
  rows = np.array([9, 1, 4, 7, 0])
  read = list(tiles.read(tiles.Subset(values, rows), 2))
  assert [(start, count) for start, count, _ in read] == [
    (0, 2),
    (2, 2),
    (4, 1),
  ]
  assert {tile.shape for *_, tile in read} == {(2, 2, 3)}
  np.testing.assert_array_equal(read[1][2], values[[4, 7]])
  np.testing.assert_array_equal(read[2][2][0], values[0])
  assert not np.any(read[2][2][1])


@pytest.mark.parametrize(
  ('device', 'given', 'tile'),
  [
    ('cpu', 'float64', 'float32'),
    ('cpu', 'int64', 'float32'),
    ('cpu', 'bfloat16', 'bfloat16'),
    ('cpu', 'float16', 'float32'),
    ('gpu', 'float16', 'float16'),
  ],
)
def test_tiles_are_float32_or_shorter(monkeypatch, device, given, tile):
  monkeypatch.setattr(jax, 'default_backend', lambda: device)
  values = embeddings(3).astype(jnp.dtype(given))
  assert {read.dtype for *_, read in tiles.read(values, 2)} == {jnp.dtype(tile)}


def test_a_tile_is_bounded_by_bytes_and_rows_and_balanced():
  large, small = np.zeros((1, 64, 256)), np.zeros((1, 1, 4))
  assert tiles.rows_per_tile(large, 66_000, 2**26) <= 1024
  assert tiles.rows_per_tile(large, 1025, 2**26) == 513
  assert tiles.rows_per_tile(large, 10**6, 1) == 1
  assert tiles.rows_per_tile(large, 0, 2**26) == 1
  assert tiles.rows_per_tile(small, 10**6, 2**26) <= tiles.LARGEST_ROWS


def test_shards_read_as_their_concatenation():
  values = embeddings(10)
  shards = tiles.Shards([values[:1], values[1:1], values[1:6], values[6:]])
  assert shards.shape == values.shape
  for begin in range(10):
    for end in range(begin + 1, 11):
      np.testing.assert_array_equal(shards[begin:end], values[begin:end])
  for rows in ([0], [3], [9], [0, 1, 5, 6, 9], [2, 2, 7]):
    np.testing.assert_array_equal(shards[np.array(rows)], values[rows])


def test_a_slice_within_one_shard_is_not_copied():
  values = embeddings(6)
  shards = tiles.Shards([values[:3], values[3:]])
  assert np.shares_memory(shards[3:5], values)


@pytest.mark.parametrize('shapes', [[], [(2, 2, 3), (2, 2, 4)]])
def test_shards_that_do_not_fit_are_told(shapes):
  with pytest.raises(UserError, match='same p and d'):
    tiles.Shards([np.zeros(shape) for shape in shapes])
