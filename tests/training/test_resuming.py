import contextlib
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import optimizers, resuming, settings, workdirs

SCHEDULES = {
  'step': dict(boundaries=(4,)),
  'constant': {},
  'cosine': {},
  'one_cycle': {},
}


def _changed(change, *, before=lambda config: None, step=4):
  """Checks a run that went on with a changed config."""
  config = tiny.get_config()
  with config.unlocked():
    before(config)
    first = workdirs.as_json(config)
    change(config)
  resuming.check(first, workdirs.as_json(config), step, 'runs/x')


def test_every_field_is_classified():
  names, sections = set(resuming.RULES), {*settings.FIELDS, *settings.OPTIONAL}
  assert names >= sections
  assert {name.partition('.')[0] for name in names} == sections
  assert all(rule.why for rule in resuming.RULES.values())


def test_the_page_lists_the_rules():
  page = pathlib.Path(__file__).parents[2] / 'docs' / 'resuming.md'
  found = re.findall(
    r'^\| `(\S+)` \| (yes|no) \| (.*) \|$', page.read_text(), re.M
  )
  assert found == [
    (name, 'yes' if rule.may_change else 'no', rule.why)
    for name, rule in resuming.RULES.items()
  ]


@pytest.mark.parametrize(
  'change',
  [
    lambda c: c.update(log_every=1, tensorboard=True, remat='all'),
    lambda c: c.evaluation.update(every_steps=5, protocol='', metric='cosine'),
    lambda c: c.evaluation.update(later='option'),
    lambda c: c.checkpoint.update(every_steps=1),
    lambda c: c.mesh.update(data=-1, model=2),
    lambda c: c.dataset.update(root='/elsewhere', cache='', format='prepared'),
    lambda c: c.dataset.update(on_error='skip'),
    lambda c: c.update(total_steps=99),
    lambda c: c.update(total_steps=4),
  ],
)
def test_what_changes_no_step_made_is_allowed(change):
  _changed(change)


@pytest.mark.parametrize('strips, same', [(8, True), (4, False)])
def test_a_default_of_the_model_may_be_written_out(strips, same):
  def before(config):
    config.model_name, config.model = 'gaitgs', dict(channels=(8, 8, 8))

  def change(config):
    config.model.strips = strips

  words = rf"model.strips was '\(absent\)' and is {strips}"
  with (
    contextlib.nullcontext() if same else pytest.raises(UserError, match=words)
  ):
    _changed(change, before=before)


@pytest.mark.parametrize(
  'change, words',
  [
    (lambda c: c.update(seed=7), 'seed was 1 and is 7'),
    (lambda c: c.update(accumulate=2), 'accumulate was 1 and is 2'),
    (lambda c: c.model.update(features=8), 'model.features was 4 and is 8'),
    (
      lambda c: c.model.update(layers=3),
      r"model.layers was '\(absent\)' and is 3",
    ),
    (lambda c: c.losses.triplet.update(margin=0.5), 'losses.triplet.margin'),
    (lambda c: c.schedule.update(factor=0.5), 'schedule.factor was 0.1'),
    (lambda c: c.average.update(start=0.5), 'average.start was 1.0'),
    (lambda c: c.batch.update(frames=3), 'batch.frames was 4'),
    (lambda c: c.dataset.update(partition='x'), 'dataset.partition'),
    (lambda c: setattr(c, 'augment', ({'name': 'shift'},)), 'augment'),
  ],
)
def test_what_changes_steps_made_is_refused_by_name(change, words):
  with pytest.raises(UserError, match=f'runs/x holds .*{words}.*--workdir'):
    _changed(change)


def test_all_changes_are_named_at_once():
  def change(config):
    config.seed, config.accumulate, config.log_every = 7, 2, 9

  with pytest.raises(UserError) as caught:
    _changed(change)
  assert 'accumulate' in str(caught.value) and 'seed' in str(caught.value)
  assert 'log_every' not in str(caught.value)


def test_sequences_left_out_before_stay_left_out():
  with pytest.raises(UserError, match=r'set --config\.dataset\.on_error=skip'):
    _changed(
      lambda c: c.dataset.update(on_error='raise'),
      before=lambda c: c.dataset.update(on_error='skip'),
    )


@pytest.mark.parametrize('total', [99, 5])
@pytest.mark.parametrize(
  'before, words',
  [
    (lambda c: setattr(c, 'schedule', dict(name='cosine')), 'the cosine sch'),
    (lambda c: setattr(c, 'schedule', dict(name='one_cycle')), 'one_cycle sch'),
    (lambda c: c.average.update(start=0.5), 'config.average starts at a part'),
  ],
)
def test_the_length_of_a_run_is_fixed_where_its_steps_depend_on_it(
  before, words, total
):
  change = lambda c: c.update(total_steps=total)  # noqa: E731
  message = f'total_steps was 6 and is {total}, but .*{words}'
  with pytest.raises(UserError, match=f'{message}.*total_steps=6.*--workdir'):
    _changed(change, before=before)
  _changed(change, before=before, step=0)


@pytest.mark.parametrize('name', optimizers.SCHEDULES)
def test_which_schedules_depend_on_the_length_of_a_run(name):
  one, other = (
    optimizers.create(
      dict(name='adam', learning_rate=0.1),
      dict(name=name, **SCHEDULES[name]),
      total_steps,
    )[1]
    for total_steps in (20, 30)
  )
  rates = [jax.vmap(rate)(jnp.arange(20)) for rate in (one, other)]
  differ = not np.array_equal(*rates)
  assert differ == (name in optimizers.SPAN_THE_RUN)


def test_a_run_past_its_end_is_reported():
  resuming.check_reached(44, 44, 'runs/x')
  with pytest.raises(UserError, match=r'runs/x is at step 44 .*is 20.*=44'):
    resuming.check_reached(20, 44, 'runs/x')
