"""Streams of batches: training batches by step, evaluation batches in buckets.

Batches are dicts of numpy arrays: one per modality as stored, `silhouettes`
uint8 [n,s,h,w], `keypoints` float32 [n,s,v,3], ..., `mask` bool [n,s],
`subject`, `view`, `condition` and `sequence` int32 [n]. `sequence` is the row
of the source's index. A process builds only the rows of a batch that its own
devices hold; `ahead` builds it before it is needed.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import ahead, buckets, sampling
from gaitgs_jax.input.ahead import Batch
from gaitgs_jax.input.dataset import Dataset
from gaitgs_jax.input.index import Index
from gaitgs_jax.input.sources import Source
from gaitgs_jax.input.unreadable import Unreadable
from gaitgs_jax.modalities import MODALITIES, Arrays

# Of evaluation batches: each compiles the model.
_MOST_LENGTHS = 16
_DTYPES: dict[str, Any] = {
  **{name: modality.dtype for name, modality in MODALITIES.items()},
  'mask': np.bool_,
  'subject': np.int32,
  'view': np.int32,
  'condition': np.int32,
  'sequence': np.int32,
}


def train_batches(
  source: Source,
  rows: np.ndarray,
  batch: Mapping[str, Any],
  *,
  dataset: Dataset,
  learned: Collection[str] = (),
  seed: int,
  start_step: int = 0,
  slots: np.ndarray | None = None,
  backend: str = '',
  unreadable: Unreadable | None = None,
) -> Iterator[Batch]:
  """Yields the training batches of steps `start_step`, `start_step` + 1, ...

  The batch of a step is the same wherever training started, and a row of it is
  the same in every process that builds it. Where the sampler takes several
  windows of a sequence, frames and mask have an axis more: [n,a,s,...].
  `subject` is the class index among the sorted names of training subjects.

  Args:
    source: of the sequences.
    rows: of the training sequences in the source's index, integers [N].
    batch: `config.batch`, see `sampling.BatchSpec`.
    dataset: facts on it; their order of views makes the classes.
    learned: which labels losses read: a view or a condition that the dataset
      does not name is an error there; otherwise its class is -1.
    seed: of the run.
    start_step: the first step.
    slots: the rows of each batch to build, ascending integers [n] below its
      number (default: all of them).
    backend: 'tensorflow', 'threads', or '' for TensorFlow where installed.
    unreadable: takes note of sequences that cannot be read, for which others
      stand in, of the same subject with the sampler 'pk', a function of
      (seed, step, slot) too.

  Raises:
    UserError: the batch is larger than the data allows, or a sequence cannot be
      read and `unreadable` is None, or nothing that may stand in for it can.
  """
  spec = sampling.batch_spec(batch)
  picker = sampling.Picker(source.index, rows, spec, seed)
  slots = np.arange(spec.rows) if slots is None else slots
  names = source.index.subject
  labels = {
    'subject': np.searchsorted(picker.subjects, names),
    **_train_labels(source, rows, dataset, learned),
  }

  def build(step: int) -> Batch:
    pick = picker.pick(step, slots)
    reads = _read_training(source, picker, pick, step, slots, unreadable)
    most = len(slots) * picker.count
    batch = _assemble(source, reads, most, pick.length, labels)
    return _fold_windows(batch, picker.count)

  dtypes = _dtypes(source)
  return ahead.stream(build, start_step, None, backend=backend, dtypes=dtypes)


def check_training(
  source: Source,
  rows: np.ndarray,
  batch: Mapping[str, Any],
  *,
  dataset: Dataset,
  learned: Collection[str],
  seed: int,
) -> int:
  """Returns to how many frames a batch is padded at most, and reads nothing.

  Raises:
    UserError: as `train_batches`.
  """
  spec = sampling.batch_spec(batch)
  picker = sampling.Picker(source.index, rows, spec, seed)
  _train_labels(source, rows, dataset, learned)
  return picker.longest


def _train_labels(
  source: Source, rows: np.ndarray, dataset: Dataset, learned: Collection[str]
) -> dict[str, np.ndarray]:
  """Returns the classes of views and conditions, -1 outside the rows."""
  index = source.index
  found = {
    'view': dataset.view_index(index.view[rows], strict='view' in learned),
    'condition': dataset.condition_index(
      index.condition[rows], strict='condition' in learned
    ),
  }
  labels = {name: np.full(len(index), -1, np.int32) for name in found}
  for name, classes in found.items():
    labels[name][rows] = classes
  return labels


def evaluation_batches(
  source: Source,
  rows: np.ndarray,
  batch_frames: int,
  *,
  dataset: Dataset,
  frames_max: int = 0,
  multiple: int = 1,
  slots: Callable[[int], np.ndarray] = np.arange,
  max_buckets: int = _MOST_LENGTHS,
  backend: str = '',
  unreadable: Unreadable | None = None,
) -> Iterator[Batch]:
  """Yields whole sequences in batches of few shapes.

  A batch of a length has as many rows as any other of that length. Where there
  are no more sequences, or one cannot be read, is a row of zeros whose
  `sequence` is -1 and whose mask is all True. Batches come longest first, so
  that too little memory shows at once. `subject` is -1; `view` is -1 for a view
  that the dataset does not have.

  Args:
    source: of the sequences.
    rows: which sequences, integers [N].
    batch_frames: greatest number of frames of a batch, padding included, in all
      processes together; a batch has `multiple` rows even where these have
      more.
    dataset: facts on it; their order of views makes the classes.
    frames_max: only the first so many frames of a sequence count; 0 for all.
    multiple: divides the rows of every batch.
    slots: given how many rows a batch has, those to build, ascending integers
      [n] (default: all of them).
    max_buckets: greatest number of distinct lengths, see `buckets.plan`.
    backend: as for `train_batches`.
    unreadable: takes note of sequences that cannot be read, which are left out.

  Raises:
    UserError: a sequence cannot be read and `unreadable` is None.
  """
  rows = np.asarray(rows, np.int64)
  index = source.index
  plan = _plan(index, rows, batch_frames, frames_max, multiple, max_buckets)
  labels = {
    'subject': np.full(len(index), -1),
    'view': dataset.view_index(index.view, strict=False),
    'condition': dataset.condition_index(index.condition),
  }

  def build(number: int) -> Batch:
    planned = plan[number]
    places = slots(planned.size)
    own = rows[planned.rows[places[places < len(planned.rows)]]]
    reads = read_whole(source, own, unreadable, frames_max)
    batch = _assemble(source, reads, len(own), planned.length, labels)
    # A row keeps its place: other processes may build it too.
    return _fill(batch, np.isin(own, batch['sequence']), len(places))

  dtypes = _dtypes(source)
  return ahead.stream(build, 0, len(plan), backend=backend, dtypes=dtypes)


def evaluation_frames(
  index: Index,
  rows: np.ndarray,
  batch_frames: int,
  *,
  frames_max: int = 0,
  multiple: int = 1,
) -> int:
  """Returns how many frames the largest of `evaluation_batches` has.

  Args:
    index: of the source.
    rows: as for `evaluation_batches`.
    batch_frames: as there.
    frames_max: as there.
    multiple: as there.
  """
  plan = _plan(index, rows, batch_frames, frames_max, multiple, _MOST_LENGTHS)
  return max((batch.size * batch.length for batch in plan), default=0)


def _plan(
  index: Index,
  rows: np.ndarray,
  batch_frames: int,
  frames_max: int,
  multiple: int,
  max_buckets: int,
) -> list[buckets.Planned]:
  length = index.length[rows]
  if frames_max:
    length = np.minimum(length, frames_max)
  return buckets.plan(length, batch_frames, max_buckets, multiple=multiple)


def read_whole(
  source: Source,
  rows: np.ndarray,
  unreadable: Unreadable | None = None,
  frames_max: int = 0,
) -> Iterator[tuple[int, Arrays]]:
  """Yields whole sequences and their rows.

  Args:
    source: of the sequences.
    rows: which, integers [N].
    unreadable: as for `evaluation_batches`.
    frames_max: as there.

  Raises:
    UserError: a sequence cannot be read and `unreadable` is None.
  """
  for row in rows.tolist():
    length = source.index.length[row]
    try:
      arrays = source.read(row, np.arange(min(length, frames_max or length)))
    except UserError as error:
      if unreadable is None:
        raise
      unreadable.note(error)
    else:
      yield row, arrays


def _read_training(
  source: Source,
  picker: sampling.Picker,
  pick: sampling.Pick,
  step: int,
  slots: np.ndarray,
  unreadable: Unreadable | None,
) -> Iterator[tuple[int, Arrays]]:
  """Yields the windows of a step's batch, with the rows of their sequences."""
  for slot, sequence, windows in zip(
    slots.tolist(), pick.sequence, pick.windows, strict=True
  ):
    given = [(int(sequence), windows)]
    others = picker.replacements(step, slot, int(sequence))
    for row, chosen in itertools.chain(given, others):
      # A stand-in may be longer than all that the batch was planned for.
      chosen = [frames[: pick.length] for frames in chosen]
      many = len(chosen) > 1
      try:
        read = source.read(row, np.concatenate(chosen) if many else chosen[0])
      except UserError as error:
        if unreadable is None:
          raise
        unreadable.note(error)
        continue
      for window in _windows(read, chosen) if many else (read,):
        yield row, window
      break
    else:
      subject = source.index.subject[sequence]
      raise UserError(
        f'no sequence of subject {subject} can be read: fix them, or remove '
        'the subject from the dataset'
      )


def _windows(read: Arrays, chosen: Iterable[np.ndarray]) -> Iterator[Arrays]:
  """Takes apart what was read of several windows at once."""
  start = 0
  for frames in chosen:
    stop = start + len(frames)
    yield {name: array[start:stop] for name, array in read.items()}
    start = stop


def _assemble(
  source: Source,
  reads: Iterable[tuple[int, Arrays]],
  most: int,
  length: int,
  labels: Mapping[str, np.ndarray],
) -> Batch:
  """Makes a batch of at most `most` rows, padded with zeros to `length`."""
  stored = {
    name: np.empty((most, length, *frame), _DTYPES[name])
    for name, frame in source.modalities.items()
  }
  mask = np.zeros((most, length), np.bool_)
  sequences = []
  for i, (sequence, arrays) in enumerate(reads):
    for name, frames in arrays.items():
      row, count = stored[name][i], len(frames)
      row[:count] = frames
      if count < length:
        row[count:] = 0
    mask[i, :count] = True
    sequences.append(sequence)
  rows = np.asarray(sequences, np.int64)
  columns = {name: values[rows] for name, values in labels.items()}
  count = len(rows)
  batch = {
    **{name: array[:count] for name, array in stored.items()},
    'mask': mask[:count],
    'sequence': rows,
    **columns,
  }
  return {
    name: batch[name].astype(dtype, copy=False)
    for name, dtype in _dtypes(source).items()
  }


def _fold_windows(batch: Batch, count: int) -> Batch:
  """Gives `count` windows of a sequence, which are rows, an axis of their own.

  Frames and mask are [n,count,s,...] then, and labels [n].
  """
  if count == 1:
    return batch
  return {
    name: x.reshape(-1, count, *x.shape[1:]) if x.ndim > 1 else x[::count]
    for name, x in batch.items()
  }


def _dtypes(source: Source) -> dict[str, Any]:
  """Returns what batches of a source hold, in order, and their dtypes."""
  return {
    name: dtype
    for name, dtype in _DTYPES.items()
    if name in source.modalities or name not in MODALITIES
  }


def _fill(batch: Batch, there: np.ndarray, size: int) -> Batch:
  """Returns a batch of `size` rows: those that are there, and fillers."""
  places = np.flatnonzero(there)
  if len(places) == size:
    return batch
  fillers = {**dict.fromkeys(MODALITIES, 0), 'mask': True}
  filled = {}
  for name, values in batch.items():
    shape, filler = (size, *values.shape[1:]), fillers.get(name, -1)
    filled[name] = np.full(shape, filler, values.dtype)
    filled[name][places] = values
  return filled
