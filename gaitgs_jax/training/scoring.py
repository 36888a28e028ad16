"""Evaluation within a run: embed the test set, count, save, print."""

import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from gaitgs_jax import evaluation, modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import (
  baseline,
  outcomes,
  protocols,
  published,
  report,
  result_files,
)
from gaitgs_jax.input import pipeline
from gaitgs_jax.training import (
  checks,
  embedding,
  labels,
  meshes,
  preprocessing,
  processes,
  workdirs,
)
from gaitgs_jax.training.scores import Score
from gaitgs_jax.training.setup import Data
from gaitgs_jax.training.states import Arrays
from gaitgs_jax.training.stopping import Stopping

_FOLDER = 'evaluation'
# Sequences that are read between two looks at whether to stop.
_READ = 32


class Stopped(Exception):
  """The processes were asked to stop in the middle of an evaluation."""


class Scorer:
  """Evaluates models by the config's protocol and keeps the results.

  Args:
    config: the run's.
    data: its dataset.
    graphdef: the model's static part.
    mesh: where to embed.
    workdir: results go to workdir/evaluation/<label>.json.
    stopping: when the processes agree to stop, an evaluation raises `Stopped`.
  """

  def __init__(
    self,
    config: Any,
    data: Data,
    graphdef: nnx.GraphDef,
    mesh: Mesh,
    workdir: pathlib.Path,
    stopping: Stopping | None = None,
  ):
    self._config, self._data, self._mesh = config, data, mesh
    self._folder = workdir / _FOLDER
    self._stopping = stopping
    self._described = False
    self._embed = embedding.make_embed(
      graphdef,
      sizes=preprocessing.input_sizes(config),
      transform=preprocessing.create_transform(config),
      mesh=mesh,
    )
    self._protocol = protocols.get_protocol(config.evaluation.protocol)
    self._views = self._select(self._data.test).view_names
    checks.check_evaluation(config, data, mesh.shape['data'])
    if config.evaluation.baseline:
      self._baseline()

  def _select(self, rows: np.ndarray) -> protocols.Selection:
    """Returns whom the protocol takes, or what would end an evaluation."""
    index = self._data.index(rows)
    try:
      return protocols.select(
        self._protocol,
        index.subject,
        index.condition,
        index.view,
        index.columns,
      )
    except UserError as error:
      raise UserError(
        f'{error}; to train without evaluating, set '
        "config.evaluation.protocol=''"
      ) from error

  @property
  def basis(self) -> str:
    """On what the scores are counted, see `scores.Score`."""
    options, dataset = self._config.evaluation, self._config.dataset.name
    subjects = self._data.source.index.subject[self._data.test]
    changed = ', transformed' if options.transform else ''
    if options.frames_max:
      changed += f', the first {options.frames_max} frames'
    return (
      f'protocol {self._protocol.name} ({self._protocol.fingerprint}), '
      f'{options.metric} distance{changed}, the '
      f'{len(np.unique(subjects))} test subjects of {dataset}'
    )

  @property
  def _counted(self) -> dict[str, str]:
    """What a saved result says of how it was counted."""
    return {
      'dataset': self._config.dataset.name,
      'protocol': self._protocol.name,
      'metric': self._config.evaluation.metric,
      'fingerprint': self._protocol.fingerprint,
    }

  def has(self, label: str) -> bool:
    """Returns whether an evaluation of that label was saved before.

    A file that is damaged is renamed, and a line says so. All processes get
    what the first one sees: the others may look later.

    Raises:
      UserError: the file cannot be read, which says nothing of what it holds.
    """
    return processes.first_says(
      not jax.process_index() and self._is_whole(label)
    )

  def _is_whole(self, label: str) -> bool:
    path = self._folder / f'{label}.json'
    try:
      # So that what ends below is its content.
      workdirs.read(path)
      result_files.load(path)
    except FileNotFoundError:
      return False
    except (ValueError, result_files.ContentError):
      aside = workdirs.set_aside(path)
      print(f'{path} is damaged: it is {aside.name} now', flush=True)
      return False
    return True

  def model(
    self, label: str, params: Arrays, stats: Arrays, **kept: str
  ) -> dict[str, float]:
    """Evaluates a model on the test rows; returns the result's numbers.

    Args:
      label: to save the result under.
      params: the model's.
      stats: the model's.
      **kept: what to save with the result.
    """
    options = self._config.evaluation
    batches = pipeline.evaluation_batches(
      self._data.source,
      self._data.test,
      options.batch_frames,
      dataset=self._data.dataset,
      frames_max=options.frames_max,
      multiple=self._mesh.shape['data'],
      slots=functools.partial(meshes.local_rows, mesh=self._mesh),
      unreadable=self._data.unreadable,
    )
    embeddings, found = embedding.embed(
      self._embed,
      params,
      stats,
      self._until_stopped(batches),
      self._data.test,
      mesh=self._mesh,
    )
    return self._record(label, embeddings, self._data.test[found], **kept)

  def checkpoint(
    self,
    step: int,
    params: Arrays,
    stats: Arrays,
    other: pathlib.Path | None = None,
  ) -> None:
    """Evaluates a checkpoint; `other` is its folder, if not of this workdir."""
    label = labels.choose(self._folder, step, other, self._counted)
    kept = {'checkpoint': str(other)} if other else {}
    self.model(label, params, stats, **kept)

  def _baseline(self) -> tuple[str, str]:
    """Returns a modality that has a baseline, and its name.

    Raises:
      UserError: no modality of the data has one.
    """
    for name in self._data.source.modalities:
      if label := modalities.get(name).baseline:
        return name, label
    raise UserError(
      'config.evaluation.baseline is True, but there is none for'
      f' {" and ".join(self._data.source.modalities)}: set it to False'
    )

  def baseline(self, *, again: bool) -> None:
    """Evaluates what needs no network, if not done before or wanted again."""
    source = self._data.source
    modality, label = self._baseline()
    feature = baseline.BASELINES[label]
    if self.has(label) and not again:
      return
    found: dict[int, np.ndarray] = {}
    # In parts, as a process may skip sequences that another could read.
    parts = np.split(self._data.test, range(_READ, len(self._data.test), _READ))
    for rows in self._until_stopped(parts):
      reads = pipeline.read_whole(
        source,
        rows,
        self._data.unreadable,
        self._config.evaluation.frames_max,
      )
      found |= {row: feature(read[modality]) for row, read in reads}
    self._record(label, list(found.values()), np.array(list(found), int))

  def show(self) -> None:
    """Prints every saved evaluation of this protocol side by side."""
    if jax.process_index() or not self._folder.is_dir():
      return
    saved = {}
    for path in self._folder.glob('*.json'):
      try:
        saved[path.stem] = result_files.load(path)
      except UserError as error:
        print(f'left out: {error}', flush=True)
    results = {
      label: saved[label].result
      for label in sorted(saved, key=_order)
      if self._is_ours(saved[label].meta)
    }
    if len(results) > 1:
      print(f'\n{self._table(results)}\n', flush=True)

  def score(self, numbers: Mapping[str, float]) -> Score:
    """Returns the score of a model, by what `model` gave of it."""
    metric = self._protocol.metrics[0]
    value = headline(numbers, self._protocol)
    return Score(value, self.basis, report.title(metric))

  def _is_ours(self, meta: Mapping[str, Any]) -> bool:
    """Returns whether a saved result was counted by this protocol."""
    ours = self._counted
    return all(
      meta.get(each, ours[each]) == ours[each]
      for each in ('protocol', 'fingerprint')
    )

  def _until_stopped(self, items: Any) -> Iterator[Any]:
    for item in items:
      if self._stopping is not None and self._stopping.agree():
        raise Stopped
      yield item

  def _record(
    self,
    label: str,
    embeddings: np.ndarray | Sequence[np.ndarray],
    rows: np.ndarray,
    **kept: str,
  ) -> dict[str, float]:
    """Counts, saves and prints what the embeddings of some rows give."""
    if not len(rows):
      raise UserError('no test sequence can be read: look at the dataset')
    index = self._data.index(rows)
    given = (
      np.asarray(embeddings),
      index.subject,
      index.condition,
      index.view,
    )
    options = dict(metric=self._config.evaluation.metric, columns=index.columns)
    whole = protocols.Evaluation.of(self._protocol, *given, **options)
    result, each = protocols.count(whole)
    if self._config.evaluation.verification:
      result |= evaluation.verify(self._protocol, *given, **options)
    if not jax.process_index():
      result_files.save(
        result,
        self._folder / f'{label}.json',
        **self._counted,
        **kept,
        rules=self._protocol.plain(),
        views=self._select(rows).view_names,
      )
      outcomes.save(each, self._folder / f'{label}.npz')
      print(f'\n{self._table({label: result})}\n', flush=True)
      if self._protocol.submission:
        path = self._folder / f'{label}.csv'
        evaluation.submit(path, self._protocol, *given, **options)
        print(f'submission: {path}', flush=True)
    return {k: v for k, v in result.items() if isinstance(v, float)}

  def _table(self, results: Mapping[str, protocols.Result]) -> str:
    config = self._config
    # Once a run; the same lines above every table would hide the numbers.
    described, self._described = not self._described, True
    return report.table(
      results,
      self._protocol,
      published.published(
        config.get('published'),
        self._protocol,
        dataset=config.dataset.name,
        model_name=config.model_name,
        inputs=preprocessing.input_sizes(config),
        partition=config.dataset.partition,
      ),
      metric=config.evaluation.metric,
      views=self._views,
      described=described,
    )


def headline(
  numbers: Mapping[str, float], protocol: protocols.Protocol
) -> float:
  """Returns what the best model has most of: the protocol's first metric.

  It is the mean over the names of probes. A result without any is worth less
  than every other.
  """
  keys = [protocols.key(name, protocol.metrics[0]) for name in protocol.probes]
  values = [numbers[key] for key in keys if key in numbers]
  values = [value for value in values if np.isfinite(value)]
  return float(np.mean(values)) if values else -1.0


def _order(label: str) -> tuple[int, str]:
  known = [*baseline.BASELINES, 'untrained']
  return (known.index(label) if label in known else len(known), label)
