"""Facts on each dataset: names, order of classes and published counts."""

import dataclasses
from typing import Any

from gaitgs_jax.errors import wrong_choice
from gaitgs_jax.input.dataset import Dataset, Part

_CASIA_B_VIEWS = tuple(f'{18 * i:03d}' for i in range(11))
_CASIA_B_CONDITIONS = (
  *(f'nm-{i:02d}' for i in range(1, 7)),
  *(f'bg-{i:02d}' for i in range(1, 3)),
  *(f'cl-{i:02d}' for i in range(1, 3)),
)
_OUMVLP_ANGLES = (*range(0, 91, 15), *range(180, 271, 15))

_CASIA_B = Dataset(
  name='casia_b',
  title='CASIA-B',
  views=_CASIA_B_VIEWS,
  conditions=_CASIA_B_CONDITIONS,
  subjects=124,
  citation='Yu, Tan and Tan, ICPR 2006',
)
_OUMVLP = Dataset(
  name='oumvlp',
  title='OU-MVLP',
  views=tuple(f'{angle:03d}' for angle in _OUMVLP_ANGLES),
  conditions=('00', '01'),
  subjects=10_307,
  citation='Takemura et al., IPSJ CVA 10:4, 2018',
)
_OUMVLP_POSE = dataclasses.replace(
  _OUMVLP,
  name='oumvlp_pose',
  title='OUMVLP-Pose',
  citation='An et al., IEEE TBIOM 2:4, 2020',
  variants=('alphapose', 'openpose'),
  modalities=('keypoints',),
  skeleton='openpose18',
  people='oumvlp',
)
_SYNTHETIC_WALKERS = Dataset(
  name='synthetic_walkers',
  title='synthetic walkers',
  views=_CASIA_B_VIEWS,
  conditions=_CASIA_B_CONDITIONS,
  subjects=None,
  citation='gaitgs_jax.synthetic',
  variants=('demo', 'full', 'street', 'tiny', 'wild'),
)


def _named(
  name: str,
  title: str,
  subjects: int,
  citation: str,
  *,
  conditions: tuple[str, ...] = (),
  **more: Any,
) -> Dataset:
  """Returns a dataset whose views, and conditions, are those that are found."""
  return Dataset(name, title, (), conditions, subjects, citation, **more)


def _list(folder: str) -> str:
  return f'https://github.com/ShiqiYu/OpenGait, datasets/{folder}.json'


# Videos of a person in the wild: the folders' names are places and times.
_GAIT3D = _named(
  'gait3d',
  'Gait3D',
  4_000,
  'Zheng et al., CVPR 2022',
  split_at=_list('Gait3D/Gait3D'),
)
_GREW = _named(
  'grew',
  'GREW',
  26_000,
  'Zhu et al., ICCV 2021',
  # The order of a person's two galleries is nowhere told; by name.
  layout=(
    Part('train', '{subject}/{view}', '{subject}train', '00'),
    Part('test/gallery', '{subject}/{view}', condition='#'),
    Part('test/probe', '{view}', 'probe', '03'),
  ),
  # Released 64 pixels high.
  variants=('64',),
  images='as_is',
)
_SUSTECH1K = _named(
  'sustech1k',
  'SUSTech1K',
  1_050,
  'Shen et al., CVPR 2023',
  split_at=_list('SUSTech1K/SUSTech1K'),
  variants=('64',),
  modalities=(
    'silhouettes',
    'depth',
    'heatmaps',
    'keypoints',
    'points',
    'rgb',
  ),
  prepared=('silhouettes',),
  skeleton='coco17',
  # Of the camera where both have it; as they are, not at the LiDAR's times.
  files={
    'points': '00-*',
    'depth': '01-*',
    'keypoints': '03-*',
    'rgb': '05-*',
    'silhouettes': '06-*',
  },
  layout='{subject}/{condition}/{view}/Sils_aligned',
  images='cubic',
)
_CCPG = _named(
  'ccpg',
  'CCPG',
  200,
  'Li et al., CVPR 2023',
  variants=('64',),
  modalities=('silhouettes', 'rgb'),
  prepared=('silhouettes',),
  files={'silhouettes': '*aligned-sils*', 'rgb': '*rgbs*'},
  layout=(Part('CCPG_G_SIL', '{subject}/{condition}/{view}'),),
  images='area',
)
_CCGR_MINI = _named(
  'ccgr_mini',
  'CCGR-MINI',
  970,
  'Zou et al., AAAI 2024',
  split_at=_list('CCGR-MINI/CCGR-MINI'),
  modalities=('silhouettes', 'parsing', 'keypoints', 'rgb'),
  prepared=('silhouettes',),
  skeleton='coco17',
  files={
    'silhouettes': '*sil-*',
    'parsing': '*par-*',
    'keypoints': '*pose-*',
    'rgb': '*rgb_f-*',
  },
)
_SCOLIOSIS1K = _named(
  'scoliosis1k',
  'Scoliosis1K',
  1_493,
  'Zhou et al., MICCAI 2024',
  conditions=('negative', 'neutral', 'positive'),
  variants=('64',),
  split_at=_list('Scoliosis1K/Scoliosis1K_118') + '; _112, _114 and _1116 too',
)
_RELEASED = (
  dataclasses.replace(
    _CASIA_B,
    name='casia_b_star',
    title='CASIA-B*',
    citation='of CASIA-B; segmented again: Liang et al., ECCV 2022',
    variants=('64',),
    modalities=('silhouettes', 'rgb'),
    prepared=('silhouettes',),
    people='casia_b',
    files={'silhouettes': '*aligned-sils*', 'rgb': '*rgbs*'},
  ),
  Dataset(
    'casia_c',
    'CASIA-C',
    views=('000',),
    conditions=(
      *(f'fn{i:02d}' for i in range(4)),
      *(f'f{kind}{i:02d}' for kind in 'qsb' for i in range(2)),
    ),
    subjects=153,
    citation='Tan et al., ICPR 2006',
    split_at='nowhere: choose one and say so',
    layout='{subject}/{condition}',
  ),
  _GAIT3D,
  dataclasses.replace(
    _GAIT3D,
    name='gait3d_parsing',
    title='Gait3D-Parsing',
    citation='Zheng et al., ACM MM 2023',
    variants=('64',),
    modalities=('parsing',),
    people='gait3d',
    images='labels',
  ),
  dataclasses.replace(
    _GAIT3D,
    name='gait3d_pose',
    title='Gait3D in skeletons',
    variants=('hrnet',),
    modalities=('keypoints',),
    skeleton='coco17',
    people='gait3d',
    texts=True,
  ),
  _GREW,
  dataclasses.replace(
    _GREW,
    name='grew_pose',
    title='GREW in skeletons',
    variants=('hrnet',),
    modalities=('keypoints',),
    skeleton='coco17',
    people='grew',
    texts=True,
  ),
  _SUSTECH1K,
  _CCPG,
  dataclasses.replace(
    _CCPG,
    name='ccpg_pose',
    title='CCPG in skeletons',
    variants=('coco17',),
    modalities=('keypoints',),
    skeleton='coco17',
    prepared=(),
    people='ccpg',
    files={},
    layout='',
  ),
  _named(
    'casia_e',
    'CASIA-E',
    1_014,
    'Song et al., TPAMI 2023',
    layout='{subject}/{condition}/{condition}/{condition}/{view}/{condition}',
    images='linear',
    shortest=6,
  ),
  _named(
    'hid',
    'HID 2022',
    1_005,
    'Yu et al., IJCB 2022',
    layout=(
      Part('train', '{subject}/{condition}', view='default'),
      Part('HID2022_test_gallery', '{subject}/{condition}', view='default'),
      Part('HID2022_test_probe', '{view}', 'probe', '03'),
    ),
    # Released 128 pixels high.
    variants=('128',),
    images='as_is',
  ),
  _named('hid2023', 'HID 2023 to 2025', 859, 'Yu et al., IJCB 2023'),
  _named(
    'mgr',
    'MGR 2024',
    4_000,
    'challenge of ACM Multimedia 2024, by the authors of Gait3D',
    # Of its track of parsing; the files of its other tracks are not public.
    variants=('64',),
    modalities=('parsing',),
  ),
  _CCGR_MINI,
  dataclasses.replace(
    _CCGR_MINI,
    name='ccgr',
    title='CCGR',
    split_at=_list('CCGR/CCGR'),
  ),
  _named(
    'freegait',
    'FreeGait',
    1_195,
    'Han et al., ACM MM 2024',
    variants=('64',),
    split_at=_list('FreeGait/FreeGait'),
    modalities=('silhouettes', 'points', 'depth', 'smpl'),
    prepared=('silhouettes',),
    files={
      'silhouettes': 'image*',
      'points': 'lidar*',
      'depth': 'range*',
      'smpl': 'smpl*',
    },
    layout='{subject}/{condition}/{view}/image',
  ),
  _named(
    'd_gait',
    'D-Gait',
    292,
    'as OpenGait lists it',
    split_at=_list('D-Gait/D-Gait'),
  ),
  _named(
    'ragar',
    'RAGAR',
    533,
    'as OpenGait lists it',
    split_at=_list('RAGAR/ragar'),
  ),
  _named(
    'gaitlu',
    'GaitLU-1M',
    0,
    'Fan et al., TPAMI 2023',
    variants=('64',),
  ),
  _SCOLIOSIS1K,
  dataclasses.replace(
    _SCOLIOSIS1K,
    name='scoliosis1k_pose',
    title='Scoliosis1K in skeletons',
    citation='Zhou et al., MICCAI 2025',
    variants=('vitpose',),
    modalities=('keypoints',),
    skeleton='coco17',
    people='scoliosis1k',
  ),
)

# Subjects, conditions and views of the user's own data are those of its tree.
_OWN = Dataset(
  name='own',
  title='own data',
  views=(),
  conditions=(),
  subjects=None,
  citation='',
  modalities=(),
)

DATASETS: dict[str, Dataset] = {
  dataset.name: dataset
  for dataset in (
    _CASIA_B,
    _OUMVLP,
    _SYNTHETIC_WALKERS,
    dataclasses.replace(
      _CASIA_B,
      name='casia_b_pose',
      title='CASIA-B in skeletons',
      citation='of the silhouettes; skeletons: Teepe et al., ICIP 2021',
      variants=('hrnet', 'simcc'),
      modalities=('keypoints',),
      skeleton='coco17',
      people='casia_b',
    ),
    _OUMVLP_POSE,
    dataclasses.replace(
      _OUMVLP_POSE,
      name='oumvlp_pose17',
      title='OUMVLP-Pose with 17 joints',
      skeleton='coco17',
      released_skeleton='openpose18',
    ),
    dataclasses.replace(
      _SYNTHETIC_WALKERS,
      name='synthetic_walkers_pose',
      title='synthetic walkers in skeletons',
      modalities=('keypoints',),
      skeleton='coco17',
      people='synthetic_walkers',
    ),
    dataclasses.replace(
      _SYNTHETIC_WALKERS,
      name='synthetic_walkers_both',
      title='synthetic walkers in silhouettes and skeletons',
      modalities=('silhouettes', 'keypoints'),
      skeleton='coco17',
      people='synthetic_walkers',
    ),
    *_RELEASED,
    _OWN,
    dataclasses.replace(
      _OWN,
      name='own_coco17',
      title='own skeletons of 17 joints',
      modalities=('keypoints',),
      skeleton='coco17',
    ),
    dataclasses.replace(
      _OWN,
      name='own_openpose18',
      title='own skeletons of 18 joints',
      modalities=('keypoints',),
      skeleton='openpose18',
    ),
  )
}


for _people in ('casia_b', 'oumvlp', 'gait3d', 'grew', 'ccpg'):
  _pose = DATASETS[f'{_people}_pose']
  DATASETS[f'{_people}_heatmaps'] = dataclasses.replace(
    _pose,
    name=f'{_people}_heatmaps',
    title=f'{_pose.title}, drawn as heat maps',
    # Silhouettes lie beside them in a tree for both.
    modalities=('heatmaps', 'silhouettes'),
    prepared=('heatmaps',),
    skeleton='',
    drawn_of=_pose.name,
  )


def source_of(facts: Dataset) -> Dataset:
  """Returns the dataset that is released, of which one is made."""
  return DATASETS[facts.drawn_of] if facts.drawn_of else facts


def get(name: str) -> Dataset:
  """Returns the facts on a dataset.

  Raises:
    UserError: there is no dataset of that name.
  """
  if name not in DATASETS:
    raise wrong_choice(f'unknown dataset {name!r}', name, DATASETS)
  return DATASETS[name]
