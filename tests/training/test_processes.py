import csv
import subprocess
import sys

import process_group
import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import loop, processes

# As users start several processes where no cluster tells JAX about them.
CONFIG = """
from training import tiny
def get_config():
  config = tiny.get_config({root!r})
  config.log_every, config.mesh.data = 1, -1
  return config
"""


def _losses(folder):
  with open(folder / 'metrics.csv', newline='') as file:
    return [float(row['loss']) for row in csv.DictReader(file)]


def _train_in_two(config, workdir, steps):
  """Trains to some step in two processes; returns what each printed."""
  return process_group.run(
    *(tiny.__file__, f'--config={config}', f'--workdir={workdir}'),
    f'--config.total_steps={steps}',
  )


def test_two_processes_and_one_take_turns_at_what_one_does(
  config, tree, tmp_path, capsys
):
  path = tmp_path / 'config.py'
  path.write_text(CONFIG.format(root=str(tree)))
  turns, one = tmp_path / 'turns', tmp_path / 'one'
  first, second = _train_in_two(path, turns, 3)
  assert 'trained 3 steps' in first
  assert 'trained 3 steps' not in second
  config.log_every, config.total_steps = 1, 4
  loop.train(config, turns)
  assert 'going on from step 3' in capsys.readouterr().out
  first, _ = _train_in_two(path, turns, 6)
  assert 'going on from step 4' in first
  config.total_steps = 6
  loop.train(config, one)
  assert len(_losses(turns)) == 6
  assert _losses(turns) == pytest.approx(_losses(one), rel=1e-4)
  for name in ('step_000003', 'step_000006'):
    results = [
      (folder / 'evaluation' / f'{name}.json').read_text()
      for folder in (turns, one)
    ]
    assert results[0] == results[1]


@pytest.mark.parametrize(
  ('given', 'message'),
  [
    ({'JAX_NUM_PROCESSES': '2'}, 'JAX_NUM_PROCESSES alone do not say'),
    (
      {
        'JAX_COORDINATOR_ADDRESS': 'localhost:1',
        'JAX_NUM_PROCESSES': 'two',
        'JAX_PROCESS_ID': '0',
      },
      "invalid literal .* 'two'",
    ),
  ],
)
def test_what_is_wrong_with_the_variables_is_told(given, message, monkeypatch):
  for name, value in given.items():
    monkeypatch.setenv(name, value)
  with pytest.raises(UserError, match=message):
    processes.join()


def test_an_address_alone_ends_the_command_with_a_sentence(tmp_path):
  path = tmp_path / 'config.py'
  path.write_text(CONFIG.format(root='nowhere'))
  done = subprocess.run(
    [
      *(sys.executable, tiny.__file__, f'--config={path}'),
      f'--workdir={tmp_path / "run"}',
    ],
    capture_output=True,
    text=True,
    env={
      **tiny.environment(),
      'JAX_COORDINATOR_ADDRESS': 'localhost:1',
    },
  )
  assert done.returncode == 2
  assert 'JAX_NUM_PROCESSES' in done.stderr and 'defined' in done.stderr
  assert 'Traceback' not in done.stderr
