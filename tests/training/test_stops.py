import signal
import subprocess
import threading

import process_group
import pytest
from training import stops

from gaitgs_jax.training import checkpoint

# What runs, which of two processes is sent what, and how both then leave.
STOPS = [
  ('step', [1], signal.SIGINT, 'left by KeyboardInterrupt()'),
  ('step', [0], signal.SIGTERM, 'left normally'),
  ('evaluating', [0, 1], signal.SIGINT, 'left by KeyboardInterrupt()'),
  ('evaluating', [1], signal.SIGTERM, 'left by SystemExit(143)'),
]


@pytest.fixture
def group(tree, tmp_path):
  """Two processes of `stops`, which a deadlock ends."""
  program = [stops.__file__, tree, tmp_path]
  both = process_group.start(*program, count=2, devices=1)
  alarm = threading.Timer(600, lambda: [each.kill() for each in both])
  alarm.start()
  yield both
  alarm.cancel()
  for each in both:
    each.kill()
    each.communicate()


def _read_until(process, *beginnings):
  """Returns the lines until one begins so."""
  lines = []
  for line in process.stdout:
    lines.append(line)
    if line.startswith(beginnings):
      return lines
  pytest.fail(f'ended without {beginnings}: {"".join(lines)}')


def test_two_processes_stop_at_once(group, tmp_path):
  steps = []
  for running, receivers, number, ending in STOPS:
    _read_until(group[0], running)
    for receiver in receivers:
      group[receiver].send_signal(number)
    said = [_read_until(process, 'left') for process in group]
    assert [lines[-1] for lines in said] == [f'{ending}\n'] * 2
    if running == 'step':
      (told,) = [line for line in said[0] if line.startswith('stopped at')]
      steps.append(int(told.split()[3].rstrip(',')))
      assert checkpoint.find(tmp_path).name == str(steps[-1])
    # Checkpoints are written by all, each its part.
    wrote = [line for line in said[1] if line.startswith('wrote')]
    assert all('/checkpoints/' in line for line in wrote)
  assert steps == sorted(set(steps))
  _read_until(group[0], 'evaluating')
  group[1].send_signal(signal.SIGSTOP)
  # The first waits for the second by now, in no code of Python's.
  while group[0].poll() is None:
    group[0].send_signal(signal.SIGINT)
    try:
      group[0].communicate(timeout=0.5)
    except subprocess.TimeoutExpired:
      continue
  assert group[0].returncode == 130
