"""What the builders of datasets share."""

import abc
import contextlib
import dataclasses
import inspect
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import writer

from gaitgs_jax import atomic, bar, local, modalities, skeletons
from gaitgs_jax.data import beam, chunks
from gaitgs_jax.data.work import (
  Call,
  HeatmapCall,
  Job,
  PickleCall,
  PoseCall,
  TreeCall,
)
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  datasets,
  heatmaps,
  index,
  keypoint_faults,
  keypoints,
  prepared,
  prepared_index,
  trees,
)
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
# Sequences that are looked at before all skeletons are read.
_SAMPLE = 20


@dataclasses.dataclass
class SequenceConfig(tfds.core.BuilderConfig):
  """A variant: height and width of silhouettes in pixels."""

  size: int = 64


class _DurableInfo(tfds.core.DatasetInfo):
  """Facts on a dataset, which TFDS writes after all its other files."""

  def write_to_directory(self, dataset_info_dir: Any, **options: Any) -> None:
    """Writes them, and puts the dataset on the disk before it is renamed."""
    super().write_to_directory(dataset_info_dir, **options)
    atomic.sync_tree(Path(dataset_info_dir))


class _SameBytes(writer.ExampleWriter):
  """Writes a record as the same bytes each time: its features sorted by name.

  TFDS's order of them differs between processes.
  """

  def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
    """Writes keys and records."""
    return super().write(path, map(_with_sorted_features, examples))


def _with_sorted_features(example: tuple[Any, bytes]) -> tuple[Any, bytes]:
  import tensorflow as tf

  key, record = example
  parsed = tf.train.Example.FromString(record)
  return key, parsed.SerializeToString(deterministic=True)


class SequenceBuilder(tfds.core.GeneratorBasedBuilder):
  """Makes a prepared dataset; see `gaitgs_jax.input.prepared`.

  Sequences are made by helper processes and kept in a work folder next to the
  dataset until it is whole, so that an interrupted preparation goes on. With
  Apache Beam, where TFDS is asked for it, Beam's workers make them instead.

  Attributes:
    source: where the data lies; '' for TFDS's `manual_dir`.
    source_layout: what the source's folders are, see `layouts`; '' to find out.
    people: the folder that says which of several people in a frame is meant,
      see `person_index`; '' takes the first.
    workers: number of helper processes.
    work: the work folder.
    dropped: names of the sequences in which no frame shows anybody.
  """

  homepage = ''
  citation = ''

  def __init__(self, *, file_format: Any = None, **options: Any):
    super().__init__(file_format=file_format or prepared.FORMAT, **options)
    self.source = self.source_layout = self.people = ''
    self.workers = os.cpu_count() or 1
    self.dropped: list[str] = []
    # While it is being prepared, `data_dir` is another, temporary folder.
    version = Path(self.data_dir)
    self.work = version.with_name(f'work-{version.name}')
    self._rows: dict[str, list[tuple[str, str, str, int]]] = {}

  @property
  def facts(self) -> datasets.Dataset:
    """What is published about the dataset."""
    return datasets.get(self.name)

  @property
  def partition(self) -> Partition:
    """Who trains and who is tested; nobody where a run's config says it."""
    if self.facts.split_at:
      return Partition((), ())
    path = partition_path(self.facts, self.builder_config.name)
    return read_partition(path)

  @property
  def frames(self) -> modalities.Shapes:
    """The shape of a frame of each modality of the dataset."""
    facts, size = self.facts, self.builder_config.size
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(
      ('silhouettes', 'parsing'), (size, size)
    )
    shapes['heatmaps'] = heatmaps.FRAME
    if facts.skeleton:
      shapes['keypoints'] = (len(skeletons.get(facts.skeleton).joints), 3)
    return {name: shapes[name] for name in facts.prepared or facts.modalities}

  @abc.abstractmethod
  def jobs(self, dl_manager: tfds.download.DownloadManager) -> list[Job]:
    """Returns every sequence of the dataset in record order.

    Raises:
      UserError: the data is missing or incomplete.
    """

  def download_and_prepare(self, **options: Any) -> None:
    """Prepares the dataset, or goes on preparing it.

    Raises:
      UserError: the data is missing or damaged, the disk is full, another
        process is preparing the same dataset, or a folder is in a bucket.
    """
    local.path(self.data_dir)
    if not self.is_prepared():
      with chunks.exclusive(self.work) as lock:
        if lock.is_exclusive:
          self._remove_unfinished()
        super().download_and_prepare(**options)
        atomic.sync_folder(self.work.parent)
    self.clean_up()

  def clean_up(self) -> None:
    """Removes the work folder of a dataset that is prepared.

    Also of a preparation that was killed while it did.
    """
    if self.work.is_dir():
      # Another process that holds it removes it.
      with contextlib.suppress(UserError), chunks.exclusive(self.work):
        chunks.remove(self.work)

  def _remove_unfinished(self) -> None:
    """Removes what TFDS leaves behind when it is killed."""
    version = Path(self.data_dir)
    for folder in version.parent.glob(f'incomplete.*_{version.name}'):
      shutil.rmtree(folder, ignore_errors=True)

  def _info(self) -> tfds.core.DatasetInfo:
    return _DurableInfo(
      builder=self,
      description=inspect.cleandoc(self.__doc__ or ''),
      features=prepared.features(self.frames),
      homepage=self.homepage,
      citation=self.citation,
      disable_shuffling=True,
    )

  def _example_writer(self) -> writer.ExampleWriter:
    return _SameBytes(self.info.file_format)

  def _download_and_prepare(self, dl_manager: Any, **options: Any) -> None:
    self._rows = {}
    self._uses_beam = beam.is_wanted(options.get('download_config'))
    if self._uses_beam:
      super()._download_and_prepare(dl_manager, **options)
      for split in self.info.splits:
        rows, dropped = beam.read_rows(self._beam_rows(split))
        self._rows[split] = rows
        self.dropped += dropped
    else:
      name = f'{self.name}/{self.builder_config.name}'
      with (
        Workers(self.workers) as self._pool,
        bar.create(name, 'sequences') as self._bar,
      ):
        super()._download_and_prepare(dl_manager, **options)
    splits = {name: index.make(rows) for name, rows in self._rows.items()}
    prepared_index.write(self.data_dir, splits, self.frames)

  def _beam_rows(self, split: str) -> Path:
    return Path(self.data_dir, f'{split}.rows.json')

  def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
    jobs = self.jobs(dl_manager)
    if not self._uses_beam:
      self._bar.reset(total=len(jobs))
    # Where in the files a sequence lies says nothing of who trains.
    tested = set(self.partition.test)
    return {
      split: beam.generator(some, self._beam_rows(split))
      if self._uses_beam
      else self._generate_examples(split, some)
      for split, chosen in (('train', False), ('test', True))
      if (some := [job for job in jobs if (job.subject in tested) == chosen])
    }

  def _generate_examples(
    self, split: str, jobs: Sequence[Job]
  ) -> Iterator[tuple[int, dict]]:
    rows = self._rows[split] = []
    for number, (job, arrays) in enumerate(self._made(jobs)):
      self._bar.update()
      length = job.length(arrays)
      if not length:
        self.dropped.append(job.name)
        continue
      rows.append((job.subject, job.condition, job.view, length))
      yield prepared.record_key(number, len(jobs)), job.example(arrays)

  def _made(
    self, jobs: Sequence[Job]
  ) -> Iterator[tuple[Job, dict[str, np.ndarray]]]:
    """Yields jobs and their arrays, in order, through the work folder."""
    groups = [jobs[i : i + _CHUNK] for i in range(0, len(jobs), _CHUNK)]
    calls = [
      chunks.Chunk(
        str(self.work),
        tuple(call for job in group for call in job.calls.values()),
      )
      for group in groups
    ]
    done = self._pool.map(calls)
    for group, call, path in zip(groups, calls, done, strict=True):
      made = list(call.load(path))
      for job in group:
        yield job, {name: made.pop(0) for name in job.calls}


class TreeBuilder(SequenceBuilder):
  """Makes a dataset of what is published: a tree, or a csv file."""

  def jobs(self, dl_manager: tfds.download.DownloadManager) -> list[Job]:
    """Returns every sequence of `source`, or below `manual_dir`."""
    facts = datasets.source_of(self.facts)
    tree = self._open(local.path(self.source or dl_manager.manual_dir))
    _refuse_missing(tree, facts, self.partition)
    named = {*self.partition.train, *self.partition.test}
    sequences = [
      each for each in tree.sequences if not named or each.subject in named
    ]
    if 'keypoints' in self.frames or self.facts.drawn_of:
      _refuse_faults(tree, sequences, facts)
    return [
      Job(each.subject, each.condition, each.view, self._calls(each, tree.kind))
      for each in sequences
    ]

  def _open(self, root: Path) -> trees.Tree:
    root = Path(os.path.abspath(root))
    if not self.facts.variants[0].isdecimal():
      variant = self.builder_config.name
      root = _variant_folder(root, variant, self.facts.variants)
    facts = datasets.source_of(self.facts)
    return keypoints.open_tree(root, self.source_layout, facts)

  def _calls(self, sequence: trees.TreeSequence, kind: str) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    facts = self.facts
    skeleton = datasets.source_of(facts).skeleton
    for name in self.frames:
      pattern = facts.files.get(name, '')
      if name == 'keypoints':
        calls[name] = PoseCall(
          sequence, skeleton, self.people, facts.released_skeleton
        )
      elif name == 'heatmaps' and facts.drawn_of:
        calls[name] = HeatmapCall(sequence, skeleton, self.people)
      elif kind == 'pickles' and (pattern or name != 'silhouettes'):
        calls[name] = PickleCall(sequence.folder, name, pattern)
      else:
        size = self.builder_config.size
        calls[name] = TreeCall(
          sequence.folder, size, facts.images, facts.shortest
        )
    return calls


def _refuse_missing(
  tree: trees.Tree, facts: datasets.Dataset, partition: Partition
) -> None:
  """Raises UserError where a copy of a dataset is not whole."""
  names = ((each.subject, each.condition, each.view) for each in tree.sequences)
  if missing := missing_parts(names, facts, partition):
    raise UserError(
      f'{tree.root}: missing are {"; ".join(missing)}; is it another dataset,'
      ' or half-copied? To see what is there:'
      f' {_check_command(tree, facts.name)}'
    )


def _check_command(tree: trees.Tree, name: str) -> str:
  return f'`python -m gaitgs_jax check --source={tree.root} --dataset={name}`'


def _variant_folder(root: Path, variant: str, variants: Sequence[str]) -> Path:
  """Returns the folder of a variant, of which a release may hold several.

  Raises:
    UserError: the folder is, or holds, that of other variants only.
  """
  found = {
    child.name.lower(): child
    for child in (root, *(root.iterdir() if root.is_dir() else ()))
    if child.name.lower() in variants
  }
  if found and variant not in found:
    raise UserError(
      f'{root}: is of {", ".join(found)}, not of {variant}; say with'
      f' --variant which is wanted, or give the folder of {variant}'
    )
  return found.get(variant, root)


def _refuse_faults(
  tree: trees.Tree,
  sequences: Sequence[trees.TreeSequence],
  facts: datasets.Dataset,
) -> None:
  """Looks at a few skeletons: a format that is wrong is wrong in most of them.

  Single bad sequences are as they were published.

  Raises:
    UserError: most are faulty; the message names the first.
  """
  sample = sequences[:: max(len(sequences) // _SAMPLE, 1)]
  skeleton, released = facts.skeleton, facts.released_skeleton
  faults = {
    each.place: keypoint_faults.fault(
      keypoints.taken(keypoints.read(each), skeleton, released), skeleton
    )
    for each in sample
  }
  bad = {place: fault for place, fault in faults.items() if fault}
  if 2 * len(bad) > len(sample):
    place, fault = next(iter(bad.items()))
    raise UserError(
      f'{place}: {fault}; of {len(sample)} sequences looked at, {len(bad)} are'
      f' bad; {_check_command(tree, facts.name)} names all'
    )
