"""Small trees of walkers in the layout of every dataset."""

import functools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import walker_trees

from gaitgs_jax.input import datasets, heatmaps
from gaitgs_jax.input.pretreatment import pretreat


class Plan(NamedTuple):
  """Who walks how in a small copy of a dataset; half of the people train."""

  subjects: tuple[str, ...]
  conditions: tuple[str, ...]
  views: tuple[str, ...] = ('000',)
  protocol: str = 'leave_one_out'

  @property
  def cells(self):
    return [
      (subject, condition, view)
      for subject in self.subjects
      for condition in self.conditions
      for view in self.views
    ]


def people(form, first=0):
  return tuple(form.format(first + i) for i in range(4))


# By the dataset whose people they are.
PLANS = {
  'casia_b': Plan(
    people('{:03d}', 1),
    ('nm-01', 'nm-05', 'bg-01', 'cl-01'),
    ('000', '090'),
    'casia_b',
  ),
  'oumvlp': Plan(people('{:05d}', 1), ('00', '01'), ('000', '090'), 'oumvlp'),
  'casia_c': Plan(people('{:03d}', 1), ('fn00', 'fb00')),
  'casia_e': Plan(
    people('{:03d}', 1),
    ('H-scene1-nm-1', 'H-scene2-nm-1', 'H-scene3-bg-1', 'L-scene3_s-cl-2'),
    ('000', '090'),
    'casia_e',
  ),
  'gait3d': Plan(
    people('{:04d}'),
    ('camid0_videoid2', 'camid9_videoid1'),
    ('seq0',),
    'gait3d',
  ),
  'sustech1k': Plan(
    people('{:04d}'),
    ('00-nm', '01-bg', '02-nt'),
    ('000', '090'),
    'sustech1k',
  ),
  'ccpg': Plan(
    people('{:03d}'),
    ('U0_D0_BG', 'U0_D0', 'U1_D1', 'U3_D3', 'U0_D3', 'U1_D0'),
    ('1_0', '2_1'),
    'ccpg',
  ),
  'ccgr_mini': Plan(
    people('{}', 1), ('AS1', 'CL1'), ('180_a.avi',), 'ccgr_mini'
  ),
  'ccgr': Plan(people('{}', 1), ('AS1', 'CL1'), ('180_a.avi',)),
  'freegait': Plan(
    people('{:04d}', 1), ('devid0', 'devid1'), ('seq_00',), 'freegait'
  ),
  'd_gait': Plan(('D_000', 'N_000', 'D_001', 'N_001'), ('1', '2')),
  'ragar': Plan(people('{:03d}', 1), ('1', '2')),
  'gaitlu': Plan(people('{:03d}'), ('000', '001'), protocol=''),
  'scoliosis1k': Plan(
    people('{:05d}'), ('Positive',), ('000_180', '180_000'), 'scoliosis1k'
  ),
}
_ALL = {
  'grew': [
    ('00001train', '00', 'aaaaaaaa'),
    ('00001train', '00', 'bbbbbbbb'),
    ('00002train', '00', 'cccccccc'),
    ('00002train', '00', 'iiiiiiii'),
    ('00001', '01', 'dddddddd'),
    ('00001', '02', 'eeeeeeee'),
    ('00002', '01', 'ffffffff'),
    ('00002', '02', 'gggggggg'),
    ('probe', '03', 'hhhhhhhh'),
  ],
  'hid': [
    ('0000', 'aaaaaaaa', 'default'),
    ('0000', 'bbbbbbbb', 'default'),
    ('0001', 'cccccccc', 'default'),
    ('0001', 'hhhhhhhh', 'default'),
    ('0500', 'dddddddd', 'default'),
    ('0501', 'eeeeeeee', 'default'),
    ('probe', '03', 'ffffffff'),
    ('probe', '03', 'gggggggg'),
  ],
  'mgr': [
    ('0000', '00', 'aaaaaaaa'),
    ('0000', '00', 'bbbbbbbb'),
    ('0001', '00', 'cccccccc'),
    ('0001', '00', 'dddddddd'),
    ('1000', '00', 'eeeeeeee'),
    ('1001', '00', 'ffffffff'),
    ('probe', '00', 'gggggggg'),
    ('probe', '00', 'hhhhhhhh'),
  ],
  # As OpenGait lays out HID 2022: probes are told by their conditions.
  'hid2023': [
    ('00000', 'aaaaaaaa', 'default'),
    ('00000', 'bbbbbbbb', 'default'),
    ('00001', 'cccccccc', 'default'),
    ('00001', 'ffffffff', 'default'),
    ('probe', 'dddddddd', 'default'),
    ('probe', 'eeeeeeee', 'default'),
  ],
}
_TRAIN = {
  'grew': ['00001train', '00002train'],
  'hid': ['0000', '0001'],
  'mgr': ['0000', '0001'],
  # Nobody trains as published; a config may say who does.
  'hid2023': ['00000', '00001'],
}
_PROTOCOLS = {
  'casia_b_pose': 'casia_b_pose',
  'oumvlp_pose': 'oumvlp_pose',
  'oumvlp_pose17': 'oumvlp_pose',
  'grew': 'grew_local',
  'mgr': 'mgr',
  'hid': 'hid',
  'hid2023': 'hid',
}


def owner(name):
  """Returns the dataset whose people they are."""
  return datasets.get(name).people or name


def cells(name):
  return _ALL.get(owner(name)) or PLANS[owner(name)].cells


def protocol(name):
  found = _PROTOCOLS.get(name) or _PROTOCOLS.get(owner(name))
  return found or PLANS[owner(name)].protocol


def partition(name):
  """Returns who trains and is tested, and which walks are the probes."""
  found = cells(name)
  subjects = list(dict.fromkeys(subject for subject, _, _ in found))
  train = _TRAIN.get(owner(name), subjects[:2])
  chosen = {'TRAIN_SET': train, 'TEST_SET': subjects[2:]}
  if name.startswith('hid2023'):
    chosen['TEST_SET'] = subjects
  first = found[0][1]
  tested = [cell for cell in found if cell[0] in chosen['TEST_SET']]
  for key, is_first in (('PROBE_SET', False), ('GALLERY_SET', True)):
    chosen[key] = ['-'.join(c) for c in tested if (c[1] == first) == is_first]
  return chosen


def write_partition(name, path):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(json.dumps(partition(name)))


@functools.cache
def _walk(number):
  return walker_trees.frames(f'{number % 4 + 1:03d}')


@functools.cache
def _skeleton(number):
  return walker_trees.skeleton(f'{number % 4 + 1:03d}')


def _number(name, cell):
  subjects = sorted({subject for subject, _, _ in cells(name)})
  return subjects.index(cell[0]) + cells(name).index(cell) % 2


def made(name, cell, modality, size=64):
  """Returns the frames [s,...] that a walk has once it is prepared."""
  number, skeleton = _number(name, cell), datasets.get(name).skeleton
  if modality == 'keypoints':
    coco = _skeleton(number)
    is_coco = skeleton == 'coco17'
    return coco if is_coco else walker_trees.openpose(coco)
  if modality == 'heatmaps':
    source = datasets.source_of(datasets.get(name)).skeleton
    return drawn(_of(_skeleton(number), source), source)
  frames = pretreat(_walk(number), size, way=_way(name))
  if modality == 'silhouettes':
    return frames
  length = len(frames)
  if modality == 'parsing':
    return pretreat(labels(number), size, way='labels')
  if modality == 'rgb':
    return np.stack([frames] * 3, -1)
  if modality == 'depth':
    return np.stack([frames, frames // 2, frames // 3], -1)
  random = np.random.default_rng(number)
  frame = (16, 3) if modality == 'points' else (85,)
  return random.normal(size=(length, *frame)).astype(np.float32)


_draw, _drawn = heatmaps.of_keypoints, {}


def drawn(keypoints, skeleton):
  """Draws heat maps, those of the same skeletons once."""
  key = (keypoints.tobytes(), skeleton)
  if key not in _drawn:
    _drawn[key] = _draw(keypoints, skeleton)
  return _drawn[key]


def _of(coco, skeleton):
  return coco if skeleton == 'coco17' else walker_trees.openpose(coco)


def _way(name):
  way = datasets.get(name).images
  return way if way == 'area' else 'cut'


@functools.cache
def labels(number):
  """Returns raw label maps: two halves of a person."""
  frames = (_walk(number) > 0).astype(np.uint8)
  frames[:, frames.shape[1] // 2 :] *= 3
  return frames


# What the pickles of a sequence are called, where it has several.
_FILES = {
  'sustech1k': {
    'points': '00-{}-LiDAR-PCDs',
    'depth': '01-{}-LiDAR-PCDs_depths',
    'keypoints': '03-{}-Camera-Pose',
    'rgb': '05-{}-Camera-RGB_raw',
    'silhouettes': '06-{}-Camera-Sils_aligned',
  },
  'ccpg': {'silhouettes': '{}-aligned-sils', 'rgb': '{}-rgbs'},
  'casia_b_star': {'silhouettes': '{}-aligned-sils', 'rgb': '{}-rgbs'},
  'ccgr_mini': {
    'rgb': '001-{}rgb_f-1',
    'silhouettes': '002-{}sil-1',
    'parsing': '003-{}par-1',
    'keypoints': '004-{}pose-1',
  },
  'freegait': {
    'silhouettes': 'image',
    'points': 'lidar',
    'depth': 'range_pkl',
    'smpl': 'smpl',
  },
}
_FILES['ccgr'] = _FILES['ccgr_mini']


def write_tree(name, root: Path, *only):
  """Writes the tree that OpenGait reads; images have channels first there.

  Args:
    name: of the dataset.
    root: of the tree.
    *only: modalities; all of them without.
  """
  facts = datasets.get(name)
  size = int(facts.variants[0]) if facts.variants[0].isdecimal() else 64
  for cell in cells(name):
    folder = root.joinpath(*cell)
    files = _FILES.get(name) or {(facts.prepared or facts.modalities)[0]: '{}'}
    for modality, file in files.items():
      if only and modality not in only:
        continue
      array = made(name, cell, modality, size)
      if array.ndim == 4:
        array = np.moveaxis(array, -1, 1)
      file = file.format(cell[2].removesuffix('.avi'))
      walker_trees.write_pickle(folder / f'{file}.pkl', array)


def _places(name):
  """Returns where a release has a walk; a test of the order is elsewhere."""
  people_of = owner(name)
  if people_of == 'grew':
    return lambda s, c, v: {
      '00': f'train/{s.removesuffix("train")}/{v}',
      '03': f'test/probe/{v}',
    }.get(c, f'test/gallery/{s}/{v}')
  if people_of == 'hid':
    return lambda s, c, v: {
      '0': f'{"train" if s < "0500" else "HID2022_test_gallery"}/{s}/{c}',
      'p': f'HID2022_test_probe/{v}',
    }[s[0]]
  if people_of == 'casia_e':
    return lambda s, c, v: '/'.join(
      [s, *c.split('-')[:3], v, *c.split('-')[3:]]
    )
  form = {
    'oumvlp': 'Silhouette_{1}-{0}/{2}',
    'oumvlp_pose': '{0}/{2}_{1}',
    'oumvlp_pose17': '{0}/{2}_{1}',
    'casia_c': '{0}/{1}',
    'sustech1k': '{0}/{1}/{2}/Sils_aligned',
    'ccpg': 'CCPG_G_SIL/{0}/{1}/{2}',
    'freegait': '{0}/{1}/{2}/image',
  }.get(name, '{0}/{1}/{2}')
  if name == 'oumvlp':
    return lambda s, c, v: f'Silhouette_{v}-{c}/{s}'
  return lambda *cell: form.format(*cell)


# Datasets whose release is known; of the others only OpenGait's tree is.
RAW = (
  *('casia_b', 'oumvlp', 'casia_c', 'casia_e', 'gait3d', 'grew', 'hid'),
  *('sustech1k', 'ccpg', 'freegait', 'scoliosis1k', 'gait3d_parsing'),
  *('casia_b_pose', 'oumvlp_pose', 'oumvlp_pose17', 'gait3d_pose'),
  *('grew_pose', 'scoliosis1k_pose', 'casia_b_heatmaps', 'grew_heatmaps'),
)


def write_release(name, root: Path):
  """Writes what the dataset's authors give away."""
  source = datasets.source_of(datasets.get(name)).name
  if source == 'casia_b_pose':
    _write_csv(name, root)
    return
  place = _places(source)
  for cell in cells(name):
    folder, number = root / place(*cell), _number(name, cell)
    aligned = functools.partial(made, name, cell, 'silhouettes')
    if source in ('oumvlp_pose', 'oumvlp_pose17', 'scoliosis1k_pose'):
      facts = datasets.get(source)
      skeleton = facts.released_skeleton or facts.skeleton
      for i, frame in enumerate(_of(_skeleton(number), skeleton)):
        walker_trees.write_json(folder / f'{i:04d}_keypoints.json', [frame])
    elif source in ('gait3d_pose', 'grew_pose'):
      ending = '_2d_pose.txt' if source == 'grew_pose' else '.txt'
      _write_texts(folder, _skeleton(number), ending)
    elif source == 'freegait':
      walker_trees.write_pickle(folder / 'image.pkl', aligned())
    elif source == 'gait3d_parsing':
      walker_trees.write_images(folder, labels(number))
    elif source in ('grew', 'casia_e', 'sustech1k'):
      walker_trees.write_images(folder, aligned(), '{:05d}.png')
    elif source == 'hid':
      walker_trees.write_images(folder, aligned(128))
    else:
      walker_trees.write_images(folder, _walk(number))
    if source == 'sustech1k':
      walker_trees.write_images(folder.parent / 'Sils_raw', _walk(number))
    if source == 'grew':
      _write_texts(folder, _skeleton(number), '_2d_pose.txt')


def _write_texts(folder, frames, ending):
  folder.mkdir(parents=True, exist_ok=True)
  for i, frame in enumerate(frames, 1):
    numbers = [64, 48, *frame.reshape(-1).tolist()]
    path = folder / f'{i:05d}{ending}'
    path.write_text(','.join(map(repr, numbers)) + '\n')
    if ending.startswith('_'):
      (folder / f'{i:05d}_3d_pose.txt').write_text('0,0,0\n')


def _write_csv(name, root):
  rows = [
    [f'frames/{"-".join(cell)}/{i:06d}.jpg', *frame.reshape(-1).tolist()]
    for cell in cells(name)
    for i, frame in enumerate(_skeleton(_number(name, cell)), 1)
  ]
  walker_trees.casia_b_csv(root / 'casia-b_pose_coco.csv', rows)
