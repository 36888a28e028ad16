"""Small trees of synthetic walkers in the published layouts."""

import pickle
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.synthetic import walk

SUBJECTS = ('001', '002', '003', '004')
CONDITIONS = ('nm-01', 'nm-02')
VIEWS = ('090', '108')
FRAMES = 6


def frames(subject: str, condition: str = 'nm-01', view: str = '090'):
  return walk(0, int(subject) - 1, condition, view, frames=FRAMES).silhouettes


def write_images(folder: Path, images: Iterable[np.ndarray], name='{:03d}.png'):
  folder.mkdir(parents=True, exist_ok=True)
  for i, image in enumerate(images, 1):
    cv2.imwrite(str(folder / name.format(i)), image)


def write_pickle(path: Path, value: object):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_bytes(pickle.dumps(value))


def cells():
  return [(s, c, v) for s in SUBJECTS for c in CONDITIONS for v in VIEWS]


def casia_b(root: Path) -> Path:
  for subject, condition, view in cells():
    write_images(
      root / subject / condition / view,
      frames(subject, condition, view),
      f'{subject}-{condition}-{view}-{{:03d}}.png',
    )
  return root


def oumvlp(root: Path) -> Path:
  """The same walks; nm-01 is called 00, and nm-02 is called 01."""
  for subject, condition, view in cells():
    number = CONDITIONS.index(condition)
    write_images(
      root / f'Silhouette_{view}-{number:02d}' / f'{int(subject):05d}',
      frames(subject, condition, view),
      '{:04d}.png',
    )
  return root


def opengait(root: Path) -> Path:
  for subject, condition, view in cells():
    write_pickle(
      root / subject / condition / view / f'{view}.pkl',
      pretreat(frames(subject, condition, view)),
    )
  return root
