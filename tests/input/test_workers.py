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


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_a_helper_that_was_killed_is_one_message(number):
  with Workers(1) as workers:
    (pid,) = workers.map([os.getpid])
    os.kill(pid, number)
    with pytest.raises(UserError, match=f'{number.name}.*fewer --workers'):
      list(workers.map([os.getpid]))


def test_a_helper_that_ends_by_itself_is_a_fault():
  with (
    Workers(1) as workers,
    pytest.raises(RuntimeError, match='ended with status 3'),
  ):
    list(workers.map([functools.partial(os._exit, 3)]))


def test_a_helper_ends_in_silence_where_warnings_are_errors(capfd, monkeypatch):
  monkeypatch.setenv('PYTHONWARNINGS', 'error')
  with Workers(1) as workers:
    assert list(workers.map([functools.partial(abs, -1)])) == [1]
  assert capfd.readouterr().err == ''
