"""Facts on each dataset: names, order of classes and published counts."""

import dataclasses
import re

import numpy as np

from gaitgs_jax.errors import UserError, wrong_choice


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

  @property
  def is_synthetic(self) -> bool:
    """Whether nobody in it is real."""
    return 'synthetic_walkers' in (self.name, self.people)

  @property
  def sequences(self) -> int | None:
    """Sequences of the published design, every subject in every cell."""
    if self.subjects is None:
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
