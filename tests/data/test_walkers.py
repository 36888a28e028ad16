"""The variants of the synthetic walkers."""

import collections

import numpy as np
import pytest

from gaitgs_jax.data import work
from gaitgs_jax.data.synthetic_walkers import (
  synthetic_walkers_dataset_builder as walkers,
)
from gaitgs_jax.synthetic import wild_walk


@pytest.mark.parametrize(
  ('variant', 'kind', 'people', 'conditions', 'views'),
  [
    ('demo', work.WalkCall, 34, 10, 5),
    ('full', work.WalkCall, 124, 10, 11),
    ('wild', work.WildCall, 999, 4, 5),
    ('street', work.WildCall, 999, 8, 11),
  ],
)
def test_what_a_variant_is_made_of(
  tmp_path, variant, kind, people, conditions, views
):
  jobs = walkers.Builder(config=variant, data_dir=tmp_path).jobs(None)
  calls = [job.calls['silhouettes'] for job in jobs]
  assert {type(call) for call in calls} == {kind}
  assert len({call.subject for call in calls}) == people
  assert len({call.condition for call in calls}) == conditions
  assert len({call.view for call in calls}) == views
  seen = {'wild': 1800 + 99 * 4 * 5, 'street': 1800 + 99 * 4 * 11}
  assert len(jobs) == seen.get(variant, people * conditions * views)


def test_who_trains_in_the_wild_is_seen_in_two_walks_from_one_side(tmp_path):
  builder = walkers.Builder(config='wild', data_dir=tmp_path)
  own, views = builder.builder_config, set()
  jobs = builder.jobs(None)
  for person in builder.partition.train[:8]:
    walks = {(job.condition, job.view) for job in jobs if job.subject == person}
    (view,) = {view for _, view in walks}
    assert walks == {('nm-01', view), ('nm-05', view)}
    views.add(view)
  assert views == {*own.views}
  tested = [job for job in jobs if job.subject == builder.partition.test[0]]
  assert len(tested) == len(own.conditions) * len(own.views)


def test_27_of_those_who_train_walk_before_each_camera_of_a_street(tmp_path):
  builder = walkers.Builder(config='street', data_dir=tmp_path)
  train = {*builder.partition.train}
  jobs = [job for job in builder.jobs(None) if job.subject in train]
  cameras = collections.Counter((job.condition, job.view) for job in jobs)
  assert len(cameras) == 66
  assert {*cameras.values()} <= {27, 28}
  assert {*collections.Counter(job.subject for job in jobs).values()} == {2}
  assert all(job.calls['silhouettes'].street for job in jobs)


def test_wild_walks_are_pretreated_and_their_skeletons_are_theirs():
  place = dict(seed=0, subject=2, condition='cl-01', view='054', frames=4)
  place['street'] = False
  frames = work.WildCall(**place, size=64)()
  assert frames.shape == (4, 64, 64)
  raw = wild_walk(0, 2, 'cl-01', '054', frames=4)
  np.testing.assert_array_equal(work.WildPoseCall(**place)(), raw.keypoints)
