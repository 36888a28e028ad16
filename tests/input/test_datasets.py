import numpy as np
import pytest

from gaitgs_jax import skeletons
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import datasets

CASIA_B = datasets.get('casia_b')


def test_published_counts():
  assert datasets.get('casia_b').sequences == 124 * 10 * 11 == 13_640
  assert datasets.get('synthetic_walkers').sequences is None


def test_skeletons_are_of_the_same_people():
  for name, people, joints in (
    ('casia_b_pose', 'casia_b', 17),
    ('oumvlp_pose', 'oumvlp', 18),
    ('oumvlp_pose17', 'oumvlp', 17),
    ('synthetic_walkers_pose', 'synthetic_walkers', 17),
  ):
    facts, others = datasets.get(name), datasets.get(people)
    assert facts.people == people
    assert (facts.views, facts.conditions, facts.subjects) == (
      (others.views, others.conditions, others.subjects)
    )
    assert len(skeletons.get(facts.skeleton).joints) == joints
    assert facts.modalities == ('keypoints',)
    assert others.modalities == ('silhouettes',)


def test_heat_maps_are_of_the_same_people_as_the_skeletons():
  for name in ('casia_b', 'oumvlp', 'gait3d', 'grew', 'ccpg'):
    facts, pose = (
      datasets.get(f'{name}_{kind}') for kind in ('heatmaps', 'pose')
    )
    assert datasets.source_of(facts) == pose == datasets.source_of(pose)
    assert facts.people == name
    assert (facts.views, facts.conditions, facts.variants) == (
      (pose.views, pose.conditions, pose.variants)
    )


def test_view_classes_follow_the_published_formulas():
  casia_b = [f'{18 * i:03d}' for i in range(11)]
  assert CASIA_B.view_index(np.array(casia_b)).tolist() == [
    int(view) // 18 for view in casia_b
  ]
  low = [f'{angle:03d}' for angle in range(0, 91, 15)]
  high = [f'{angle:03d}' for angle in range(180, 271, 15)]
  classes = datasets.get('oumvlp').view_index(np.array(low + high))
  assert classes.tolist() == [int(view) // 15 for view in low] + [
    (int(view) - 90 + 15) // 15 - 0 for view in high
  ]
  assert classes.dtype == np.int32
  assert CASIA_B.view_index(np.array(['90'])).tolist() == [5]


@pytest.mark.parametrize('view', ['015', 'front', '', '-18', '1e1'])
def test_an_unknown_view_is_named(view):
  views = np.array(['000', view])
  with pytest.raises(UserError, match=f"no view '{view}'.*000, 018"):
    CASIA_B.view_index(views)
  assert CASIA_B.view_index(views, strict=False).tolist() == [0, -1]


def test_conditions_have_classes():
  conditions = np.array(['cl-02', 'nm-01', 'other'])
  found = CASIA_B.condition_index(conditions)
  assert found.tolist() == [9, 0, -1]
  with pytest.raises(UserError, match="no condition 'other'; its conditions"):
    CASIA_B.condition_index(conditions, strict=True)
  # As released, and as the protocol counts them.
  diagnoses = np.array(['Positive', 'neutral', 'Negative'])
  scoliosis = datasets.get('scoliosis1k')
  assert scoliosis.condition_index(diagnoses).tolist() == [2, 1, 0]


def test_own_data_has_the_views_and_conditions_that_are_found():
  views = np.array(['side', 'front', '090', 'side', '90'])
  assert datasets.get('own').view_index(views).tolist() == [3 - 1, 1, 0, 2, 0]
  assert datasets.get('own').view_classes(views) == ('90', 'front', 'side')
  conditions = np.array(['walk2', 'walk1', 'walk2'])
  assert datasets.get('own').condition_index(conditions).tolist() == [1, 0, 1]
  mixed = np.array(['Walk2', 'walk1', 'walk2'])
  assert datasets.get('own').condition_index(mixed).tolist() == [1, 0, 1]
  for name, has in (('own', ()), ('own_coco17', ('keypoints',))):
    assert datasets.get(name).modalities == has


def test_an_unknown_dataset_is_named():
  with pytest.raises(
    UserError, match=r"'casia-b' .*'casia_b'.*choose one of casia_b"
  ):
    datasets.get('casia-b')
