"""Starts a Python program twice, as users do without a cluster."""

import os
import pathlib
import socket
import subprocess
import sys

_ROOT = pathlib.Path(__file__).parents[1]


def run(*arguments):
  """Runs `python ARGUMENTS` as two processes of two CPU devices each.

  Returns what each of them printed.
  """
  with socket.create_server(('localhost', 0)) as server:
    address = f'localhost:{server.getsockname()[1]}'
  both = [
    subprocess.Popen(
      [sys.executable, *map(str, arguments)],
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      env={
        **os.environ,
        'PYTHONPATH': f'{_ROOT}{os.pathsep}{_ROOT / "tests"}',
        'JAX_PLATFORMS': 'cpu',
        'JAX_NUM_CPU_DEVICES': '2',
        'JAX_COORDINATOR_ADDRESS': address,
        'JAX_NUM_PROCESSES': '2',
        'JAX_PROCESS_ID': str(number),
      },
    )
    for number in range(2)
  ]
  try:
    outputs = [process.communicate(timeout=180)[0] for process in both]
  finally:
    for process in both:
      process.kill()
  assert [process.returncode for process in both] == [0, 0], outputs
  return outputs
