"""A trained model as a function of walks: `gaitgs_jax.load`."""

import functools
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from ml_collections import ConfigDict

from gaitgs_jax import atomic, cloud
from gaitgs_jax.apps import config_file, export, shipped, trained
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import datasets, sizes, walks
from gaitgs_jax.modalities import Arrays
from gaitgs_jax.training import (
  checks,
  embedding,
  fingerprint,
  kept,
  labels,
)

# Lengths of batches are multiples of this, as each length compiles once.
_FRAMES = 16

# A walk in memory: frames of the one modality that the model sees, or of each.
Frames = np.ndarray | Mapping[str, np.ndarray]


class Embedder:
  """A trained model that embeds walks.

  Args:
    model: of `trained.restore`.
    title: what messages call it.
    evaluation: the file of its evaluation, None if there is none.
  """

  def __init__(
    self,
    model: trained.Trained,
    title: str,
    *,
    evaluation: pathlib.Path | None = None,
  ):
    self.config, self.step = model.config, model.step
    self.title, self.evaluation = title, evaluation
    self._model = model
    self._embed = embedding.make_embed(
      model.graphdef,
      sizes=model.sizes,
      transform=model.transform,
      mesh=model.mesh,
    )
    self._patterns = sizes.files(
      self.config.inputs, datasets.get(self.config.dataset.name)
    )

  @functools.cached_property
  def fingerprint(self) -> str:
    """A digest of all that decides the embeddings."""
    return fingerprint.fingerprint(
      self.config, self._model.params, self._model.stats
    )

  @property
  def metric(self) -> str:
    """The distance of the embeddings, 'euclidean' or 'cosine'."""
    return self.config.evaluation.metric

  def embed(
    self, frames: Frames | Sequence[Frames], *, batch_frames: int = 1000
  ) -> np.ndarray:
    """Returns the embedding of a walk [p,d], or of a list of walks [n,p,d].

    Args:
      frames: of a model of silhouettes uint8 [s,h,w] of 0 and 255; raw ones,
        of another size than the model's, are pretreated as published. Of
        another modality what `modalities` says; of a model that sees several a
        dict of them. Or a list of such walks, of any lengths.
      batch_frames: frames at a time, padding included.

    Raises:
      UserError: a walk does not fit the model, or shows nobody.
    """
    if isinstance(frames, np.ndarray | Mapping):
      return self.embed([frames], batch_frames=batch_frames)[0]
    return self.embed_arrays(
      [self._fitted(walk, f'walk {i}') for i, walk in enumerate(frames)],
      batch_frames,
    )

  def _fitted(self, walk: Frames, name: str) -> Arrays:
    if not isinstance(walk, Mapping):
      if len(self._model.sizes) > 1:
        raise UserError(
          f'{name}: the model sees {" and ".join(self._model.sizes)}; pass a'
          ' dict of them'
        )
      walk = dict.fromkeys(self._model.sizes, walk)
    return walks.fitted(dict(walk), self._model.sizes, name)

  def find(self, source: str | os.PathLike) -> list[walks.Place]:
    """Returns the walks at a path; see `walks.find`."""
    return walks.find(source, self._patterns)

  def read(self, place: walks.Place, notes: list[str] | None = None) -> Arrays:
    """Returns a walk of `find`, for `embed_arrays`; see `walks.read`."""
    return walks.read(place, self._model.sizes, self._patterns, notes)

  def embed_arrays(
    self, given: Sequence[Arrays], batch_frames: int = 1000
  ) -> np.ndarray:
    """Returns embeddings float32 [n,p,d] of walks that fit the model.

    Args:
      given: at least one, of `read` or `walks.fitted`.
      batch_frames: frames at a time, padding included.

    Raises:
      UserError: there are none.
    """
    if not given:
      raise UserError('there are no walks to embed')
    most = self.config.evaluation.get('frames_max', 0) or None
    given = [{k: x[:most] for k, x in walk.items()} for walk in given]
    embeddings, found = embedding.embed(
      self._embed,
      self._model.params,
      self._model.stats,
      _batches(given, batch_frames),
      np.arange(len(given)),
      mesh=self._model.mesh,
    )
    assert found.all()
    return embeddings

  def export(self, path: str | os.PathLike) -> None:
    """Writes the model as a file for `gaitgs_jax.exported`; docs/export.md.

    Raises:
      UserError: it cannot be written.
    """
    out = cloud.folder(path)
    atomic.check_writable(out)
    atomic.write(out, export.packed(self._model))


def _batches(
  given: Sequence[Arrays], batch_frames: int
) -> Iterator[dict[str, np.ndarray]]:
  """Yields walks in batches of few shapes, the longest first."""
  counts = np.array([len(next(iter(walk.values()))) for walk in given])
  lengths = -(-counts // _FRAMES) * _FRAMES
  for length in np.unique(lengths)[::-1].tolist():
    rows = np.flatnonzero(lengths == length)
    size = max(1, batch_frames // length)
    # Powers of two below it, or a batch of each number would compile.
    size = min(size, 1 << (len(rows) - 1).bit_length())
    for start in range(0, len(rows), size):
      some = rows[start : start + size]
      sequence = np.full(size, -1, np.int32)
      sequence[: len(some)] = some
      mask = np.arange(length) < np.append(counts[some], length)[:, None]
      mask = np.concatenate([mask, np.repeat(mask[-1:], size, 0)])[:size]
      batch = {'mask': mask, 'sequence': sequence}
      for name, first in given[0].items():
        batch[name] = np.zeros((size, length, *first.shape[1:]), first.dtype)
        for place, row in enumerate(some):
          batch[name][place, : counts[row]] = given[row][name]
      yield batch


def load(
  path: str | os.PathLike,
  *,
  config: str | ConfigDict = '',
  checkpoint_: str = '',
) -> Embedder:
  """Opens a trained model; see `gaitgs_jax.load`."""
  place = cloud.folder(path)
  is_file = not cloud.is_url(place) and place.is_file()
  if is_file and not config:
    raise UserError(
      f'{path}: is the file of a model; pass its config too, such as'
      " config='casia_b'"
    )
  given = config
  if not isinstance(given, ConfigDict):
    given = config_file.of_run(os.fspath(path), given)
  checks.check_model(given)
  if is_file:
    model = trained.restore(given, place)
    return Embedder(model, f'{given.model_name} of {place}')
  return opened(given, os.fspath(path), checkpoint_)


def opened(config: ConfigDict, workdir: str, checkpoint_: str) -> Embedder:
  """Opens a checkpoint of a run, whose config is checked.

  Args:
    config: of the run.
    workdir: of the run, or the name of a model of the package.
    checkpoint_: see `checkpoint.choose`.

  Raises:
    UserError: there is no such checkpoint, or it does not fit.
  """
  folder = trained.find(config, workdir, checkpoint_)
  model = trained.restore(config, folder)
  if shipped.is_one(workdir):
    title = f'{config.model_name} {workdir} of the package'
    return Embedder(model, title, evaluation=shipped.evaluation(workdir))
  run = folder.parent
  if run.name == kept.FOLDER:
    run = run.parent
  title = f'{config.model_name} of {run}, step {model.step}'
  path = folder.parents[1] / 'evaluation' / f'{labels.of_step(model.step)}.json'
  evaluation = path if path.is_file() else None
  return Embedder(model, title, evaluation=evaluation)
