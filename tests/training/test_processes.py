import csv
import socket
import subprocess
import sys

import pytest
from training import tiny

from gaitgs_jax.training import loop

PROGRAM = """
import sys
import jax
jax.config.update('jax_num_cpu_devices', 2)
address, number, root, workdir = sys.argv[1:]
jax.distributed.initialize(address, 2, int(number))
from training import tiny
from gaitgs_jax import models
from gaitgs_jax.training import loop
models.create = tiny.create
config = tiny.get_config(root)
config.total_steps, config.log_every, config.mesh.data = 3, 1, -1
loop.train(config, workdir)
"""


def _losses(folder):
  with open(folder / 'metrics.csv', newline='') as file:
    return [float(row['loss']) for row in csv.DictReader(file)]


def test_two_processes_train_what_one_does(config, tree, tmp_path, compiled):
  with socket.create_server(('localhost', 0)) as server:
    address = f'localhost:{server.getsockname()[1]}'
  both = [
    subprocess.Popen(
      [
        *(sys.executable, '-c', PROGRAM, address, str(number)),
        *(str(tree), str(tmp_path / 'two')),
      ],
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      env=tiny.environment(compiled),
    )
    for number in range(2)
  ]
  try:
    outputs = [process.communicate(timeout=180)[0] for process in both]
  finally:
    for process in both:
      process.kill()
  assert [process.returncode for process in both] == [0, 0], outputs
  assert 'trained 3 steps' in outputs[0]
  assert 'trained 3 steps' not in outputs[1]
  config.total_steps, config.log_every = 3, 1
  loop.train(config, tmp_path / 'one')
  assert _losses(tmp_path / 'two') == pytest.approx(
    _losses(tmp_path / 'one'), rel=1e-4
  )
  name = 'evaluation/step_000003.json'
  assert (tmp_path / 'two' / name).read_text() == (
    tmp_path / 'one' / name
  ).read_text()
