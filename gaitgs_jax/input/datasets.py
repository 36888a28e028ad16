"""Facts on each dataset: names, order of classes and published counts."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax.errors import UserError, wrong_choice

_OWN_NAME = 'own'


class Part(NamedTuple):
  """One folder of a release that lays out its parts in different ways.

  Attributes:
    folder: below the release's root.
    layout: of what is below it, see `layouts`.
    subject: what people are called, from what their folder is.
    condition: of all of them; '' for what the layout says, '#' for the place
      among the person's walks: '01', '02', ...
    view: of all of them; '' for what the layout says.
  """

  folder: str
  layout: str
  subject: str = '{subject}'
  condition: str = ''
  view: str = ''


@dataclasses.dataclass(frozen=True)
class Dataset:
  """What is published about one dataset.

  Attributes:
    name: as in `config.dataset.name`.
    title: as its authors write it.
    views: names in the order of their class index; () of the user's own data,
      whose views are those that are found.
    conditions: names in the order of their class index; () as for views.
    subjects: how many people its authors count; None where the variant says.
    citation: where that is written.
    variants: what `config.dataset.variant` may be; the first is the default
      of a dataset whose variants are not frame heights.
    modalities: which it has; of the user's own data any, so none are named.
    skeleton: of `gaitgs_jax.skeletons`, in whose order the joints come; '' for
      a dataset without skeletons, or of any.
    people: the dataset whose people these are, and so its partition; '' where
      they are its own.
    split_at: where the list of who trains is published that no rule gives; ''
      for a dataset whose partition is in data/partitions.
    layout: of the released tree where it cannot be found out, or its parts.
    files: modality -> pattern of its pickles' names, where a tree has several.
    prepared: which of several modalities a prepared dataset holds; all without.
  """

  name: str
  title: str
  views: tuple[str, ...]
  conditions: tuple[str, ...]
  subjects: int | None
  citation: str
  variants: tuple[str, ...] = ('64', '128')
  modalities: tuple[str, ...] = ('silhouettes',)
  skeleton: str = ''
  people: str = ''
  split_at: str = ''
  layout: str | tuple[Part, ...] = ''
  files: Mapping[str, str] = dataclasses.field(default_factory=dict)
  prepared: tuple[str, ...] = ()

  @property
  def is_own(self) -> bool:
    """Whether it is the user's own data."""
    return self.name.startswith(_OWN_NAME)

  @property
  def is_synthetic(self) -> bool:
    """Whether nobody in it is real."""
    return 'synthetic_walkers' in (self.name, self.people)

  @property
  def sequences(self) -> int | None:
    """Sequences of the published design, every subject in every cell."""
    if not (self.subjects and self.views):
      return None
    return self.subjects * len(self.conditions) * len(self.views)

  def check_variant(self, variant: str) -> None:
    """Raises UserError unless the dataset has that variant."""
    if variant not in self.variants:
      raise wrong_choice(
        f'{self.name} has no variant {variant!r}', variant, self.variants
      )

  def view_classes(self, views: np.ndarray) -> tuple[str, ...]:
    """Returns the names of the classes of views, in their order.

    Those of the dataset, or of the user's own data those among `views`.
    """
    return self.views or tuple(
      {_angle(view): view for view in np.unique(views).tolist()}.values()
    )

  def view_index(self, views: np.ndarray, *, strict: bool = True) -> np.ndarray:
    """Returns class indices int32 [N] of view names [N].

    CASIA-B counts its 11 views in steps of 18 degrees; OU-MVLP counts 000..090
    in steps of 15 as 0..6 and 180..270 as 7..13. '90' means '090'. Views of the
    user's own data are counted in the order of their names.

    Args:
      views: str [N], of the user's own data all that there are.
      strict: a view that the dataset does not have is an error, not class -1.

    Raises:
      UserError: the dataset has no such view.
    """
    names = self.view_classes(views)
    classes = {_angle(name): i for i, name in enumerate(names)}
    unique, inverse = np.unique(views, return_inverse=True)
    found = [classes.get(_angle(view), -1) for view in unique.tolist()]
    if strict and -1 in found:
      raise UserError(
        f'{self.name} has no view {str(unique[found.index(-1)])!r}; its views'
        f' are {", ".join(names)}'
      )
    return np.asarray(found, np.int32)[inverse]

  def condition_index(self, conditions: np.ndarray) -> np.ndarray:
    """Returns class indices int32 [N] of condition names [N].

    A condition that the dataset does not know is -1: no model learns from it,
    and the protocols, which compare names, leave it out.
    """
    unique, inverse = np.unique(conditions, return_inverse=True)
    names = self.conditions or unique.tolist()
    classes = {name: i for i, name in enumerate(names)}
    found = [classes.get(name, -1) for name in unique.tolist()]
    return np.asarray(found, np.int32)[inverse]


def _angle(view: str) -> int | str:
  """Returns a view's angle in degrees, or its name if that is not an angle."""
  return int(view) if re.fullmatch(r'\d{1,3}', view) else view


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
_SYNTHETIC_WALKERS = Dataset(
  name='synthetic_walkers',
  title='synthetic walkers',
  views=_CASIA_B_VIEWS,
  conditions=_CASIA_B_CONDITIONS,
  subjects=None,
  citation='gaitgs_jax.synthetic',
  variants=('demo', 'full', 'tiny'),
)


def _named(
  name: str, title: str, subjects: int, citation: str, **more: Any
) -> Dataset:
  """Returns a dataset whose conditions and views are those that are found."""
  return Dataset(name, title, (), (), subjects, citation, **more)


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
)
_SUSTECH1K = _named(
  'sustech1k',
  'SUSTech1K',
  1_050,
  'Shen et al., CVPR 2023',
  split_at=_list('SUSTech1K/SUSTech1K'),
  variants=('64',),
  modalities=('silhouettes', 'depth', 'keypoints', 'points', 'rgb'),
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
)
_SCOLIOSIS1K = _named(
  'scoliosis1k',
  'Scoliosis1K',
  1_493,
  'Zhou et al., MICCAI 2024',
  variants=('64',),
  split_at=_list('Scoliosis1K/Scoliosis1K_118') + ' (112, 114, 116 likewise)',
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
  ),
  dataclasses.replace(
    _GAIT3D,
    name='gait3d_pose',
    title='Gait3D in skeletons',
    variants=('hrnet',),
    modalities=('keypoints',),
    skeleton='coco17',
    people='gait3d',
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
    layout='',
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
    people='ccpg',
    files={},
  ),
  _named(
    'casia_e',
    'CASIA-E',
    1_014,
    'Song et al., TPAMI 2023',
    layout='{subject}/{condition}/{condition}/{condition}/{view}/{condition}',
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
  ),
  _named('hid2023', 'HID 2023 to 2025', 859, 'Yu et al., IJCB 2023'),
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
    dataclasses.replace(
      _OUMVLP,
      name='oumvlp_pose',
      title='OUMVLP-Pose',
      citation='An et al., IEEE TBIOM 2:4, 2020',
      variants=('alphapose', 'openpose'),
      modalities=('keypoints',),
      skeleton='openpose18',
      people='oumvlp',
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


def get(name: str) -> Dataset:
  """Returns the facts on a dataset.

  Raises:
    UserError: there is no dataset of that name.
  """
  if name not in DATASETS:
    raise wrong_choice(f'unknown dataset {name!r}', name, DATASETS)
  return DATASETS[name]
