"""Writes walks as an OpenGait tree: silhouettes and joints of same frames."""

import json
import pathlib
import pickle

import numpy as np

from gaitgs_jax.input import tree_files
from gaitgs_jax.video.quality import Quality
from gaitgs_jax.video.walks import Walk

QUALITY = 'quality.jsonl'
# Nobody knows what people wear or from where they are seen.
_CONDITION, _VIEW = '00', '000'


def write_walk(root: pathlib.Path, name: str, walk: Walk) -> None:
  """Writes one walk, `name/00/000/silhouettes.pkl` and `keypoints.pkl`.

  The numbers of their frames are next to them.

  Raises:
    OSError: it cannot be written.
  """
  arrays = {'silhouettes': np.stack(walk.silhouettes)}
  if walk.keypoints:
    arrays['keypoints'] = np.stack(walk.keypoints)
  numbers = ''.join(f'{number:06d}\n' for number in walk.frames)
  folder = root / name / _CONDITION / _VIEW
  folder.mkdir(parents=True)
  for modality, array in arrays.items():
    with (folder / f'{modality}{tree_files.PICKLE}').open('xb') as file:
      # With protocol 4 the file's head says the array's shape.
      pickle.dump(array, file, protocol=4)
    text = folder / f'{modality}{tree_files.FRAME_NAMES}'
    text.write_text(numbers, 'utf-8')


def write_quality(root: pathlib.Path, found: list[Quality]) -> None:
  """Writes the quality of each walk, a line of JSON each.

  Raises:
    OSError: it cannot be written.
  """
  lines = ''.join(f'{json.dumps(each.plain())}\n' for each in found)
  (root / QUALITY).write_text(lines, 'utf-8')
