"""Starts a Python program several times, as users do without a cluster."""

import os
import pathlib
import socket
import subprocess
import sys

_ROOT = pathlib.Path(__file__).parents[1]


def start(*arguments, count=2, devices=2):
  """Starts `python ARGUMENTS` as several processes with CPU devices each."""
  with socket.create_server(('localhost', 0)) as server:
    address = f'localhost:{server.getsockname()[1]}'
  return [
    subprocess.Popen(
      [sys.executable, *map(str, arguments)],
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      env={
        **os.environ,
        'PYTHONPATH': f'{_ROOT}{os.pathsep}{_ROOT / "tests"}',
        'JAX_PLATFORMS': 'cpu',
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
