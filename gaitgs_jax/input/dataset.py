"""What is known of a dataset before it is read."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gaitgs_jax.errors import UserError, wrong_choice
from gaitgs_jax.input.pretreatment import Way

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
    released_skeleton: that of its release, of which its joints are taken; ''
      where both are the same.
    people: the dataset whose people these are, and so its partition; '' where
      they are its own.
    split_at: where the list of who trains is published that no rule gives; ''
      for a dataset whose partition is in data/partitions.
    layout: of the released tree where it cannot be found out, or its parts.
    files: modality -> pattern of its pickles' names, where a tree has several.
    prepared: which of several modalities a prepared dataset holds; all without.
    drawn_of: the dataset of skeletons that its heat maps are drawn of.
    images: how raw images become frames, see `pretreatment.Way`.
    shortest: sequences of fewer raw images are not part of it.
    texts: whether skeletons are released as a text per frame: height and width
      of the image, then x, y and confidence of each joint.
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
  released_skeleton: str = ''
  people: str = ''
  split_at: str = ''
  layout: str | tuple[Part, ...] = ''
  files: Mapping[str, str] = dataclasses.field(default_factory=dict)
  prepared: tuple[str, ...] = ()
  drawn_of: str = ''
  images: Way = 'cut'
  shortest: int = 0
  texts: bool = False

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

  def condition_classes(self, conditions: np.ndarray) -> tuple[str, ...]:
    """Returns the names of the classes of conditions, as `view_classes`."""
    found = {name.lower(): name for name in np.unique(conditions).tolist()}
    return self.conditions or tuple(found[name] for name in sorted(found))

  def condition_index(
    self, conditions: np.ndarray, *, strict: bool = False
  ) -> np.ndarray:
    """Returns class indices int32 [N] of condition names [N].

    'Positive' means 'positive': released trees write them either way.

    Args:
      conditions: str [N], of the user's own data all that there are.
      strict: a condition that the dataset does not have is an error, not class
        -1, which the protocols, as they compare names, leave out.

    Raises:
      UserError: the dataset has no such condition.
    """
    names = self.condition_classes(conditions)
    classes = {name.lower(): i for i, name in enumerate(names)}
    unique, inverse = np.unique(conditions, return_inverse=True)
    found = [classes.get(name.lower(), -1) for name in unique.tolist()]
    if strict and -1 in found:
      raise UserError(
        f'{self.name} has no condition {str(unique[found.index(-1)])!r}; its'
        f' conditions are {", ".join(names)}'
      )
    return np.asarray(found, np.int32)[inverse]


def joined(parts: Sequence[Dataset]) -> Dataset:
  """Returns the facts on several datasets that are one.

  It has the views and conditions of all, in the order of the parts, and none
  where a part is one's own data, whose views are those that are found. Of one
  part it is the part.
  """
  if len(parts) == 1:
    return parts[0]
  people = {part.people or part.name for part in parts}
  has_views = all(part.views for part in parts)
  views = {_angle(view): view for part in parts for view in part.views}
  conditions = dict.fromkeys(each for part in parts for each in part.conditions)
  return dataclasses.replace(
    parts[0],
    name=' + '.join(part.name for part in parts),
    title=' and '.join(dict.fromkeys(part.title for part in parts)),
    views=tuple(views.values()) if has_views else (),
    conditions=tuple(conditions) if has_views else (),
    subjects=None,
    citation='',
    people=people.pop() if len(people) == 1 else '',
  )


def _angle(view: str) -> int | str:
  """Returns a view's angle in degrees, or its name if that is not an angle."""
  return int(view) if re.fullmatch(r'\d{1,3}', view) else view
