import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import progress


def _progress():
  return progress.Progress(lambda row: f'00{row}/nm-01/090', 2, 100)


def _metrics(loss, grad_norm=1.0):
  return {
    'loss': jnp.float32(loss),
    'grad_norm': jnp.float32(grad_norm),
    'triplet_active': jnp.float32(0.25),
  }


def test_summaries_are_means_of_their_own_window():
  run = _progress()
  for step, loss in enumerate([1.0, 3.0], 1):
    run.note(step, _metrics(loss), np.arange(2))
  assert run.summary(0.1)['loss'] == 2.0
  run.note(3, _metrics(5.0), np.arange(2))
  assert run.summary(0.1)['loss'] == 5.0


def test_the_first_step_gives_no_speed():
  run = _progress()
  run.note(1, _metrics(1.0), np.arange(2))
  assert 'sequences_per_second' not in run.summary(0.1)
  run.note(2, _metrics(1.0), np.arange(2))
  assert run.summary(0.1)['sequences_per_second'] > 0


@pytest.mark.parametrize(
  'loss, grad_norm', [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan)]
)
def test_a_number_that_is_not_finite_stops_the_run(loss, grad_norm):
  run = _progress()
  run.note(1, _metrics(1.0), np.array([3, 4]))
  run.note(2, _metrics(loss, grad_norm), np.array([5, 6]))
  with pytest.raises(UserError) as caught:
    run.note(3, _metrics(1.0), np.array([7, 8]))
  message = str(caught.value)
  assert 'at step 2' in message and 'triplet_active 0.25' in message
  assert '005/nm-01/090, 006/nm-01/090' in message
  assert '003/' not in message and '007/' not in message


def test_the_line_shows_what_a_person_progresses():
  line = _progress().line(
    20,
    {
      'loss': 0.51234,
      'grad_norm': 3.0,
      'triplet': 0.4,
      'triplet_active': 0.25,
      'triplet_distance': 9.0,
      'learning_rate': 1e-4,
      'sequences_per_second': 2.0,
    },
  )
  assert line == (
    'step  20/100  loss 0.5123  triplet 0.4000  active 25 %  lr 1.0e-04  '
    '2 sequences/s  ETA 1:20'
  )
