"""Reads every sequence of a tree, csv or prepared dataset; names the bad."""

import collections
import dataclasses
import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gaitgs_jax import local, modalities
from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.input import (
  keypoints,
  pairing,
  pickles,
  tree_files,
  tree_frames,
  trees,
)
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
from gaitgs_jax.modalities import Modality, shown_size


@dataclasses.dataclass(frozen=True)
class Finding:
  """What reading one sequence showed.

  Attributes:
    subject: its name.
    condition: its name.
    view: its name.
    place: its folder or its name, for messages.
    length: frames that show somebody; 0 where it could not be read.
    total: its frames, blank ones too.
    size: shape of its frames; None where it could not be read.
    bad: what is wrong with it; '' if nothing is.
    note: what is odd about it, but harmless.
  """

  subject: str
  condition: str
  view: str
  place: str
  length: int = 0
  total: int = 0
  size: tuple[int, ...] | None = None
  bad: str = ''
  note: str = ''


def check_tree(
  tree: trees.Tree, workers: int, facts: Dataset | None = None
) -> Iterator[Finding]:
  """Yields what each sequence of a tree shows, in order.

  Args:
    tree: of any modality.
    workers: helper processes.
    facts: on the dataset that it is, if that is known.
  """
  names = _modalities(tree, facts)
  calls = [
    partial(_examine_sequence, sequence, names, facts)
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
      arrays = source.read(row)
    except UserError as error:
      yield dataclasses.replace(finding, bad=str(error))
      continue
    yield _joined(
      {
        name: _examine(finding, array, modalities.get(name), skeleton)
        for name, array in arrays.items()
      }
    )


def _modalities(tree: trees.Tree, facts: Dataset | None) -> Sequence[str]:
  """Returns which modalities of a tree to look at: those of the dataset."""
  if facts is None or not facts.modalities:
    return trees.modalities_of(tree)
  if len(facts.modalities) == 1:
    return facts.modalities
  # A tree may hold some of them alone.
  names = tree_files.pickle_names(tree.sequences[0].folder)
  there = {
    name
    for name, pattern in facts.files.items()
    if fnmatch.filter(names, pattern)
  }
  if not facts.files and len(names) > 1:
    there = {*trees.modalities_of(tree)}
  found = [name for name in facts.modalities if name in there]
  return found or facts.modalities[:1]


def _examine_sequence(
  sequence: trees.TreeSequence, names: Sequence[str], facts: Dataset | None
) -> Finding:
  """Reads one sequence; runs in a helper process."""
  findings = {name: _examine_modality(sequence, name, facts) for name in names}
  # Released side by side, they were not recorded at the same times.
  return _joined(findings, same_frames=not (facts and facts.files))


def _examine_modality(
  sequence: trees.TreeSequence, name: str, facts: Dataset | None
) -> Finding:
  finding = Finding(
    sequence.subject, sequence.condition, sequence.view, sequence.place
  )
  notes: list[str] = []
  try:
    values = tree_frames.read_any(
      sequence,
      name,
      notes,
      facts.files.get(name, '') if facts else '',
      facts.images if facts else 'cut',
    )
    skeleton = facts.skeleton if facts else ''
    if facts and name == 'keypoints' and isinstance(values, np.ndarray):
      values = keypoints.taken(values, skeleton, facts.released_skeleton)
    return _examine(finding, values, modalities.get(name), skeleton, notes)
  except pickles.PickleError as error:
    reason = f'{error.path.name} {error.reason}'
    return dataclasses.replace(finding, bad=reason)
  except UserError as error:
    reason = str(error).removeprefix(sequence.place).lstrip(':/ ')
    return dataclasses.replace(finding, bad=reason)


def _joined(
  findings: Mapping[str, Finding], same_frames: bool = True
) -> Finding:
  """Returns the finding on a sequence of those on its modalities."""
  first, *others = findings.values()
  if not others:
    return first
  bad = [
    f'{modalities.get(name).title}: {each.bad}'
    for name, each in findings.items()
    if each.bad
  ]
  notes = [each.note for each in findings.values() if each.note]
  counts = {name: each.total for name, each in findings.items()}
  if same_frames and len(set(counts.values())) > 1 and not bad:
    notes.append(f'its modalities differ: {pairing.counted(counts)}')
  return dataclasses.replace(first, bad='; '.join(bad), note='; '.join(notes))


def _examine(
  finding: Finding,
  values: np.ndarray | Frames,
  modality: Modality,
  skeleton: str,
  notes: Sequence[str] = (),
) -> Finding:
  """Adds what one sequence [s,...] shows, and notes on it."""
  if modality.pretreated or not isinstance(values, np.ndarray):
    return _examine_images(finding, values, modality, notes)
  shown, total = int(modality.shown(values).sum()), len(values)
  bad = modality.fault(values, skeleton)
  if not total:
    bad = bad or 'empty: it holds no frames'
  elif not shown:
    bad = bad or f'blank: nobody is to be seen in its {total} frames'
  elif shown < SHORTEST:
    bad = bad or f'too short: {shown} frames, {SHORTEST} are the least'
  if shown < total and not bad:
    notes = [
      *notes,
      f'nobody is to be seen in {total - shown} of {total} frames',
    ]
  return dataclasses.replace(
    finding,
    length=shown,
    total=total,
    size=values.shape[1:],
    bad=bad,
    note='; '.join(notes),
  )


def _examine_images(
  finding: Finding,
  frames: np.ndarray | Frames,
  modality: Modality,
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
    if not modality.pretreated:  # Labels, of which any shows somebody.
      frame = np.where(frame, 255, 0).astype(np.uint8)
    blank += is_blank(frame)
    stretched += raw and is_stretched(frame)
  sizes = sorted(shapes)
  shown = len(frames) - blank
  bad = ''
  notes = [*notes, *filter(None, [stray_note(stretched, len(frames))])]
  blanks = f'{blank} of {len(frames)} frames are blank'
  if len(sizes) > 1:
    bad = f'frames of unequal sizes: {listed(map(shown_size, sizes))}'
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
    finding,
    length=shown,
    total=len(frames),
    size=size,
    bad=bad,
    note='; '.join(notes),
  )


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
      bad=f'unequal size: its frames are {shown_size(each.size)}, most others'
      f' {shown_size(common)}',
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
    f'{len(lacking)} of {len(wanted)} {what} ({listed(sorted(lacking))})'
    for what, wanted, there in (
      (
        'subjects',
        {*partition.train, *partition.test},
        {subject for subject, _, _ in found},
      ),
      ('pairs of condition and view', wanted_cells, cells),
    )
    if (lacking := wanted - there)
  ]


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
    raise UserError(
      f'{folder}: holds several prepared datasets; give one of'
      f' {listed(map(str, found))}'
    )
  return found[0] if found else None
