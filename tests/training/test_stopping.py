import os
import signal
import threading

import pytest

from gaitgs_jax.training.stopping import Stopping, leave


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_only_noted(number):
  before = signal.getsignal(number)
  with Stopping() as stopping:
    assert stopping.requested == ''
    os.kill(os.getpid(), number)
    assert stopping.requested == number.name
  assert signal.getsignal(number) is before


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
  with pytest.raises(SystemExit, match='143'):
    leave('SIGTERM')


def test_other_threads_do_without():
  seen = []

  def enter():
    with Stopping() as stopping:
      seen.append(stopping.requested)

  thread = threading.Thread(target=enter)
  thread.start()
  thread.join()
  assert seen == ['']
