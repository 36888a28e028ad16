"""OpenGait's trees ROOT/subject/condition/view/*.pkl, and what is not one."""

import os
from pathlib import Path

from gaitgs_jax import local
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import layouts, tree_files, untrusted

# What to run about a tree that is damaged.
CHECK = 'run `python -m gaitgs_jax check --source={}` to see every bad one'


def is_tree(root: str | os.PathLike) -> bool:
  """Returns whether a folder looks like a tree subject/condition/view/*.pkl."""
  folder = local.path(root)
  found = (
    next(tree_files.frame_files(folder), None) if folder.is_dir() else None
  )
  if found is None or found.suffix.lower() != '.pkl':
    return False
  depth = len(found.relative_to(folder).parts) - 1
  return depth == len(layouts.OPENGAIT.split('/'))


def sequence_folders(root: Path) -> list[str]:
  """Returns the folders ROOT/subject/condition/view, sorted.

  Text, as there are hundreds of thousands.
  """
  if not root.is_dir():
    what = 'is a file' if root.is_file() else 'no such folder'
    raise UserError(
      f'{root}: {what}; give the folder of a tree subject/condition/view/*.pkl'
    )
  level, walk = [str(root)], untrusted.Folders()
  for _ in range(3):
    level = [
      child for folder in level for child in _folders(folder, root, walk)
    ]
  return level


def _folders(folder: str, root: Path, walk: untrusted.Folders) -> list[str]:
  names = sorted(
    entry.name for entry in untrusted.entries(folder) if walk.is_folder(entry)
  )
  if not names:
    raise no_pickle(Path(folder), root)
  return [f'{folder}/{name}' for name in names]


def no_pickle(folder: Path, root: Path) -> UserError:
  """Returns the error of a folder that lacks what leads to a pickle."""
  command = f'`python -m gaitgs_jax pretreat --source={root} --out=TREE`'
  held = tree_files.held(folder)
  if 'images' in held:
    what, hint = 'images', f'make a tree of them with {command}'
  elif 'pickles' in held:
    what = f'pickles, {len(folder.relative_to(root).parts)} folders deep'
    hint = f'{command} with --layout makes such a tree of silhouettes'
  elif 'json' in held:
    what = 'json'
    hint = 'write each walk of skeletons as one pickle [frames, joints, 3]'
  else:
    what = 'neither folders nor a pickle'
    hint = f'is the tree half-copied? {CHECK.format(root)}'
  return UserError(
    f'{folder}: holds {what}, but {root}/subject/condition/view/*.pkl is'
    f' expected; {hint}'
  )
