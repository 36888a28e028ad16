"""Skeletons as they are published: GaitGraph's csv, OU-MVLP's json, pickles.

What is read is float32 [s,v,3]: x and y in pixels and the detector's
confidence. A joint that was not found is (0, 0, 0).
"""

import collections
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaitgs_jax import files, local, modalities, skeletons
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  opengait,
  person_index,
  pickles,
  tree_files,
  trees,
  untrusted,
)
from gaitgs_jax.input.dataset import Dataset, Part

# As GaitGraph published it. A row is `frames/001-nm-01-000/000001.jpg`, then x,
# y and confidence of each joint; there is a line of headings.
CSV = 'casia-b_pose_coco.csv'
_CSV_LAYOUT = '.../{subject}-{condition}-{view}/{frame}'
# A dash may only be in a condition such as nm-01: elsewhere, or a second one,
# and the parts could be cut in several ways.
_CSV_SEQUENCE = re.compile(r'([^-]+)-([^-]+|[A-Za-z]+-\d+)-([^-]+)')
# A row of 17 joints has about 1,000 bytes.
_LONGEST_ROW = 1 << 14
_BOM, _UTF16 = b'\xef\xbb\xbf', (b'\xff\xfe', b'\xfe\xff')


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
    UserError: there is nothing there, its layout cannot be detected, or it is
      of the other modality than the dataset.
  """
  path = local.path(source)
  wanted = (
    facts is None or not facts.modalities or 'keypoints' in facts.modalities
  )
  if wanted and (path / CSV).is_file():
    path = path / CSV
  if path.is_file() and path.suffix.lower() != '.csv':
    raise UserError(
      f'{path}: is neither a folder nor a csv file; unpack an archive first'
    )
  if path.is_file():
    tree = _open_csv(path)
  else:
    texts = facts is not None and facts.texts
    tree = trees.open_tree(path, layout or _released(path, facts), texts)
  if facts:
    trees.check_modality(tree, facts)
  return tree


def _released(root: Path, facts: Dataset | None) -> str | tuple[Part, ...]:
  """Returns the layout of a dataset's release, '' of an OpenGait tree."""
  if facts is None or not facts.layout or opengait.is_tree(root):
    return ''
  return facts.layout


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
  """Yields (sequence, first byte, end) of rows that follow one another.

  Raises:
    UserError: it is not such a csv file; the message names the first wrong row.
  """
  folder, name, start, end = b'', '', 0, 0
  with files.open_regular(path) as file:
    for number, row in enumerate(
      iter(lambda: file.readline(_LONGEST_ROW), b'')
    ):
      position, end = end, end + len(row)
      if number == 0:
        row = _first_row(row, path)
      image, _, values = _plain(row).partition(b',')
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


def _plain(row: bytes) -> bytes:
  """Returns a row without quotes, and with the slashes of Windows turned."""
  return row.replace(b'"', b'').replace(b'\\', b'/')


def _first_row(row: bytes, path: Path) -> bytes:
  """Returns the first row without the mark of its encoding.

  Raises:
    UserError: the file is of another encoding, or its columns are not divided
      by commas.
  """
  if row.startswith(_UTF16):
    raise UserError(f'{path}: is UTF-16; save it as UTF-8')
  divided = [sign for sign in (b';', b'\t') if sign in row.partition(b',')[0]]
  if divided:
    raise UserError(
      f'{path}: its columns are divided by {divided[0].decode()!r}; save it'
      ' with a comma between columns and a point in numbers'
    )
  return row.removeprefix(_BOM)


def _is_number(values: bytes) -> bool:
  try:
    float(values.partition(b',')[0])
  except ValueError:
    return False
  return True


def _sequence(folder: bytes, where: str) -> str:
  name = folder.rpartition(b'/')[2].decode(errors='replace')
  if _CSV_SEQUENCE.fullmatch(name):
    return name
  wanted = (
    'frames/001-nm-01-000/000001.jpg, whose folder names subject, condition and'
    ' view'
  )
  if name.count('-') > 2:
    raise UserError(
      f'{where}: {name[:80]!r} has more dashes than {wanted}; take the dashes'
      ' out of subject and view'
    )
  raise UserError(f'{where}: does not begin with an image such as {wanted}')


def read(
  sequence: trees.TreeSequence,
  notes: list[str] | None = None,
  people: Mapping[str, int] | None = None,
) -> np.ndarray:
  """Returns one sequence float32 [s,v,3], in the order of its frames.

  Args:
    sequence: of a tree or a csv file.
    notes: where to add what was left out.
    people: which of several people in a json file to take, by the number of
      its frame, see `person_index`; the first of those without.

  Raises:
    UserError: it cannot be read or is not a sequence of skeletons; the message
      names the file.
  """
  notes = [] if notes is None else notes
  if sequence.spans:
    return _read_csv(sequence, notes)
  files = tree_files.sequence_files(sequence.folder, 'keypoints')
  if not files:
    raise tree_files.nothing_found(sequence.folder, 'skeletons')
  if files[0].suffix.lower() == tree_files.PICKLE:
    return pickles.load(files[0], modalities.get('keypoints'))
  if files[0].suffix.lower() != tree_files.JSON:
    return _read_texts(files)
  frames: dict[str, list[Any]] = {}
  for path in files:
    chosen = (people or {}).get(person_index.frame_of(path.name), 0)
    for name, found in _people(path, chosen).items():
      frames.setdefault(name, []).extend(found)
  kept = [frames[name] for name in untrusted.in_order(frames) if frames[name]]
  if people is None:
    _note_crowds([len(each) for each in kept], notes)
  if len({each[0].shape for each in kept}) > 1:
    raise UserError(
      f'{sequence.folder}: its frames have different numbers of joints'
    )
  if not kept:
    return np.zeros((0, 0, 3), np.float32)
  return np.stack([each[0] for each in kept])


def taken(values: np.ndarray, skeleton: str, released: str) -> np.ndarray:
  """Returns the joints of a dataset, of those that are released.

  Args:
    values: [s,v,3]; those that are of the dataset's skeleton stay as they are.
    skeleton: the dataset's.
    released: that of its release, '' where both are the same.
  """
  if not released or values.shape[1] != len(skeletons.get(released).joints):
    return values
  return values[:, skeletons.places(skeleton, released)]


def _read_texts(paths: Sequence[Path]) -> np.ndarray:
  """Returns skeletons of a text per frame; see `Dataset.texts`."""
  frames = []
  for path in paths:
    try:
      text = untrusted.read(path).decode(errors='replace')
    except OSError as error:
      raise UserError(f'{path}: cannot be read ({error.strerror})') from error
    values = _numbers(text)
    if values is None or len(values) < 5 or len(values) % 3 != 2:
      raise UserError(
        f'{path}: does not hold height and width of the image and x, y and'
        ' confidence of each joint, divided by commas; copy it again'
      )
    frames.append(values[2:].reshape(-1, 3))
  if len({each.shape for each in frames}) > 1:
    raise UserError(
      f'{paths[0].parent}: its frames have different numbers of joints'
    )
  return np.stack(frames)


def _note_crowds(people: Sequence[int], notes: list[str]) -> None:
  crowded = sum(1 for count in people if count > 1)
  if crowded:
    notes.append(
      f'{crowded} of {len(people)} frames show several people; the first is'
      ' taken'
    )


def _read_csv(sequence: trees.TreeSequence, notes: list[str]) -> np.ndarray:
  where = sequence.place
  try:
    rows = _rows(Path(sequence.folder), sequence.spans)
  except OSError as error:
    raise UserError(f'{where}: cannot be read ({error.strerror})') from error
  counts = collections.Counter(row.count(',') for row in rows)
  commas = counts.most_common(1)[0][0]
  frames: dict[str, list[np.ndarray]] = {}
  for row in rows:
    name, _, text = row.partition(',')
    values = _numbers(text) if row.count(',') == commas else None
    if values is not None and len(values) % 3 == 0:
      people = frames.setdefault(name.rpartition('/')[2], [])
      people.append(values.reshape(-1, 3))
  used = sum(map(len, frames.values()))
  if 2 * used <= len(rows):
    raise UserError(
      f'{where}: {len(rows) - used} of its {len(rows)} rows are cut short or do'
      ' not hold three numbers per joint'
    )
  if used < len(rows):
    notes.append(
      f'{len(rows) - used} of {len(rows)} rows are left out, as they are cut'
      ' short or hold something that is not a number'
    )
  ordered = [frames[name] for name in untrusted.in_order(frames)]
  _note_crowds(list(map(len, ordered)), notes)
  return np.stack([people[0] for people in ordered])


def _numbers(text: str) -> np.ndarray | None:
  """Returns a row's numbers float32, None where one of them is lost."""
  try:
    values = np.array([*map(float, text.split(','))])
  except ValueError:
    return None
  # Too large a number becomes infinite, which the checks report.
  with np.errstate(over='ignore'):
    return None if np.isnan(values).any() else values.astype(np.float32)


def _rows(path: Path, spans: Sequence[tuple[int, int]]) -> list[str]:
  with files.open_regular(path) as file:
    parts = []
    for start, end in spans:
      file.seek(start)
      parts.append(_plain(file.read(end - start)))
  lines = b''.join(parts).decode('utf-8-sig', errors='replace').splitlines()
  return [line for line in lines if line.strip()]


def _people(path: Path, chosen: int = 0) -> dict[str, list[Any]]:
  """Returns everybody in each frame of a json file, the first as float32 [v,3].

  The first is the chosen one of a file of one frame.

  OpenPose writes a file per frame, {'people': [...]}; AlphaPose one file of all
  frames, a list of people with the image that each is in.

  Raises:
    UserError: the file is damaged or not what these write.
  """
  try:
    content: Any = files.parse_json(untrusted.read(path))
    if not isinstance(content, list):
      others = content['people']
      if others and not chosen < len(others):
        raise UserError(
          f'{path}: shows {len(others)} people, and the index takes number'
          f' {chosen}; is the index of the other detector?'
        )
      first = [others.pop(chosen)] if others else []
      joints = [_joints(person['pose_keypoints_2d']) for person in first]
      return {path.name: [*joints, *others]}
    frames: dict[str, list[Any]] = {}
    for person in content:
      people = frames.setdefault(str(person['image_id']), [])
      people.append(person if people else _joints(person['keypoints']))
    return frames
  except OSError as error:
    raise UserError(f'{path}: cannot be read ({error.strerror})') from error
  except (
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
  ) as error:
    raise UserError(
      f"{path}: is damaged, or neither OpenPose's json of a frame (people with"
      " pose_keypoints_2d) nor AlphaPose's of all frames (image_id, keypoints)"
      f' ({type(error).__name__}: {error}); copy it again'
    ) from error


def _joints(numbers: Any) -> np.ndarray:
  # Too large a number becomes infinite, which the checks report.
  with np.errstate(over='ignore'):
    return np.asarray(numbers, np.float32).reshape(-1, 3)
