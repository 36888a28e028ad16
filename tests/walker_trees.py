"""Small trees of synthetic walkers in the published layouts."""

import csv
import json
import pickle
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from gaitgs_jax import skeletons
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.synthetic import walk, walk_keypoints

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


def skeleton(subject: str, condition: str = 'nm-01', view: str = '090'):
  return walk_keypoints(0, int(subject) - 1, condition, view, frames=FRAMES)


def openpose(coco: np.ndarray) -> np.ndarray:
  """Returns OpenPose's 18 joints of COCO's 17; the neck between shoulders."""
  joints = skeletons.get('coco17').joints
  neck = coco[:, [joints.index(f'{s}_shoulder') for s in ('left', 'right')]]
  by_name = dict(zip(joints, coco.swapaxes(0, 1), strict=True))
  by_name['neck'] = neck.mean(1) * neck.all((1, 2))[:, None]
  order = skeletons.get('openpose18').joints
  return np.stack([by_name[joint] for joint in order], 1)


def casia_b_csv(path: Path, rows=None) -> Path:
  """GaitGraph's file; every frame of the walks unless rows are given."""
  joints = skeletons.get('coco17').joints
  names = [f'{joint}_{x}' for joint in joints for x in ('x', 'y', 'conf')]
  path.parent.mkdir(parents=True, exist_ok=True)
  with path.open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(['image_name', *names])
    writer.writerows(csv_rows() if rows is None else rows)
  return path


def csv_rows():
  return [
    [f'frames/{"-".join(cell)}/{i:06d}.jpg', *frame.reshape(-1).tolist()]
    for cell in cells()
    for i, frame in enumerate(skeleton(*cell), 1)
  ]


def write_json(path: Path, people: list[np.ndarray]):
  path.parent.mkdir(parents=True, exist_ok=True)
  content = {
    'version': 1.0,
    'people': [
      {'pose_keypoints_2d': person.reshape(-1).tolist()} for person in people
    ],
  }
  path.write_text(json.dumps(content))


def oumvlp_pose(root: Path) -> Path:
  """Both styles of file names; nm-01 is called 00, and nm-02 is called 01."""
  for subject, condition, view in cells():
    number = CONDITIONS.index(condition)
    walk_name = f'{int(subject):05d}/{view}_{number:02d}'
    for i, frame in enumerate(openpose(skeleton(subject, condition, view)), 1):
      name = f'{i:04d}_keypoints.json'
      if subject != '001':
        name = f'{walk_name.replace("/", "_")}-{i:04d}.json'
      write_json(root / walk_name / name, [frame])
  return root


def opengait_pose(root: Path) -> Path:
  for subject, condition, view in cells():
    write_pickle(
      root / subject / condition / view / f'{view}.pkl',
      skeleton(subject, condition, view).astype(np.float64),
    )
  return root
