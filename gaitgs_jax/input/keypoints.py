"""Skeletons as they are published: GaitGraph's csv, OU-MVLP's json, pickles.

What is read is float32 [s,v,3]: x and y in pixels and the detector's
confidence. A joint that was not found is (0, 0, 0).
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitgs_jax import local
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import pickles, trees, untrusted
from gaitgs_jax.input.datasets import Dataset

# As GaitGraph published it. A row is `frames/001-nm-01-000/000001.jpg`, then x,
# y and confidence of each joint; there is a line of headings.
CSV = 'casia-b_pose_coco.csv'
_CSV_LAYOUT = '.../{subject}-{condition}-{view}/{frame}'
_CSV_SEQUENCE = re.compile(r'([^-]+)-(.+)-([^-]+)')
# A row of 17 joints has about 1,000 bytes.
_LONGEST_ROW = 1 << 14
# Of the number of a frame.
_DIGITS = 18


def open_tree(
  source: str | os.PathLike, layout: str = '', facts: Dataset | None = None
) -> trees.Tree:
  """Lists a csv file or a tree; reads no frame, though a csv file once.

  Args:
    source: the csv file, the folder that holds GaitGraph's, or a tree of any
      kind, see `trees.open_tree`.
    layout: of a tree.
    facts: on the dataset that it is, if that is known.

  Raises:
    UserError: there is nothing there, it cannot be told what it is, or it is
      of the other modality than the dataset.
  """
  path = local.path(source)
  if (facts is None or facts.skeleton) and (path / CSV).is_file():
    path = path / CSV
  if path.is_file() and path.suffix != '.csv':
    raise UserError(
      f'{path}: is no folder and no csv file; unpack an archive first'
    )
  tree = _open_csv(path) if path.is_file() else trees.open_tree(path, layout)
  if facts:
    trees.check_modality(tree, facts)
  return tree


def _open_csv(path: Path) -> trees.Tree:
  spans: dict[str, list[tuple[int, int]]] = {}
  for name, start, end in _runs(path):
    spans.setdefault(name, []).append((start, end))
  if not spans:
    raise UserError(f'{path}: holds no rows')
  sequences = []
  for name, found in spans.items():
    match = _CSV_SEQUENCE.fullmatch(name)
    assert match  # `_sequence` has seen to that.
    subject, condition, view = match.groups()
    sequences.append(
      trees.TreeSequence(subject, condition, view, str(path), tuple(found))
    )
  return trees.Tree(path, _CSV_LAYOUT, 'csv', tuple(sorted(sequences)))


def _runs(path: Path) -> Iterator[tuple[str, int, int]]:
  """Yields (sequence, first byte, end) of rows that follow one another."""
  folder, name, start, end = b'', '', 0, 0
  with path.open('rb') as file:
    for number, row in enumerate(
      iter(lambda: file.readline(_LONGEST_ROW), b'')
    ):
      position, end = end, end + len(row)
      image, _, values = row.partition(b',')
      found = image.rpartition(b'/')[0]
      if found and found == folder:
        continue
      if not row.strip() or (number == 0 and not _is_number(values)):
        continue
      if name:
        yield name, start, position
      folder, start = found, position
      name = _sequence(found, f'{path}: row {number + 1}')
  if name:
    yield name, start, end


def _is_number(values: bytes) -> bool:
  try:
    float(values.partition(b',')[0])
  except ValueError:
    return False
  return True


def _sequence(folder: bytes, where: str) -> str:
  name = folder.rpartition(b'/')[2].decode(errors='replace')
  if not _CSV_SEQUENCE.fullmatch(name):
    raise UserError(
      f'{where}: does not begin with an image as'
      ' frames/001-nm-01-000/000001.jpg, whose folder names subject, condition'
      ' and view'
    )
  return name


def read(sequence: trees.TreeSequence) -> np.ndarray:
  """Returns one sequence float32 [s,v,3], in the order of its frames.

  Raises:
    UserError: it cannot be read or is no sequence of skeletons; the message
      names the file.
  """
  if sequence.spans:
    return _read_csv(sequence)
  files = trees.sequence_files(sequence.folder, 'keypoints')
  if not files:
    raise UserError(
      f'{sequence.folder}: holds no skeletons; is the tree half-copied?'
    )
  if files[0].suffix != '.json':
    return pickles.load_keypoints(files[0])
  files.sort(key=lambda path: _frame_number(path.name))
  people = [_first_person(path) for path in files]
  found = [person for person in people if person is not None]
  if len({person.shape for person in found}) > 1:
    raise UserError(
      f'{sequence.folder}: its frames have different numbers of joints'
    )
  return np.stack(found) if found else np.zeros((0, 0, 3), np.float32)


def _read_csv(sequence: trees.TreeSequence) -> np.ndarray:
  where = sequence.place
  try:
    rows = _rows(Path(sequence.folder), sequence.spans)
  except OSError as error:
    raise UserError(f'{where}: cannot be read ({error.strerror})') from error
  commas = rows[0].count(',')
  if not commas or commas % 3 or any(row.count(',') != commas for row in rows):
    raise UserError(
      f'{where}: its rows are cut short or have no three numbers per joint;'
      ' download the file again'
    )
  try:
    values = np.loadtxt(
      rows,
      np.float32,
      comments=None,
      delimiter=',',
      usecols=range(1, commas + 1),
      ndmin=2,
    )
  except ValueError as error:
    raise UserError(f'{where}: a value is no number ({error})') from error
  numbers = [_frame_number(row.split(',')[0]) for row in rows]
  order = np.argsort(numbers, kind='stable')
  return values[order].reshape(len(rows), -1, 3)


def _rows(path: Path, spans: Sequence[tuple[int, int]]) -> list[str]:
  with path.open('rb') as file:
    parts = []
    for start, end in spans:
      file.seek(start)
      parts.append(file.read(end - start))
  lines = b''.join(parts).decode(errors='replace').splitlines()
  return [line for line in lines if line.strip()]


def _frame_number(name: str) -> int:
  """Returns which frame a file's name speaks of.

  OUMVLP-Pose has both `0001_keypoints.json` and names that end in the number.
  """
  found = re.search(r'(\d+)\.\w+$', name) or re.search(r'(\d+)', name)
  # Python refuses thousands of digits.
  return int(found.group(1)[-_DIGITS:]) if found else 0


def _first_person(path: Path) -> np.ndarray | None:
  """Returns float32 [v,3] of the first person in a frame, None without any.

  Raises:
    UserError: the file is damaged or not what OpenPose writes.
  """
  try:
    content: Any = json.loads(untrusted.read(path))
    if not content['people']:
      return None
    # Too large a number becomes infinite, which the checks tell of.
    with np.errstate(over='ignore'):
      values = np.asarray(content['people'][0]['pose_keypoints_2d'], np.float32)
    return values.reshape(-1, 3)
  except OSError as error:
    raise UserError(f'{path}: cannot be read ({error.strerror})') from error
  except (
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RecursionError,
  ) as error:
    raise UserError(
      f'{path}: is damaged, or no json of people with pose_keypoints_2d'
      f' ({type(error).__name__}: {error}); copy it again'
    ) from error
