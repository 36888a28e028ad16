"""Trees of raw silhouettes, skeletons and OpenGait's pickles, as people have.

A layout says what the folders below a root are called, for example
'{subject}/{condition}/{view}'; the last folder holds the frames of one
sequence: as images, as one json file per frame, or as one pickle.
"""

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gaitgs_jax import local
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import pickles, untrusted
from gaitgs_jax.input.datasets import Dataset
from gaitgs_jax.input.pretreatment import pretreat

# CASIA-B (`GaitDatasetB-silh/001/nm-01/000/001-nm-01-000-001.png`) and
# OpenGait's own trees.
OPENGAIT = '{subject}/{condition}/{view}'
# OU-MVLP (`Silhouette_000-00/00001/0001.png`).
OUMVLP = 'Silhouette_{view}-{condition}/{subject}'
# OUMVLP-Pose (`00001/000_00/0001_keypoints.json`).
OUMVLP_POSE = '{subject}/{view}_{condition}'
# One's own: a folder per walk, in it one per person.
WALKS = '{condition}/{subject}'

_BY_DEPTH = {2: WALKS, 3: OPENGAIT}
_FIELDS = ('subject', 'condition', 'view')
# What a field is called that the layout leaves out.
_DEFAULTS = {'condition': '00', 'view': '000'}
_IMAGES = ('.png', '.jpg', '.jpeg', '.bmp')
_PICKLE = '.pkl'
_JSON = '.json'
# What the names of pickles of one modality have in common.
_MODALITIES = {'frames': ('sil',), 'keypoints': ('pose', 'keypoint', 'skelet')}
_ARCHIVES = ('.zip', '.tar', '.gz', '.tgz', '.rar', '.7z')
_PNG_START, _PNG_END = b'\x89PNG\r\n', b'IEND'
# Three folders and a file, and one folder too many above.
_MAX_DEPTH = 5


@dataclasses.dataclass(frozen=True, order=True)
class TreeSequence:
  """One sequence of a tree.

  Attributes:
    subject: for example '001'.
    condition: for example 'nm-01'.
    view: for example '090'.
    folder: where its files lie, or the csv file.
    spans: where its rows begin and end in the csv file, in bytes; none of a
      folder.
  """

  subject: str
  condition: str
  view: str
  folder: str
  spans: tuple[tuple[int, int], ...] = ()

  @property
  def name(self) -> str:
    """'subject/condition/view'."""
    return f'{self.subject}/{self.condition}/{self.view}'

  @property
  def place(self) -> str:
    """The folder, or the csv file and the name, for messages."""
    return f'{self.folder}: {self.name}' if self.spans else self.folder


@dataclasses.dataclass(frozen=True)
class Tree:
  """Every sequence below a root, sorted by subject, condition and view.

  Attributes:
    root: the folder.
    layout: how the folders below it are called.
    kind: what the frames are stored as, 'images', 'pickles', 'json' or 'csv'.
    sequences: one per folder that the layout names, empty ones included.
    hollow: folders on the way to sequences that lead to none.
  """

  root: Path
  layout: str
  kind: str
  sequences: tuple[TreeSequence, ...]
  hollow: tuple[str, ...] = ()


def open_tree(root: str | os.PathLike, layout: str = '') -> Tree:
  """Lists a tree; reads no frame.

  Args:
    root: its folder.
    layout: what its folders are called; found out where empty.

  Raises:
    UserError: there is no tree, or it cannot be told what it is.
  """
  root = local.path(root)
  sample = _first_file(root)
  layout = layout or _detect(root, sample)
  patterns, fields = _parse(layout)
  sequences, hollow = [], []
  for folder, found in _match(root, patterns):
    if found.keys() == fields:
      names = {**_DEFAULTS, **found}
      subject, condition, view = (names[field] for field in _FIELDS)
      sequences.append(TreeSequence(subject, condition, view, str(folder)))
    elif folder != root:
      hollow.append(str(folder))
  if not sequences:
    raise UserError(
      f'{root}: no folder is like {layout}; the first file is'
      f' {sample.relative_to(root)}, say with --layout what its folders are'
    )
  return Tree(
    root,
    layout,
    {_PICKLE: 'pickles', _JSON: 'json'}.get(sample.suffix, 'images'),
    tuple(sorted(sequences)),
    tuple(sorted(hollow)),
  )


def _first_file(root: Path) -> Path:
  """Returns a file of frames below the root.

  Raises:
    UserError: there is none.
  """
  if not root.is_dir():
    raise UserError(f'{root}: no such folder; give the one that holds the tree')
  found = next(_files(root, _MAX_DEPTH), None)
  if found is None:
    archives = [
      entry.name
      for entry in untrusted.entries(root)
      if entry.name.endswith(_ARCHIVES)
    ]
    hint = (
      f'unpack {sorted(archives)[0]} and the like first'
      if archives
      else 'is this the right folder, and is the copy complete?'
    )
    raise UserError(f'{root}: no image, no pickle and no json below it; {hint}')
  return found


def _files(folder: Path, depth: int) -> Iterator[Path]:
  """Yields the files of frames below a folder, the deepest first."""
  # Images before notes on them.
  entries = sorted(
    untrusted.entries(folder),
    key=lambda entry: (_is_json(entry.name), entry.name),
  )
  for entry in entries:
    if depth > 1 and untrusted.is_folder(entry) and not _is_hidden(entry.name):
      yield from _files(Path(entry.path), depth - 1)
  for entry in entries:
    if _is_frames(entry.name) and os.path.isfile(entry.path):
      yield Path(entry.path)


def _is_frames(name: str) -> bool:
  # Some copies of CASIA-B hold gait energy images beside the silhouettes.
  wanted = name.lower().endswith((*_IMAGES, _PICKLE, _JSON))
  return wanted and not _is_hidden(name) and not name.endswith('gei.png')


def _is_json(name: str) -> bool:
  return name.endswith(_JSON)


def _is_hidden(name: str) -> bool:
  return name.startswith(('.', '__MACOSX'))


def _detect(root: Path, sample: Path) -> str:
  """Returns the layout that a file below the root speaks of."""
  folders = sample.relative_to(root).parts[:-1]
  if folders and _pattern(OUMVLP.split('/')[0]).fullmatch(folders[0]):
    return OUMVLP
  if _is_json(sample.name) and re.fullmatch(r'\d+_\d+', sample.parent.name):
    if len(folders) == 2:
      return OUMVLP_POSE
  elif len(folders) in _BY_DEPTH:
    return _BY_DEPTH[len(folders)]
  inner = f'; is it {root / folders[0]} that you mean' if folders else ''
  raise UserError(
    f'{root}: {sample.relative_to(root)} lies {len(folders)} folders deep, but'
    f' {OPENGAIT}, {OUMVLP}, {OUMVLP_POSE} or {WALKS} is expected{inner}? Or'
    " say with --layout what the folders are, for example --layout='{subject}'"
  )


def _pattern(component: str) -> re.Pattern[str]:
  """Returns what one folder's name of a layout looks like."""
  parts = re.split(r'\{(\w*)\}', component)
  pattern = re.escape(parts[0])
  for field, text in zip(parts[1::2], parts[2::2], strict=True):
    pattern += f'(?P<{field}>.+?)' + re.escape(text)
  return re.compile(pattern)


def _parse(layout: str) -> tuple[list[re.Pattern[str]], set[str]]:
  """Returns what the folders of each level look like, and the fields named."""
  fields = re.findall(r'\{(\w*)\}', layout)
  wrong = set(fields) - set(_FIELDS) or len(fields) != len(set(fields))
  if wrong or 'subject' not in fields:
    raise UserError(
      f'layout {layout!r}: name each of {{subject}}, {{condition}} and {{view}}'
      ' at most once and {subject} always'
    )
  patterns = [_pattern(component) for component in layout.split('/')]
  return patterns, set(fields)


def _match(
  folder: Path, patterns: list[re.Pattern[str]]
) -> Iterator[tuple[Path, dict[str, str]]]:
  """Yields the folders that the patterns lead to, and the fields' values.

  A folder in which no name fits the next pattern is yielded itself, with the
  fields so far.
  """
  matches = []
  for entry in untrusted.entries(folder) if patterns else ():
    match = patterns[0].fullmatch(entry.name)
    if match and untrusted.is_folder(entry) and not _is_hidden(entry.name):
      matches.append((Path(entry.path), match.groupdict()))
  if not matches:
    yield folder, {}
  for inner, found in matches:
    for deepest, more in _match(inner, patterns[1:]):
      yield deepest, {**found, **more}


def sequence_files(folder: str, key: str = 'frames') -> list[Path]:
  """Returns one sequence's files in the order of names, or its pickle alone.

  Args:
    folder: of the sequence.
    key: 'frames' for images, 'keypoints' for json files; of several pickles
      the one of that modality.
  """
  found = pickle_names(folder)
  if found:
    return [Path(folder, choose_pickle(found, key))]
  names = sorted(
    entry.name for entry in untrusted.entries(folder) if _is_frames(entry.name)
  )
  wanted = key == 'keypoints'
  return [Path(folder, name) for name in names if _is_json(name) == wanted]


def pickle_names(folder: str | Path) -> list[str]:
  """Returns the names of a folder's pickles, sorted."""
  return sorted(
    entry.name
    for entry in untrusted.entries(folder)
    if entry.name.endswith(_PICKLE) and not _is_hidden(entry.name)
  )


def choose_pickle(names: list[str], key: str) -> str:
  """Returns which of a sequence's pickles holds a modality.

  Args:
    names: of the pickles, sorted.
    key: 'frames': the first with 'sil' in its name; 'keypoints': the first with
      'pose', 'keypoint' or 'skelet'. Else the first that speaks of neither, or
      the first.
  """
  told = [_told_modality(name) for name in names]
  found = [told.index(wanted) for wanted in (key, '') if wanted in told]
  return names[found[0] if found else 0]


def _told_modality(name: str) -> str:
  for key, words in _MODALITIES.items():
    if any(word in name.lower() for word in words):
      return key
  return ''


def modality(tree: Tree) -> str:
  """Returns what a tree holds, 'frames' or 'keypoints', by its first sequence.

  A tree that holds both is taken for one of silhouettes.
  """
  if tree.kind != 'pickles':
    return 'frames' if tree.kind == 'images' else 'keypoints'
  files = sequence_files(tree.sequences[0].folder)
  try:
    is_pose = bool(files) and pickles.load_shape(files[0])[-1:] == (3,)
  except pickles.PickleError:
    return 'frames'
  return 'keypoints' if is_pose else 'frames'


def check_modality(tree: Tree, dataset: Dataset) -> None:
  """Refuses silhouettes for a dataset of skeletons, and the other way round.

  Raises:
    UserError: they are; pickles, which may be of both kinds, never are.
  """
  held = modality(tree)
  if tree.kind != 'pickles' and held != dataset.key:
    words = {'frames': 'silhouettes', 'keypoints': 'skeletons'}
    raise UserError(
      f'{tree.root}: holds {words[held]} ({tree.kind}), but {dataset.name} is a'
      f' dataset of {words[dataset.key]}; say with --dataset which it is'
    )


def read_image(path: Path) -> np.ndarray:
  """Reads one image as uint8 [h, w].

  Raises:
    UserError: it cannot be read or is cut short.
  """
  import cv2

  # Read by Python, as OpenCV cannot tell why it fails.
  try:
    data = untrusted.read(path)
  except OSError as error:
    raise UserError(f'{path}: cannot be read ({error.strerror})') from error
  # Some versions of OpenCV return a short PNG with what is missing in black.
  if data.startswith(_PNG_START) and _PNG_END not in data[-12:]:
    raise UserError(f'{path}: is cut short; copy it again')
  buffer = np.frombuffer(data, np.uint8)
  try:
    frame = cv2.imdecode(buffer, cv2.IMREAD_GRAYSCALE) if data else None
  except cv2.error:  # It claims to be larger than `runtime` allows.
    frame = None
  if frame is None:
    raise UserError(f'{path}: is empty, damaged or no image; copy it again')
  return frame


def read_frames(folder: str) -> np.ndarray | list[np.ndarray]:
  """Returns the frames of one sequence as stored, uint8 [h, w] each.

  Raises:
    UserError: the folder is empty or one of its files is damaged.
  """
  files = sequence_files(folder)
  if not files:
    raise UserError(f'{folder}: holds no frames; is the tree half-copied?')
  if files[0].suffix == _PICKLE:
    return pickles.load_frames(files[0])
  return [read_image(path) for path in files]


def read_pretreated(folder: str, size: int) -> np.ndarray:
  """Returns one sequence uint8 [s, size, size], pretreated if it was not.

  Raises:
    UserError: as `read_frames`, or the folder's pickle holds frames of another
      size.
  """
  frames = read_frames(folder)
  if not isinstance(frames, np.ndarray):
    return pretreat(frames, size)
  if frames.shape[1:] != (size, size):
    height, width = frames.shape[1:]
    raise UserError(
      f'{folder}: frames are {height}x{width}, not {size}x{size}; choose'
      f' --variant={height} if they are square, or start from the raw images'
    )
  return frames
