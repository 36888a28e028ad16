"""Trees of raw silhouettes, skeletons and OpenGait's pickles, as people have.

A layout says what the folders below a root are called, for example
'{subject}/{condition}/{view}'; the last folder holds the frames of one
sequence: as images, as one json file per frame, or as one pickle.
"""

import dataclasses
import fnmatch
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gaitgs_jax import local, modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import images, layouts, masks, pickles, untrusted
from gaitgs_jax.input.datasets import Dataset
from gaitgs_jax.input.pretreatment import (
  is_stretched,
  pretreat,
  stray_note,
)

# What a field is called that the layout leaves out.
_DEFAULTS = {'condition': '00', 'view': '000'}
_IMAGES = ('.png', '.jpg', '.jpeg', '.bmp')
_PICKLE = '.pkl'
_JSON = '.json'
# What names the frames of a pickle, next to it.
FRAME_NAMES = '.frames.txt'
_ARCHIVES = ('.zip', '.tar', '.gz', '.tgz', '.rar', '.7z')
# Images that are not read, for messages.
_OTHER_IMAGES = ('.tif', '.tiff', '.webp', '.gif', '.pgm', '.ppm')
# Names of files shown in a message.
_SHOWN = 5
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
  layout = layout or layouts.detect(root, sample)
  patterns, fields = layouts.parse(layout)
  sequences, hollow = [], []
  for folder, found in layouts.match(root, patterns):
    if found.keys() == fields:
      names = {**_DEFAULTS, **found}
      subject, condition, view = (names[field] for field in layouts.FIELDS)
      sequences.append(TreeSequence(subject, condition, view, str(folder)))
    elif folder != root:
      hollow.append(str(folder))
  if not sequences:
    raise UserError(
      f'{root}: no folder is like {layout}; the first file is'
      f' {sample.relative_to(root)}; pass --layout with what its folders are'
    )
  return Tree(
    root,
    layout,
    {_PICKLE: 'pickles', _JSON: 'json'}.get(sample.suffix.lower(), 'images'),
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
  found = next(frame_files(root), None)
  if found is None:
    raise UserError(
      f'{root}: no image, no pickle and no json below it; {_hint(root)}'
    )
  return found


def _hint(root: Path) -> str:
  """Returns what to do about a folder without frames."""
  other = next(frame_files(root, _is_other_image), None)
  if other:
    return (
      f'{other.relative_to(root)} is of a kind that is not read; convert such'
      ' images to PNG'
    )
  archives = [
    entry.name
    for entry in untrusted.entries(root)
    if entry.name.endswith(_ARCHIVES)
  ]
  if archives:
    return f'unpack {sorted(archives)[0]} and the like first'
  return 'is this the right folder, and is the copy complete?'


def nothing_found(folder: str | Path, wanted: str) -> UserError:
  """Returns the error of one sequence's folder that has not what is wanted.

  Args:
    folder: of the sequence.
    wanted: such as 'frames', for the message.
  """
  found = held(folder)
  hint = 'is the tree half-copied?'
  if found == {'images that are not read'}:
    hint = f'convert its images to PNG; {", ".join(_OTHER_IMAGES)} are not read'
  elif found:
    hint = f'it holds {" and ".join(sorted(found))}'
  return UserError(f'{folder}: holds no {wanted}; {hint}')


def held(folder: str | Path) -> set[str]:
  """Returns what a folder holds: 'images', 'pickles', 'json' or others."""
  names = [entry.name.lower() for entry in untrusted.entries(folder)]
  kinds: dict[str, tuple[str, ...]] = {
    'images': _IMAGES,
    'pickles': (_PICKLE,),
    'json': (_JSON,),
    'images that are not read': _OTHER_IMAGES,
  }
  return {
    kind
    for kind, suffixes in kinds.items()
    if any(name.endswith(suffixes) for name in names)
  }


def frame_files(
  folder: Path,
  wanted: Callable[[str], bool] | None = None,
  depth: int = _MAX_DEPTH,
  folders: untrusted.Folders | None = None,
) -> Iterator[Path]:
  """Yields the wanted files below a folder, the deepest first.

  Args:
    folder: where to start.
    wanted: of a file's name; those of frames by default.
    depth: how many levels of folders are looked into.
    folders: of the same walk, where it began above this folder.

  Raises:
    UserError: a folder cannot be listed, or links lead in circles.
  """
  wanted = wanted or _is_frames
  folders = folders or untrusted.Folders()
  # Images before notes on them.
  entries = sorted(
    untrusted.entries(folder),
    key=lambda entry: (_is_json(entry.name), entry.name),
  )
  for entry in entries:
    if depth > 1 and folders.is_folder(entry):
      yield from frame_files(Path(entry.path), wanted, depth - 1, folders)
  for entry in entries:
    if wanted(entry.name) and os.path.isfile(entry.path):
      yield Path(entry.path)


def _is_frames(name: str) -> bool:
  # Some copies of CASIA-B hold gait energy images beside the silhouettes.
  wanted = name.lower().endswith((*_IMAGES, _PICKLE, _JSON))
  return wanted and not name.lower().endswith('gei.png')


def _is_other_image(name: str) -> bool:
  return name.lower().endswith(_OTHER_IMAGES)


def _is_json(name: str) -> bool:
  return name.lower().endswith(_JSON)


def sequence_files(folder: str, modality: str = 'silhouettes') -> list[Path]:
  """Returns one sequence's files, see `untrusted.in_order`, or its one pickle.

  Args:
    folder: of the sequence.
    modality: of keypoints json files, of others images; of several pickles the
      one of that modality.
  """
  found = pickle_names(folder)
  if found:
    return [Path(folder, PickleChoice(modality).of(found))]
  names = [entry.name for entry in untrusted.entries(folder)]
  wanted = modality == 'keypoints'
  return [
    Path(folder, name)
    for name in untrusted.in_order(filter(_is_frames, names))
    if _is_json(name) == wanted
  ]


def pickle_names(folder: str | Path) -> list[str]:
  """Returns the names of a folder's pickles, sorted."""
  return sorted(
    entry.name
    for entry in untrusted.entries(folder)
    if entry.name.lower().endswith(_PICKLE)
  )


@dataclasses.dataclass(frozen=True)
class PickleChoice:
  """Which of a sequence's pickles is read.

  Attributes:
    modality: the first is taken whose name has one of its words; else the first
      whose name has none of any modality, or the first.
    pattern: such as '*Sils_aligned*': the first that fits is taken instead.
    alone: whether no other modality is read. Otherwise only silhouettes may be
      in a pickle whose name says nothing.
  """

  modality: str = 'silhouettes'
  pattern: str = ''
  alone: bool = True

  def of(self, names: list[str]) -> str:
    """Returns one of the pickles' names, which are sorted.

    Raises:
      UserError: none fits the pattern, or none is of the modality.
    """
    there = f'there are {", ".join(names[:_SHOWN])}'
    if self.pattern:
      fitting = fnmatch.filter(names, self.pattern)
      if not fitting:
        raise UserError(
          f'no pickle fits {self.pattern!r} of'
          f' config.inputs.{self.modality}.files; {there}'
        )
      return fitting[0]
    row = modalities.get(self.modality)
    told = [modalities.of_file(name) for name in names]
    wanted = [row.name, ''] if self.alone or row.pretreated else [row.name]
    found = [told.index(each) for each in wanted if each in told]
    if not found and not self.alone:
      raise UserError(
        f'no pickle is of {row.name}: its name must have'
        f' {" or ".join(row.words)}; {there}'
      )
    return names[found[0] if found else 0]


def modality(tree: Tree) -> str:
  """Returns which modality a tree holds, by its first sequence.

  A tree that holds several is taken for one of silhouettes.
  """
  if tree.kind != 'pickles':
    return 'silhouettes' if tree.kind == 'images' else 'keypoints'
  files = sequence_files(tree.sequences[0].folder)
  named = modalities.of_file(files[0].name) if files else ''
  if named:
    return named
  try:
    is_pose = bool(files) and pickles.load_shape(files[0])[-1:] == (3,)
  except pickles.PickleError:
    return 'silhouettes'
  return 'keypoints' if is_pose else 'silhouettes'


def modalities_of(tree: Tree) -> tuple[str, ...]:
  """Returns which modalities a tree holds, by its first sequence.

  Several only where the names of its pickles say so.
  """
  if tree.kind != 'pickles':
    return (modality(tree),)
  named = {
    modalities.of_file(name) for name in pickle_names(tree.sequences[0].folder)
  }
  found = tuple(name for name in modalities.MODALITIES if name in named)
  return found if len(found) > 1 else (modality(tree),)


def check_modality(tree: Tree, dataset: Dataset) -> None:
  """Refuses silhouettes for a dataset of skeletons, and the other way round.

  Raises:
    UserError: they are; pickles, which may be of both kinds, never are.
  """
  held = modality(tree)
  wanted = dataset.modalities
  if tree.kind != 'pickles' and wanted and held not in wanted:
    titles = ' and '.join(modalities.get(name).title for name in wanted)
    raise UserError(
      f'{tree.root}: holds {modalities.get(held).title} ({tree.kind}), but'
      f' {dataset.name} is a dataset of {titles}; pass --dataset with which it'
      ' is'
    )


def read_frames(
  folder: str, notes: list[str] | None = None
) -> np.ndarray | images.Frames:
  """Returns the frames of one sequence, uint8 [h, w] of 0 and 255 each.

  Those of images are made one by one, when they are gone through.

  Args:
    folder: of the sequence; a pickle's frames, which are pretreated, are
      returned as stored, in one array [s,h,w].
    notes: where to add how images were read that are not white on black.

  Raises:
    UserError: the folder is empty, or one of its files is damaged or does not
      show people in white on black.
  """
  files = sequence_files(folder)
  if not files:
    raise nothing_found(folder, 'frames')
  if files[0].suffix.lower() == _PICKLE:
    return read_pickle(files[0], 'silhouettes')
  try:
    frames, note = masks.foreground(images.Images(files))
  except masks.NotMasksError as error:
    raise UserError(f'{folder}: {error}') from error
  if note and notes is not None:
    notes.append(note)
  return frames


def read_pickle(path: Path, modality: str, skeleton: str = '') -> np.ndarray:
  """Returns one sequence [s,...] of a pickle.

  Raises:
    PickleError: it is damaged, of another modality, or cannot be computed with.
  """
  row = modalities.get(modality)
  array = pickles.load(path, row)
  if fault := row.unusable(array, skeleton):
    raise pickles.PickleError(path, fault)
  return array


def read_pretreated(
  folder: str,
  size: int,
  notes: list[str] | None = None,
  names: list[str] | None = None,
) -> np.ndarray:
  """Returns one sequence uint8 [s, size, size], pretreated if it was not.

  Args:
    folder: of the sequence.
    size: height and width of the result in pixels.
    notes: where to add what is odd about the images, but harmless.
    names: where to add the names of the images that the result has, without
      their suffix; a pickle's have none.

  Raises:
    UserError: as `read_frames`, or the folder's pickle holds frames of another
      size.
  """
  frames = read_frames(folder, notes)
  if not isinstance(frames, np.ndarray):
    kept: list[int] = []
    result = _pretreated(frames, size, notes, kept)
    if names is not None:
      files = sequence_files(folder)
      names += [files[number].stem for number in kept]
    return result
  if frames.shape[1:] != (size, size):
    height, width = frames.shape[1:]
    hint = 'start from the raw images'
    if height == width:
      hint += (
        f', or take --size={height} (pretreat), --variant={height} (prepare)'
      )
    raise UserError(
      f'{folder}: its pickled frames are {height}x{width}, not {size}x{size};'
      f' {hint}'
    )
  return frames


def _pretreated(
  frames: images.Frames, size: int, notes: list[str] | None, kept: list[int]
) -> np.ndarray:
  stretched = 0

  def counted() -> Iterator[np.ndarray]:
    nonlocal stretched
    for frame in frames:
      stretched += is_stretched(frame)
      yield frame

  result = pretreat(counted(), size, kept)
  if notes is not None:
    notes += filter(None, [stray_note(stretched, len(frames))])
  return result
