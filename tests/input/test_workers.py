import functools
import os
import signal
import sys

import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input.workers import Workers


def test_results_come_in_order_from_other_processes():
  with Workers(2) as workers:
    squares = workers.map(functools.partial(pow, i, 2) for i in range(20))
    assert list(squares) == [i * i for i in range(20)]
    pids = set(workers.map([os.getpid] * 8))
  assert 1 <= len(pids) <= 2
  assert os.getpid() not in pids


def test_helpers_import_neither_tensorflow_nor_jax():
  with Workers(1) as workers:
    call = functools.partial(_loaded, ('tensorflow', 'jax'))
    assert list(workers.map([call])) == [[]]


def _loaded(names):
  import gaitgs_jax.input.checking  # noqa: F401

  return [name for name in names if name in sys.modules]


def _refuse():
  raise UserError('told')


def test_errors_come_out_as_themselves_and_the_rest_goes_on():
  with Workers(1) as workers:
    with pytest.raises(UserError) as raised:
      list(workers.map([_refuse]))
    assert str(raised.value) == 'told'
    assert list(workers.map([os.getpid])) != [os.getpid()]


def test_at_most_a_few_calls_are_in_flight():
  taken = []

  def calls():
    for i in range(100):
      taken.append(i)
      yield functools.partial(abs, i)

  with Workers(1) as workers:
    results = workers.map(calls())
    assert next(results) == 0
    assert len(taken) < 10


def test_what_a_call_prints_is_no_answer(capfd):
  with Workers(1) as workers:
    assert list(workers.map([functools.partial(print, 'hello')])) == [None]
  assert capfd.readouterr().err == 'hello\n'


def test_helper_that_dies_is_told():
  with Workers(1) as workers:
    (pid,) = workers.map([os.getpid])
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r'status -9.*memory'):
      list(workers.map([os.getpid]))
