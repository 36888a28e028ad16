"""The skeletons of pose data sets: which joints there are and how they hang.

Models, input and synthetic walkers all need these facts and must not import
one another, so they stand by themselves.
"""

import dataclasses
import itertools

from gaitgs_jax.errors import BadValue


@dataclasses.dataclass(frozen=True)
class Skeleton:
  """A convention of keypoints.

  Attributes:
    name: such as 'coco17'.
    joints: names in the order in which keypoints are stored.
    edges: pairs of joints that a graph convolution links, each once.
    parents: the other end of the bone that a joint closes; a joint that is its
      own parent closes none.
    swap: the joint that takes each place when left and right change.
    centre: the joint that the others are measured from.
  """

  name: str
  joints: tuple[str, ...]
  edges: tuple[tuple[int, int], ...]
  parents: tuple[int, ...]
  swap: tuple[int, ...]
  centre: int


def _skeleton(
  name: str, *, centre: str, bones: str, links: tuple[str, ...]
) -> Skeleton:
  """Builds a skeleton from words.

  Args:
    name: the skeleton's.
    centre: the joint in the middle.
    bones: 'joint<parent' of every joint in order.
    links: chains of joints, 'a-b-c', whose neighbours are edges.
  """
  pairs = [bone.split('<') for bone in bones.split()]
  joints = tuple(joint for joint, _ in pairs)
  place = {joint: number for number, joint in enumerate(joints)}
  edges: list[tuple[int, int]] = []
  for link in links:
    chain = [place[joint] for joint in link.split('-')]
    edges += itertools.pairwise(chain)
  return Skeleton(
    name=name,
    joints=joints,
    edges=tuple(edges),
    parents=tuple(place[parent] for _, parent in pairs),
    swap=tuple(place[_other_side(joint)] for joint in joints),
    centre=place[centre],
  )


def _other_side(joint: str) -> str:
  side, _, rest = joint.partition('_')
  other = {'left': 'right', 'right': 'left'}.get(side)
  return f'{other}_{rest}' if other else joint


SKELETONS = {
  skeleton.name: skeleton
  for skeleton in (
    # The 17 keypoints of COCO, https://arxiv.org/abs/1405.0312, linked as in
    # GaitGraph: ears to shoulders.
    _skeleton(
      'coco17',
      centre='nose',
      bones="""
        nose<nose left_eye<nose right_eye<nose
        left_ear<left_eye right_ear<right_eye
        left_shoulder<nose right_shoulder<nose
        left_elbow<left_shoulder right_elbow<right_shoulder
        left_wrist<left_elbow right_wrist<right_elbow
        left_hip<left_shoulder right_hip<right_shoulder
        left_knee<left_hip right_knee<right_hip
        left_ankle<left_knee right_ankle<right_knee""",
      links=(
        'nose-left_eye-left_ear-left_shoulder-left_elbow-left_wrist',
        'nose-right_eye-right_ear-right_shoulder-right_elbow-right_wrist',
        'left_shoulder-left_hip-left_knee-left_ankle',
        'right_shoulder-right_hip-right_knee-right_ankle',
        'left_shoulder-right_shoulder',
        'left_hip-right_hip',
      ),
    ),
    # The 18 of OpenPose, https://arxiv.org/abs/1812.08008, which OU-MVLP's
    # poses use for both detectors. The hips' bones end at the shoulders, their
    # edges at the neck.
    _skeleton(
      'openpose18',
      centre='neck',
      bones="""
        nose<neck neck<neck
        right_shoulder<neck right_elbow<right_shoulder right_wrist<right_elbow
        left_shoulder<neck left_elbow<left_shoulder left_wrist<left_elbow
        right_hip<right_shoulder right_knee<right_hip right_ankle<right_knee
        left_hip<left_shoulder left_knee<left_hip left_ankle<left_knee
        right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye""",
      links=(
        'neck-nose-right_eye-right_ear',
        'nose-left_eye-left_ear',
        'neck-right_shoulder-right_elbow-right_wrist',
        'neck-left_shoulder-left_elbow-left_wrist',
        'neck-right_hip-right_knee-right_ankle',
        'neck-left_hip-left_knee-left_ankle',
      ),
    ),
  )
}


def get(name: str) -> Skeleton:
  """Returns a skeleton by its name.

  Raises:
    BadValue: there is no such skeleton.
  """
  if name not in SKELETONS:
    raise BadValue(
      f'no skeleton {name!r}; choose one of {", ".join(SKELETONS)}'
    )
  return SKELETONS[name]


def places(wanted: str, given: str) -> list[int]:
  """Returns where the joints of one skeleton are among those of another.

  COCO's 17 are all of OpenPose's 18 but the neck.

  Raises:
    BadValue: there is no such skeleton.
  """
  order = get(given).joints
  return [order.index(joint) for joint in get(wanted).joints]


def of_joints(count: int) -> Skeleton | None:
  """Returns the skeleton of so many joints, if there is one."""
  for skeleton in SKELETONS.values():
    if len(skeleton.joints) == count:
      return skeleton
  return None
