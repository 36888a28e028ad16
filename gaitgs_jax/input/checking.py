"""Reads every sequence of a tree, csv or prepared dataset; names the bad."""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gaitgs_jax import local
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import keypoint_faults, keypoints, pickles, trees
from gaitgs_jax.input.datasets import DATASETS, Dataset
from gaitgs_jax.input.images import Frames
from gaitgs_jax.input.partitions import Partition
from gaitgs_jax.input.pretreatment import (
  SHORTEST,
  is_blank,
  is_stretched,
  stray_note,
)
from gaitgs_jax.input.sources import PreparedSource
from gaitgs_jax.input.workers import Workers

_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Finding:
  """What reading one sequence showed.

  Attributes:
    subject: its name.
    condition: its name.
    view: its name.
    place: its folder or its name, for messages.
    length: frames that show somebody; 0 where it could not be read.
    size: (h, w) of its frames, (v, 3) of skeletons; None where it could not be
      read.
    bad: what is wrong with it; '' if nothing is.
    note: what is odd about it, but harmless.
  """

  subject: str
  condition: str
  view: str
  place: str
  length: int = 0
  size: tuple[int, int] | None = None
  bad: str = ''
  note: str = ''


def check_tree(
  tree: trees.Tree, workers: int, facts: Dataset | None = None
) -> Iterator[Finding]:
  """Yields what each sequence of a tree shows, in order.

  Args:
    tree: of silhouettes or skeletons.
    workers: helper processes.
    facts: on the dataset that it is, if that is known.
  """
  key = facts.key if facts else trees.modality(tree)
  skeleton = facts.skeleton if facts else ''
  calls = [
    partial(_examine_sequence, sequence, key, skeleton)
    for sequence in tree.sequences
  ]
  with Workers(min(workers, len(calls))) as pool:
    yield from pool.map(calls)


def check_prepared(
  source: PreparedSource, facts: Dataset | None = None
) -> Iterator[Finding]:
  """Yields what each sequence of a prepared dataset shows, in order."""
  skeleton = facts.skeleton if facts else ''
  index = source.index
  for row in range(len(index)):
    finding = Finding(
      str(index.subject[row]),
      str(index.condition[row]),
      str(index.view[row]),
      index.name(row),
    )
    try:
      values = source.read(row)
    except UserError as error:
      yield dataclasses.replace(finding, bad=str(error))
      continue
    if source.key == 'keypoints':
      yield _examine_skeletons(finding, values, skeleton)
    else:
      yield _examine(finding, values)


def _examine_sequence(
  sequence: trees.TreeSequence, key: str, skeleton: str
) -> Finding:
  """Reads one sequence; runs in a helper process."""
  finding = Finding(
    sequence.subject, sequence.condition, sequence.view, sequence.place
  )
  notes: list[str] = []
  try:
    if key == 'keypoints':
      values = keypoints.read(sequence, notes)
      return _examine_skeletons(finding, values, skeleton, notes)
    frames = trees.read_frames(sequence.folder, notes)
    return _examine(finding, frames, notes)
  except pickles.PickleError as error:
    reason = f'{error.path.name} {error.reason}'
    return dataclasses.replace(finding, bad=reason)
  except UserError as error:
    reason = str(error).removeprefix(sequence.place).lstrip(':/ ')
    return dataclasses.replace(finding, bad=reason)


def _examine_skeletons(
  finding: Finding,
  values: np.ndarray,
  skeleton: str,
  notes: Sequence[str] = (),
) -> Finding:
  """Adds what the skeletons [s,v,3] of one sequence show, and notes on them."""
  shown = int(keypoint_faults.present(values).any(1).sum())
  bad = keypoint_faults.fault(values, skeleton)
  notes = [*notes]
  if shown < len(values) and not bad:
    notes.append(
      f'no joint is found in {len(values) - shown} of {len(values)} frames'
    )
  size = (values.shape[1], values.shape[2])
  return dataclasses.replace(
    finding, length=shown, size=size, bad=bad, note='; '.join(notes)
  )


def _examine(
  finding: Finding,
  frames: np.ndarray | Frames,
  notes: Sequence[str] = (),
) -> Finding:
  """Adds what the frames [h,w] of one sequence show, and notes on them.

  Blank frames of raw images are only noted: the pretreatment drops them, and
  the published trees hold thousands.
  """
  raw = not isinstance(frames, np.ndarray)
  shapes, blank, stretched = set(), 0, 0
  for frame in frames:  # Once, as images are decoded for it.
    shapes.add(frame.shape)
    blank += is_blank(frame)
    stretched += raw and is_stretched(frame)
  sizes = sorted(shapes)
  shown = len(frames) - blank
  bad = ''
  notes = [*notes, *filter(None, [stray_note(stretched, len(frames))])]
  blanks = f'{blank} of {len(frames)} frames are blank'
  if len(sizes) > 1:
    bad = f'frames of unequal sizes: {", ".join(map(_size, sizes[:_SHOWN]))}'
  elif not len(frames):
    bad = 'empty: it holds no frames'
  elif shown == 0:
    bad = f'blank: nobody is to be seen in its {len(frames)} frames'
  elif shown < SHORTEST:
    bad = f'too short: {shown} frames, {SHORTEST} are the least'
  elif blank and raw:
    notes.append(f'{blanks}; the pretreatment drops them')
  elif blank:
    bad = f'blank: {blanks}'
  size = (sizes[0][0], sizes[0][1]) if len(sizes) == 1 else None
  return dataclasses.replace(
    finding, length=shown, size=size, bad=bad, note='; '.join(notes)
  )


def _size(size: tuple[int, ...]) -> str:
  return 'x'.join(map(str, size))


def refuse_other_sizes(findings: Iterable[Finding]) -> list[Finding]:
  """Marks as bad every sequence whose frames are not of the commonest size."""
  findings = list(findings)
  counts = collections.Counter(each.size for each in findings if each.size)
  if len(counts) < 2:
    return findings
  common = counts.most_common(1)[0][0]
  return [
    dataclasses.replace(
      each,
      bad=f'unequal size: its frames are {_size(each.size)}, most others'
      f' {_size(common)}',
    )
    if each.size and each.size != common and not each.bad
    else each
    for each in findings
  ]


def missing_parts(
  names: Iterable[tuple[str, str, str]],
  facts: Dataset,
  partition: Partition,
) -> list[str]:
  """Returns what a whole copy of a dataset cannot lack, as sentences' parts.

  The published trees themselves lack a few sequences, so that only subjects
  and cells (condition and view) of which there is nothing at all are missed.

  Args:
    names: subject, condition and view of every sequence there is.
    facts: on the dataset.
    partition: the subjects that there must be.
  """
  found = list(names)
  cells = {f'{condition}/{view}' for _, condition, view in found}
  wanted_cells = {
    f'{condition}/{view}'
    for condition in facts.conditions
    for view in facts.views
  }
  return [
    f'{len(wanted - there)} of {len(wanted)} {what} ({_list(wanted - there)})'
    for what, wanted, there in (
      (
        'subjects',
        {*partition.train, *partition.test},
        {subject for subject, _, _ in found},
      ),
      ('pairs of condition and view', wanted_cells, cells),
    )
    if wanted - there
  ]


def _list(names: Iterable[str]) -> str:
  ordered = sorted(names)
  return ', '.join(ordered[:_SHOWN]) + (
    ', ...' if len(ordered) > _SHOWN else ''
  )


def table(
  findings: Sequence[Finding], published: dict[tuple[str, str], int] | None
) -> str:
  """Returns the sequences per condition and view as text.

  Args:
    findings: of every sequence.
    published: the published number per (condition, view), shown behind a
      slash.
  """
  counts = collections.Counter((each.condition, each.view) for each in findings)
  published = published or {}
  cells = {*counts, *published}
  axes = [
    list(dict.fromkeys(sorted(cell[axis] for cell in cells))) for axis in (0, 1)
  ]
  # The longer axis goes down, where there is room.
  down = 0 if len(axes[0]) > len(axes[1]) else 1
  rows, columns = axes[down], axes[1 - down]
  lines = [['condition' if down == 0 else 'view', *columns]]
  for row in rows:
    keys = [(row, column) if down == 0 else (column, row) for column in columns]
    lines.append(
      [row, *(_count(counts[key], published.get(key)) for key in keys)]
    )
  widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
  return '\n'.join(
    '  '.join(
      f'{text:>{width}}' for text, width in zip(line, widths, strict=True)
    )
    for line in lines
  )


def _count(count: int, published: int | None) -> str:
  return str(count) if published is None else f'{count}/{published}'


def prepared_directory(source: str | Path) -> Path | None:
  """Returns the prepared dataset at a folder or below it, if there is one.

  Raises:
    UserError: there are several.
  """
  folder = local.path(source)
  # Never '*/*/*', which would list every folder of a large tree.
  patterns = ['', '*.*.*/', '*/*.*.*/', *(f'{name}/*/*/' for name in DATASETS)]
  found = [
    path.parent
    for pattern in patterns
    for path in sorted(folder.glob(f'{pattern}dataset_info.json'))
    if not path.parent.name.startswith('incomplete.')
  ]
  if len(found) > 1:
    shown = ', '.join(map(str, found[:_SHOWN]))
    raise UserError(
      f'{folder}: holds several prepared datasets; give one of {shown}'
    )
  return found[0] if found else None
