import os
import signal
import threading

import pytest

from gaitgs_jax.training.stopping import Stopping, leave


@pytest.mark.parametrize(
  'number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
)
def test_the_first_signal_is_only_noted(number, request):
  # nohup, under which the tests may run, has one of them ignored.
  began = signal.signal(number, signal.default_int_handler)
  request.addfinalizer(lambda: signal.signal(number, began))
  before = signal.getsignal(number)
  with Stopping() as stopping:
    assert stopping.requested == ''
    os.kill(os.getpid(), number)
    assert stopping.requested == number.name
  assert signal.getsignal(number) is before


def test_what_nohup_starts_survives_its_terminal():
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    with Stopping() as stopping:
      os.kill(os.getpid(), signal.SIGHUP)
      assert stopping.requested == ''
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
  finally:
    signal.signal(signal.SIGHUP, before)


def test_a_second_interrupt_is_at_once():
  with Stopping(), pytest.raises(KeyboardInterrupt):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


def test_one_process_agrees_with_itself():
  with Stopping() as stopping:
    assert not stopping.agree() and stopping.settle() == ''
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopping.agree() and stopping.settle() == 'SIGTERM'


def test_what_was_interrupted_says_so():
  leave('')
  with pytest.raises(KeyboardInterrupt):
    leave('SIGINT')
  for name, status in (('SIGTERM', '143'), ('SIGHUP', '129')):
    with pytest.raises(SystemExit, match=status):
      leave(name)


def test_other_threads_do_without():
  seen = []

  def enter():
    with Stopping() as stopping:
      seen.append(stopping.requested)

  thread = threading.Thread(target=enter)
  thread.start()
  thread.join()
  assert seen == ['']
