"""Which files of a tree are frames, and of which modality."""

import dataclasses
import fnmatch
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gaitgs_jax import files, modalities
from gaitgs_jax.errors import UserError, listed, one_line
from gaitgs_jax.input import untrusted

_IMAGES = ('.png', '.jpg', '.jpeg', '.bmp')
PICKLE = '.pkl'
JSON = '.json'
# Skeletons of GREW and Gait3D, a text per frame. GREW's lie next to images and
# to skeletons in three dimensions.
_TEXT = '.txt'
_TEXT_2D, _TEXT_3D = '_2d_pose.txt', '_3d_pose.txt'
# What names the frames of a pickle, next to it.
FRAME_NAMES = '.frames.txt'
_NAMES_BYTES = 1 << 24
_ARCHIVES = ('.zip', '.tar', '.gz', '.tgz', '.rar', '.7z')
# Images that are not read, for messages.
_OTHER_IMAGES = ('.tif', '.tiff', '.webp', '.gif', '.pgm', '.ppm')
# Three folders and a file, and one folder too many above.
MAX_DEPTH = 5


def frame_names(pickle: Path) -> list[str] | None:
  """Returns the names of the frames of a pickle, None if they are not known.

  Raises:
    UserError: the text that has them cannot be read.
  """
  path = pickle.with_suffix(FRAME_NAMES)
  if not path.exists():
    return None
  try:
    return files.read(path, _NAMES_BYTES).decode().splitlines()
  except (OSError, UnicodeDecodeError) as error:
    raise UserError(f'{path}: cannot be read ({one_line(error)})') from error


def hint(root: Path) -> str:
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
    'pickles': (PICKLE,),
    'json': (JSON,),
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
  depth: int = MAX_DEPTH,
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
  # Some copies of CASIA-B hold gait energy images next to the silhouettes.
  wanted = name.lower().endswith((*_IMAGES, PICKLE, JSON))
  return wanted and not name.lower().endswith('gei.png')


def is_text(name: str) -> bool:
  """Returns whether a file may be of frames or a skeleton in text."""
  return bool(texts([name])) or _is_frames(name)


def _is_other_image(name: str) -> bool:
  return name.lower().endswith(_OTHER_IMAGES)


def _is_json(name: str) -> bool:
  return name.lower().endswith(JSON)


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
  is_pose = modality == 'keypoints'
  frames = [
    name for name in names if _is_frames(name) and _is_json(name) == is_pose
  ]
  if is_pose and not frames:
    frames = texts(names)
  return [Path(folder, name) for name in untrusted.in_order(frames)]


def texts(names: Iterable[str]) -> list[str]:
  """Returns which files of a sequence are skeletons in text."""
  found = [name for name in names if name.lower().endswith(_TEXT)]
  flat = [name for name in found if name.lower().endswith(_TEXT_2D)]
  return flat or [
    name for name in found if not name.lower().endswith((FRAME_NAMES, _TEXT_3D))
  ]


def pickle_names(folder: str | Path) -> list[str]:
  """Returns the names of a folder's pickles, sorted."""
  return sorted(
    entry.name
    for entry in untrusted.entries(folder)
    if entry.name.lower().endswith(PICKLE)
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
    there = f'there are {listed(names)}'
    if self.pattern:
      fitting = fnmatch.filter(names, self.pattern)
      if not fitting:
        raise UserError(
          f'no pickle fits {self.pattern!r} of'
          f' config.inputs.{self.modality}.files; {there}'
        )
      return fitting[0]
    row = modalities.get(self.modality)
    said = [modalities.of_file(name) for name in names]
    wanted = [row.name, ''] if self.alone or row.pretreated else [row.name]
    found = [said.index(each) for each in wanted if each in said]
    if not found and not self.alone:
      raise UserError(
        f'no pickle is of {row.name}: its name must have'
        f' {" or ".join(row.words)}; {there}'
      )
    return names[found[0] if found else 0]
