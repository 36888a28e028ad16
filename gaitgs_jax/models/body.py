"""The body parts that GPGait and GPGait++ tell apart: of COCO's 17 joints.

Fu et al., "GPGait: Generalized Pose-based Gait Recognition", ICCV 2023,
https://arxiv.org/abs/2303.05234.
"""

import dataclasses
from collections.abc import Sequence

from gaitgs_jax import skeletons
from gaitgs_jax.skeletons import Skeleton

# Joints of each part.
Parts = tuple[tuple[int, ...], ...]

HEAD = 5  # Joints of the head, which COCO counts first.


@dataclasses.dataclass(frozen=True)
class Body:
  """Joints, and how the network divides them.

  Attributes:
    skeleton: the joints and their links.
    shared: the parts in the blocks that all branches share.
    branches: the parts of each branch, and its name in the released code. The
      last has one part, the whole, within which nothing is masked.
  """

  skeleton: Skeleton
  shared: Parts
  branches: tuple[tuple[str, Parts], ...]

  @property
  def parts(self) -> int:
    """Parts of all branches together."""
    return sum(len(parts) for _, parts in self.branches)


def _without_head(skeleton: Skeleton) -> Skeleton:
  """Returns the skeleton of the joints behind the head's."""

  def kept(places: Sequence[int]) -> tuple[int, ...]:
    return tuple(place - HEAD for place in places if place >= HEAD)

  edges = [kept(edge) for edge in skeleton.edges]
  return dataclasses.replace(
    skeleton,
    name=f'{skeleton.name} without the head',
    joints=skeleton.joints[HEAD:],
    edges=tuple((edge[0], edge[1]) for edge in edges if len(edge) == 2),
    parents=tuple(max(p - HEAD, 0) for p in skeleton.parents[HEAD:]),
    swap=kept(skeleton.swap),
    centre=0,
  )


def _limbs(skeleton: Skeleton, side: str) -> tuple[tuple[int, ...], ...]:
  """Returns the joints of an arm and a leg."""
  return tuple(
    tuple(skeleton.joints.index(f'{side}_{joint}') for joint in joints)
    for joints in (('shoulder', 'elbow', 'wrist'), ('hip', 'knee', 'ankle'))
  )


def _body(skeleton: Skeleton, head: tuple[int, ...]) -> Body:
  (left_arm, left_leg), (right_arm, right_leg) = (
    _limbs(skeleton, side) for side in ('left', 'right')
  )
  arms, legs = left_arm + right_arm, left_leg + right_leg
  limbs = (left_arm, right_arm, left_leg, right_leg)
  whole = ('backbone', (tuple(range(len(skeleton.joints))),))
  halves = ('part_2', (arms + head, legs))
  if not head:
    return Body(skeleton, limbs, (halves, whole))
  thirds = ('part_3_1', (arms, legs, head))
  outer = ('part_2_2', (arms, legs + head))
  return Body(skeleton, (*limbs, head), (halves, outer, thirds, whole))


_COCO = skeletons.get('coco17')
WHOLE = _body(_COCO, tuple(range(HEAD)))
HEADLESS = _body(_without_head(_COCO), ())
