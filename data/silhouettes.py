"""What the builders of silhouette datasets share."""

import abc
import dataclasses
import inspect
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tqdm import tqdm

from data.work import Chunk, TreeCall, exclusive
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import datasets, index, prepared, trees
from gaitgs_jax.input.checking import missing_parts
from gaitgs_jax.input.partitions import (
  Partition,
  partition_path,
  read_partition,
)
from gaitgs_jax.input.workers import Workers

# Sequences per work file: a few seconds of work, which is what an interruption
# may cost.
_CHUNK = 16


@dataclasses.dataclass(frozen=True)
class Job:
  """One sequence to be made.

  Attributes:
    subject: its name.
    condition: its name.
    view: its name.
    call: returns uint8 [s, size, size]; see `data.work`.
  """

  subject: str
  condition: str
  view: str
  call: Callable[[], np.ndarray]


@dataclasses.dataclass
class SilhouetteConfig(tfds.core.BuilderConfig):
  """A variant: height and width of its frames in pixels."""

  size: int = 64


class SilhouetteBuilder(tfds.core.GeneratorBasedBuilder):
  """Makes a prepared dataset; see `gaitgs_jax.input.prepared`.

  Sequences are made by helper processes and kept in a work folder beside the
  dataset until it is whole, so that an interrupted preparation goes on.

  Attributes:
    workers: number of helper processes.
    work: the work folder.
    dropped: names of the sequences in which no frame shows anybody.
  """

  homepage = ''
  citation = ''

  def __init__(self, *, file_format: Any = None, **options: Any):
    super().__init__(file_format=file_format or prepared.FORMAT, **options)
    self.workers = os.cpu_count() or 1
    self.dropped: list[str] = []
    # While it is being prepared, `data_dir` is another, temporary folder.
    version = Path(self.data_dir)
    self.work = version.with_name(f'work-{version.name}')
    self._rows: dict[str, list[tuple[str, str, str, int]]] = {}

  @property
  def partition(self) -> Partition:
    """Who trains and who is tested."""
    return read_partition(partition_path(self.name, self.builder_config.name))

  @abc.abstractmethod
  def jobs(self, dl_manager: tfds.download.DownloadManager) -> list[Job]:
    """Returns every sequence of the dataset in record order.

    Raises:
      UserError: the data is missing or incomplete.
    """

  def download_and_prepare(self, **options: Any) -> None:
    """Prepares the dataset, or goes on preparing it.

    Raises:
      UserError: the data is missing or damaged, the disk is full, or another
        process is preparing the same dataset.
    """
    if not self.is_prepared():
      with exclusive(self.work):
        self._remove_unfinished()
        super().download_and_prepare(**options)
    shutil.rmtree(self.work, ignore_errors=True)

  def _remove_unfinished(self) -> None:
    """Removes what TFDS leaves behind when it is killed."""
    version = Path(self.data_dir)
    for folder in version.parent.glob(f'incomplete.*_{version.name}'):
      shutil.rmtree(folder)

  def _info(self) -> tfds.core.DatasetInfo:
    size = self.builder_config.size
    return tfds.core.DatasetInfo(
      builder=self,
      description=inspect.cleandoc(self.__doc__ or ''),
      features=prepared.features(prepared.Layout('frames', (size, size))),
      homepage=self.homepage,
      citation=self.citation,
      disable_shuffling=True,
    )

  def _download_and_prepare(self, dl_manager: Any, **options: Any) -> None:
    self._rows = {}
    name = f'{self.name}/{self.builder_config.name}'
    with (
      Workers(self.workers) as self._pool,
      tqdm(desc=name, unit=' sequences', file=sys.stderr) as self._bar,
    ):
      super()._download_and_prepare(dl_manager, **options)
    size = self.builder_config.size
    splits = {name: index.make(rows) for name, rows in self._rows.items()}
    layout = prepared.Layout('frames', (size, size))
    prepared.write_index(self.data_dir, splits, layout)

  def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
    jobs = self.jobs(dl_manager)
    self._bar.reset(total=len(jobs))
    partition = self.partition
    return {
      split: self._generate_examples(
        split, [job for job in jobs if job.subject in named]
      )
      for split, named in (
        ('train', set(partition.train)),
        ('test', set(partition.test)),
      )
    }

  def _generate_examples(
    self, split: str, jobs: Sequence[Job]
  ) -> Iterator[tuple[int, dict]]:
    rows = self._rows[split] = []
    for number, (job, frames) in enumerate(self._made(jobs)):
      self._bar.update()
      if not len(frames):
        self.dropped.append(f'{job.subject}/{job.condition}/{job.view}')
        continue
      rows.append((job.subject, job.condition, job.view, len(frames)))
      yield (
        prepared.record_key(number, len(jobs)),
        {
          'frames': frames,
          'subject': job.subject,
          'condition': job.condition,
          'view': job.view,
        },
      )

  def _made(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, np.ndarray]]:
    """Yields jobs and their frames, in order, through the work folder."""
    groups = [jobs[i : i + _CHUNK] for i in range(0, len(jobs), _CHUNK)]
    chunks = [
      Chunk(str(self.work), tuple(job.call for job in group))
      for group in groups
    ]
    done = self._pool.map(chunks)
    for group, chunk, _ in zip(groups, chunks, done, strict=True):
      yield from zip(group, chunk.load(), strict=True)


class TreeBuilder(SilhouetteBuilder):
  """Makes a dataset of a published tree, raw or OpenGait's."""

  def jobs(self, dl_manager: tfds.download.DownloadManager) -> list[Job]:
    """Returns every sequence below `manual_dir`."""
    tree = trees.open_tree(dl_manager.manual_dir)
    missing = missing_parts(
      ((each.subject, each.condition, each.view) for each in tree.sequences),
      datasets.get(self.name),
      self.partition,
    )
    if missing:
      raise UserError(
        f'{tree.root}: missing are {"; ".join(missing)}; is it another dataset,'
        ' or half-copied? To see what is there: `python -m gaitgs_jax check'
        f' --source={tree.root} --dataset={self.name}`'
      )
    named = {*self.partition.train, *self.partition.test}
    size = self.builder_config.size
    return [
      Job(
        sequence.subject,
        sequence.condition,
        sequence.view,
        TreeCall(os.path.abspath(sequence.folder), size),
      )
      for sequence in tree.sequences
      if sequence.subject in named
    ]
