import jax
import numpy as np
import pytest
from flax import nnx
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import datasets, pipeline, sources
from gaitgs_jax.training import embedding, meshes, states

CASIA_B = datasets.get('casia_b')


@pytest.fixture(scope='module')
def source(tree):
  return sources.OpenGaitSource(tree)


@pytest.fixture(scope='module')
def model():
  return tiny.Tiny(rngs=nnx.Rngs(0))


def _embed(model, source, rows, *, batch_frames, devices, max_buckets=16):
  graphdef, params, stats = states.split(model)
  embed_fn = embedding.make_embed(
    graphdef, sizes={'silhouettes': tiny.SIZE}, mesh=devices
  )
  batches = pipeline.evaluation_batches(
    source,
    rows,
    batch_frames,
    dataset=CASIA_B,
    max_buckets=max_buckets,
  )
  result, found = embedding.embed(
    embed_fn, params, stats, batches, rows, mesh=devices
  )
  assert found.all()
  return result, embed_fn


def _alone(model, source, row):
  frames = (
    source.read(row)['silhouettes'][None, ..., None].astype(np.float32) / 255
  )
  mask = np.ones(frames.shape[:2], bool)
  return np.asarray(model(frames, mask).embedding[0])


@pytest.mark.parametrize(
  'batch_frames, shape',
  [(1, (1, 1)), (30, (4, 1)), (70, (2, 2)), (640, (3, 1))],
)
def test_any_batch_on_any_devices_is_each_sequence_alone(
  model, source, batch_frames, shape
):
  rows = np.array([17, 3, 30, 4, 11])
  result, _ = _embed(
    model,
    source,
    rows,
    batch_frames=batch_frames,
    devices=meshes.create(*shape),
  )
  assert result.dtype == np.float32
  for vector, row in zip(result, rows, strict=True):
    np.testing.assert_allclose(
      vector, _alone(model, source, row), rtol=1e-4, atol=1e-5
    )


def test_lengths_compile_once_each(model, source):
  rows = np.arange(len(source.index))
  _, embed_fn = _embed(
    model, source, rows, batch_frames=40, devices=meshes.create(), max_buckets=2
  )
  assert embed_fn._cache_size() <= 2


def test_a_cpu_embeds_a_sequence_at_a_time(model, source):
  graphdef, params, stats = states.split(model)
  devices, seen = meshes.create(2), []
  embed_fn = embedding.make_embed(
    graphdef, sizes={'silhouettes': tiny.SIZE}, mesh=devices
  )

  def watched(params, stats, batch):
    seen.append(batch['sequence'].tolist())
    return embed_fn(params, stats, batch)

  rows = np.arange(3)
  batches = pipeline.evaluation_batches(
    source, rows, 99, dataset=CASIA_B, multiple=4, max_buckets=1
  )
  embedding.embed(watched, params, stats, batches, rows, mesh=devices)
  # A row for each device, and none that only fills the batch of 4.
  assert [len(piece) for piece in seen] == [2, 2]
  assert sorted(row for piece in seen for row in piece) == [-1, 0, 1, 2]


def test_a_sequence_that_no_batch_held_is_not_found(model, source):
  graphdef, params, stats = states.split(model)
  devices = meshes.create(1)
  embed_fn = embedding.make_embed(
    graphdef, sizes={'silhouettes': tiny.SIZE}, mesh=devices
  )
  rows = np.arange(4)
  batches = pipeline.evaluation_batches(source, rows, 20, dataset=CASIA_B)
  vectors, found = embedding.embed(
    embed_fn, params, stats, batches, np.arange(5), mesh=devices
  )
  assert len(vectors) == 4
  assert found.tolist() == [True] * 4 + [False]


def test_frames_of_another_size_are_refused(model, source):
  graphdef, params, stats = states.split(model)
  devices = meshes.create(1)
  embed_fn = embedding.make_embed(
    graphdef, sizes={'silhouettes': (16, 12)}, mesh=devices
  )
  rows = np.arange(2)
  batches = pipeline.evaluation_batches(source, rows, 20, dataset=CASIA_B)
  with pytest.raises(UserError, match='size 16x12 cannot be cut'):
    embedding.embed(embed_fn, params, stats, batches, rows, mesh=devices)


def test_filler_rows_are_copies_marked_as_none():
  batch = {
    'silhouettes': np.arange(6, dtype=np.uint8).reshape(3, 2),
    'sequence': np.array([5, 6, 7], np.int32),
  }
  filled = embedding.fill_rows(batch, 4)
  assert filled['sequence'].tolist() == [5, 6, 7, -1]
  assert filled['silhouettes'][3].tolist() == [0, 1]
  assert embedding.fill_rows(batch, 3) is batch
  assert batch['sequence'].tolist() == [5, 6, 7]


def test_every_device_holds_the_result(model, source):
  graphdef, params, stats = states.split(model)
  devices = meshes.create(4)
  embed_fn = embedding.make_embed(
    graphdef, sizes={'silhouettes': tiny.SIZE}, mesh=devices
  )
  batch = next(
    pipeline.evaluation_batches(
      source, np.arange(4), 1, dataset=CASIA_B, multiple=4
    )
  )
  placed = {
    key: jax.device_put(batch[key], meshes.over_data(devices))
    for key in ('silhouettes', 'mask', 'sequence')
  }
  vectors, sequences = embed_fn(params, stats, placed)
  assert vectors.is_fully_replicated and sequences.is_fully_replicated
