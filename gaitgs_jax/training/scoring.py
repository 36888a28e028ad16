"""Evaluation within a run: embed the test set, count, save, print."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from gaitgs_jax import modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import (
  baseline,
  outcomes,
  protocols,
  published,
  report,
  result_files,
  submissions,
  verification,
  walks,
)
from gaitgs_jax.evaluation.protocols.rules import GALLERY, PROBES
from gaitgs_jax.input import pipeline
from gaitgs_jax.input.index import Index, concatenate
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
    gallery: where the gallery is from, if not from `data` as the probes are.
    others: which of config.others it is; '' for config.dataset.
  """

  def __init__(
    self,
    config: Any,
    data: Data,
    graphdef: nnx.GraphDef,
    mesh: Mesh,
    workdir: pathlib.Path,
    stopping: Stopping | None = None,
    gallery: Data | None = None,
    others: str = '',
  ):
    self._config, self._mesh, self._others = config, mesh, others
    self._parts = [data] if gallery is None else [data, gallery]
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
    if gallery is not None:
      self._protocol = self._protocol.across()
    every = self._index([part.test for part in self._parts])
    self._views = self._select(every).view_names
    for part in self._parts:
      checks.check_evaluation(config, part, mesh.shape['data'])
    if config.evaluation.baseline:
      self._baseline()

  def _index(self, rows: Sequence[np.ndarray]) -> Index:
    """Returns what is known of some rows of each part."""
    found = []
    for sensor, part, some in zip(
      (PROBES, GALLERY), self._parts, rows, strict=False
    ):
      index = part.index(some)
      named = {'sensor': np.full(len(some), sensor)}
      columns = {**index.columns, **(named if len(self._parts) > 1 else {})}
      found.append(dataclasses.replace(index, columns=columns))
    return concatenate(found)

  def _select(self, index: Index) -> protocols.Selection:
    """Returns whom the protocol takes, or what would end an evaluation."""
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
    subjects = self._parts[0].index(self._parts[0].test).subject
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
      # Several may be of one name, such as 'own'.
      'others': self._others,
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
    result = self._evaluate(label, params, stats, **kept)
    return {k: v for k, v in result.items() if isinstance(v, float)}

  def _evaluate(
    self, label: str, params: Arrays, stats: Arrays, **kept: str
  ) -> protocols.Result:
    embedded = [self._embed_part(part, params, stats) for part in self._parts]
    embeddings, rows = zip(*embedded, strict=True)
    return self._record(label, embeddings, rows, **kept)

  def _embed_part(
    self, part: Data, params: Arrays, stats: Arrays
  ) -> tuple[np.ndarray, np.ndarray]:
    """Returns the embeddings of a part's test rows, and of which rows."""
    options = self._config.evaluation
    batches = pipeline.evaluation_batches(
      part.source,
      part.test,
      options.batch_frames,
      dataset=part.dataset,
      frames_max=options.frames_max,
      multiple=self._mesh.shape['data'],
      slots=functools.partial(meshes.local_rows, mesh=self._mesh),
      unreadable=part.unreadable,
    )
    embeddings, found = embedding.embed(
      self._embed,
      params,
      stats,
      self._until_stopped(batches),
      part.test,
      mesh=self._mesh,
    )
    return embeddings, part.test[found]

  def checkpoint(
    self,
    step: int,
    params: Arrays,
    stats: Arrays,
    other: pathlib.Path | None = None,
  ) -> protocols.Result:
    """Evaluates a checkpoint; returns the result.

    Args:
      step: that it is of.
      params: the model's.
      stats: the model's.
      other: its folder, if not of this workdir.
    """
    label = labels.choose(self._folder, step, other, self._counted)
    kept = {'checkpoint': str(other)} if other else {}
    return self._evaluate(label, params, stats, **kept)

  def _baseline(self) -> tuple[str, str]:
    """Returns a modality that has a baseline, and its name.

    Raises:
      UserError: no modality of the data has one.
    """
    source = self._parts[0].source
    for name in source.modalities:
      if label := modalities.get(name).baseline:
        return name, label
    raise UserError(
      'config.evaluation.baseline is True, but there is none for'
      f' {" and ".join(source.modalities)}: set it to False'
    )

  def baseline(self, *, again: bool) -> None:
    """Evaluates what needs no network, if not done before or wanted again."""
    modality, label = self._baseline()
    if self.has(label) and not again:
      return
    feature = baseline.BASELINES[label]
    found: list[dict[int, np.ndarray]] = []
    for part in self._parts:
      found.append({})
      # Few at a time, as a process may skip sequences that another could read.
      every = np.split(part.test, range(_READ, len(part.test), _READ))
      for rows in self._until_stopped(every):
        reads = pipeline.read_whole(
          part.source,
          rows,
          part.unreadable,
          self._config.evaluation.frames_max,
        )
        found[-1] |= {row: feature(read[modality]) for row, read in reads}
    embeddings = [np.array(list(each.values())) for each in found]
    self._record(label, embeddings, [np.array([*each], int) for each in found])

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
    embeddings: Sequence[np.ndarray],
    rows: Sequence[np.ndarray],
    **kept: str,
  ) -> protocols.Result:
    """Counts, saves and prints what the embeddings of each part's rows give."""
    if not all(map(len, rows)):
      raise UserError('no test sequence can be read: look at the dataset')
    index = self._index(rows)
    given = (
      # One array may fill half of the memory.
      embeddings[0] if len(embeddings) == 1 else np.concatenate(embeddings),
      index.subject,
      index.condition,
      index.view,
    )
    whole = protocols.Evaluation.of(
      self._protocol,
      *given,
      metric=self._config.evaluation.metric,
      columns=index.columns,
    )
    result, each = protocols.count(whole)
    if self._config.evaluation.verification:
      verified = verification.count(whole)
      result |= verified.result
      each |= verified.outcomes
    if not jax.process_index():
      result_files.save(
        result,
        self._folder / f'{label}.json',
        **self._counted,
        **kept,
        rules=self._protocol.plain(),
        views=self._select(index).view_names,
      )
      outcomes.save(each, self._folder / f'{label}.npz')
      if not (self._protocol.classes or self._protocol.submission):
        looked = walks.look(whole, index.name)
        walks.save(looked, self._folder / f'{label}.walks.npz')
      print(f'\n{self._table({label: result})}\n', flush=True)
      if self._protocol.submission:
        path = self._folder / f'{label}.csv'
        submissions.write(path, whole)
        print(f'submission: {path}', flush=True)
    return result

  @property
  def protocol(self) -> protocols.Protocol:
    """What is counted."""
    return self._protocol

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
