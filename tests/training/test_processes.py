import csv
import signal
import subprocess
import sys
import threading

import jax
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
    ({'JAX_NUM_PROCESSES': '2'}, 'JAX_NUM_PROCESSES=2 alone do not say'),
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


# What SLURM sets: in a script of sbatch; in a shell of salloc where it starts a
# step on the node, or a notebook that `srun` started in a job of 8 tasks; in
# each of the tasks of srun.
BATCH = {
  'SLURM_JOB_ID': '77',
  'SLURM_NTASKS': '8',
  'SLURM_PROCID': '0',
  'SLURM_LOCALID': '0',
}
SHELL = BATCH | {
  'SLURM_STEP_NODELIST': 'node[1-2]',
  'SLURM_STEP_NUM_TASKS': '1',
}
TASK = SHELL | {'SLURM_STEP_NUM_TASKS': '8'}
OPEN_MPI = {'OMPI_MCA_orte_hnp_uri': '4096.0;tcp://10.0.0.1:1'}


@pytest.fixture
def started(monkeypatch):
  """What JAX's service was started with, a dict each time."""
  calls = []
  monkeypatch.setattr(
    jax.distributed, 'initialize', lambda **options: calls.append(options)
  )
  return calls


@pytest.mark.parametrize(
  ('given', 'options'),
  [
    (SHELL, None),
    (TASK, {'num_processes': 8}),
    # An older SLURM, or one of its imitations.
    (BATCH | {'SLURM_STEP_NODELIST': 'a'}, {'num_processes': 8}),
    (TASK | {'SLURM_NTASKS': '1', 'SLURM_STEP_NUM_TASKS': '1'}, None),
    (TASK | {'JAX_NUM_PROCESSES': '1'}, None),
    # Left to JAX, which finds no cluster.
    (BATCH, {}),
    ({}, {}),
    (OPEN_MPI, None),
    (OPEN_MPI | {'OMPI_COMM_WORLD_SIZE': '1'}, None),
    (SHELL | OPEN_MPI | {'OMPI_COMM_WORLD_SIZE': '4'}, {}),
  ],
)
def test_only_a_process_of_several_waits_for_others(
  given, options, started, monkeypatch
):
  for name, value in given.items():
    monkeypatch.setenv(name, value)
  processes.join()
  for call in started:
    assert call.pop('initialization_timeout') > processes._LONGEST
  assert started == ([] if options is None else [options])


def test_wrong_variables_of_a_cluster_are_named(monkeypatch):
  for name, value in (TASK | {'SLURM_STEP_NUM_TASKS': '8(x2)'}).items():
    monkeypatch.setenv(name, value)
  with pytest.raises(UserError, match=r'8\(x2\).*alone, set JAX_NUM_PROC'):
    processes.join()


def test_others_that_never_come_end_the_command(monkeypatch, capsys):
  for name, value in TASK.items():
    monkeypatch.setenv(name, value)
  ended, statuses = threading.Event(), []
  monkeypatch.setattr(processes, '_QUIET', 0.01)
  monkeypatch.setattr(processes, '_LONGEST', 0.02)
  monkeypatch.setattr(
    processes.os, '_exit', lambda status: [statuses.append(status), ended.set()]
  )
  monkeypatch.setattr(jax.distributed, 'initialize', lambda **_: ended.wait(60))
  handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
  processes.join()
  assert statuses == [2]
  waiting, error = capsys.readouterr().err.splitlines()
  assert waiting.startswith('waiting for the other processes (SLURM_JOB_ID=77')
  assert 'did not come' in error and 'set JAX_NUM_PROCESSES=1' in error
  assert 'SLURM_STEP_NODELIST=node[1-2]' in error
  assert handlers == [
    signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)
  ]


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
      **tiny.environment(tensorflow=False),
      'JAX_COORDINATOR_ADDRESS': 'localhost:1',
    },
  )
  assert done.returncode == 2
  assert 'JAX_NUM_PROCESSES' in done.stderr and 'defined' in done.stderr
  assert 'Traceback' not in done.stderr
