"""Embedding many sequences: batches in, [N,p,d] out, on all devices."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from gaitgs_jax.input import augment as inputs_of
from gaitgs_jax.modalities import MODALITIES, Shapes
from gaitgs_jax.training import meshes, states
from gaitgs_jax.training.states import Arrays

EmbedFn = Callable[[Arrays, Arrays, dict[str, Any]], tuple[Any, Any]]

_KEYS = (*MODALITIES, 'mask', 'sequence')


def make_embed(
  graphdef: nnx.GraphDef,
  *,
  sizes: Shapes,
  mesh: Mesh,
  transform: inputs_of.Transform = inputs_of.keep,
) -> EmbedFn:
  """Returns the jitted (params, stats, batch) -> (embedding, sequence).

  It compiles once for each length of batch. Every device gets the whole
  result, so that each process can read it.

  Args:
    graphdef: the model's static part, of `states.split`.
    sizes: of the frames that the model sees, see `input.augment.inputs`.
    mesh: where to run.
    transform: what happens to them, of `input.augment.create`.
  """

  def embed_batch(
    params: Arrays, stats: Arrays, batch: dict[str, jax.Array]
  ) -> tuple[jax.Array, jax.Array]:
    model = states.join(graphdef, params, stats)
    output = model(*transform.of_batch(batch, sizes))
    return output.embedding.astype(jnp.float32), batch['sequence']

  return jax.jit(embed_batch, out_shardings=meshes.replicated(mesh))


def fill_rows(
  batch: dict[str, np.ndarray], multiple: int
) -> dict[str, np.ndarray]:
  """Repeats the first row until the rows divide by `multiple`.

  The filler rows are marked by sequence -1.
  """
  rows = len(batch['sequence'])
  extra = -rows % multiple
  if not extra:
    return batch
  filled = {
    key: np.concatenate([value, np.repeat(value[:1], extra, axis=0)])
    for key, value in batch.items()
  }
  filled['sequence'][rows:] = -1
  return filled


def embed(
  embed_fn: EmbedFn,
  params: Arrays,
  stats: Arrays,
  batches: Iterable[dict[str, np.ndarray]],
  rows: np.ndarray,
  *,
  mesh: Mesh,
) -> tuple[np.ndarray, np.ndarray]:
  """Embeds the sequences of some batches.

  Args:
    embed_fn: of `make_embed`.
    params: the model's.
    stats: the model's.
    batches: dicts with an array [n,s,...] of each modality, mask bool [n,s] and
      sequence int32 [n], -1 for rows to be ignored; any n, and few different
      shapes.
    rows: the sequences wanted [N]; the batches hold each of them at most once,
      and no other.
    mesh: the mesh of `make_embed`.

  Returns:
    float32 [F,p,d], in the order of `rows`, and bool [N]: which of them these
    F are.
  """
  place = {int(row): i for i, row in enumerate(rows)}
  result = np.empty((0, 0, 0), np.float32)
  found = np.zeros(len(rows), bool)
  for vectors, sequences in _one_late(
    embed_fn(params, stats, meshes.place(piece, mesh))
    for batch in batches
    for piece in _pieces(batch, mesh)
  ):
    vectors, sequences = np.asarray(vectors), np.asarray(sequences)
    kept = sequences >= 0
    if not result.size:
      result = np.empty((len(rows), *vectors.shape[1:]), np.float32)
    places = [place[int(i)] for i in sequences[kept]]
    result[places] = vectors[kept]
    found[places] = True
  return (result if found.all() else result[found]), found


def _one_late(items: Iterable[Any]) -> Iterator[Any]:
  """Yields each item after the next was made, so that devices never wait."""
  last = None
  for item in items:
    if last is not None:
      yield last
    last = item
  if last is not None:
    yield last


def _pieces(
  batch: dict[str, np.ndarray], mesh: Mesh
) -> Iterator[dict[str, np.ndarray]]:
  """Yields the rows of a batch that are computed at once, filled to divide."""
  batch = {key: x for key, x in batch.items() if key in _KEYS}
  one_each = mesh.devices.flat[0].platform == 'cpu'
  # With several processes all must compute as many pieces.
  if one_each and jax.process_count() == 1:
    real = batch['sequence'] >= 0
    batch = {key: x[real] for key, x in batch.items()}
  slices = len(meshes.local_slices(mesh))
  batch = fill_rows(batch, slices)
  if not one_each:
    yield batch
    return
  # Many sequences would leave no room in a CPU's caches.
  for row in range(len(batch['sequence']) // slices):
    yield {key: x[row :: len(x) // slices] for key, x in batch.items()}
