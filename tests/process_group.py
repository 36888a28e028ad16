"""Starts a Python program several times, as users do without a cluster."""

import random
import socket
import subprocess
import sys

from training import tiny


def _free_port():
  """Returns a free port that no outgoing connection takes meanwhile.

  A port of the system's own choice is one of those that it gives to outgoing
  connections, so that it may be gone before it is used.
  """
  while True:
    port = random.SystemRandom().randrange(10_000, 30_000)
    try:
      socket.create_server(('', port)).close()
    except OSError:
      continue
    return port


def start(*arguments, count=2, devices=2):
  """Starts `python ARGUMENTS` as several processes with CPU devices each.

  `tiny.py` is started without TensorFlow.
  """
  address = f'localhost:{_free_port()}'
  return [
    subprocess.Popen(
      [sys.executable, *map(str, arguments)],
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      env={
        **tiny.environment(tensorflow=False),
        'JAX_NUM_CPU_DEVICES': str(devices),
        'JAX_COORDINATOR_ADDRESS': address,
        'JAX_NUM_PROCESSES': str(count),
        'JAX_PROCESS_ID': str(number),
      },
    )
    for number in range(count)
  ]


def finish(group, status=0):
  """Waits for the processes of `start`; returns what each of them printed."""
  try:
    outputs = [process.communicate(timeout=600)[0] for process in group]
  finally:
    for process in group:
      process.kill()
  assert [each.returncode for each in group] == [status] * len(group), outputs
  return outputs


def run(*arguments, **options):
  """Runs `python ARGUMENTS` as `start` does; returns what each printed."""
  return finish(start(*arguments, **options))
