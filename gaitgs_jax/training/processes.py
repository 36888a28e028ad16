"""Several processes: finding the others before JAX computes anything."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from gaitgs_jax.errors import UserError, printable

_ADDRESS = 'JAX_COORDINATOR_ADDRESS'
_COUNT, _NUMBER = 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID'
# What JAX asks of SLURM before it takes this process for one of several.
_SLURM = (
  'SLURM_JOB_ID',
  'SLURM_STEP_NODELIST',
  'SLURM_NTASKS',
  'SLURM_PROCID',
  'SLURM_LOCALID',
)
_SLURM_STEP_TASKS = 'SLURM_STEP_NUM_TASKS'
# What JAX asks of Open MPI.
_OMPI, _OMPI_SIZE = 'OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_SIZE'
# Seconds of silence, and until the others are given up.
_QUIET, _LONGEST = 10.0, 300.0
_ALONE = f'to run this process alone, set {_COUNT}=1'


def join() -> None:
  """Joins the processes that this one was started together with, if it was.

  JAX finds them by itself under SLURM, Open MPI, GKE and on TPU VMs. Anywhere
  else the variables JAX_COORDINATOR_ADDRESS (host:port of the first process),
  JAX_NUM_PROCESSES and JAX_PROCESS_ID (0, 1, ...) say what they are. Without
  any of these, or with JAX_NUM_PROCESSES=1, the process is alone.

  If the others do not come, the command ends with a message and status 2.

  Raises:
    UserError: the variables are incomplete or wrong, or the others cannot be
      reached.
  """
  given = {
    name: os.environ[name]
    for name in (_ADDRESS, _COUNT, _NUMBER)
    if name in os.environ
  }
  if given == {_COUNT: '1'}:
    return
  if (given and _ADDRESS not in given) or len(given) == 2:
    raise UserError(
      f'{" and ".join(_shown(given))} alone do not say where the other '
      f'processes are: set {_ADDRESS}, {_COUNT} and {_NUMBER}, all three; '
      f'{_ALONE}'
    )
  try:
    options = _options(given)
  except ValueError as error:
    names = ', '.join(_shown(_reasons()))
    raise UserError(f'{names}: {error}; {_ALONE}') from error
  if options is None:
    return
  try:
    with _given_up_after(_LONGEST):
      # Longer than ours: at the end of its own wait JAX aborts the process.
      wait = int(_LONGEST) + 60
      jax.distributed.initialize(initialization_timeout=wait, **options)
  except (ValueError, KeyError) as error:
    reasons = _reasons()
    if reasons:
      names = ', '.join(_shown(reasons))
      raise UserError(f'{names}: {error}; {_ALONE}') from error
    # No cluster was found.
  except jax.errors.JaxRuntimeError as error:
    raise UserError(
      'the other processes cannot be reached: are all of them started, and '
      f'with the same address? ({error}); {_ALONE}'
    ) from error


def _options(given: dict[str, str]) -> dict[str, Any] | None:
  """Returns what to start JAX's service with, None for a process alone.

  In a shell of `salloc`, or a notebook in a job, SLURM's variables are those of
  the job, with all of its tasks, although one process was started. The step's
  own count decides: a shell is a step of one task.

  Raises:
    ValueError: a count is not a number.
  """
  if _COUNT in given:
    count, number = int(given[_COUNT]), int(given[_NUMBER])
    return {'num_processes': count, 'process_id': number}
  if given:
    return {}
  if _OMPI in os.environ:
    return {} if int(os.environ.get(_OMPI_SIZE, 1)) > 1 else None
  if all(name in os.environ for name in _SLURM):
    name = _SLURM_STEP_TASKS
    count = int(os.environ[name if name in os.environ else 'SLURM_NTASKS'])
    return {'num_processes': count} if count > 1 else None
  return {}


def _reasons() -> dict[str, str]:
  """Returns the variables that say that there are other processes."""
  for names in (
    (_ADDRESS, _COUNT, _NUMBER),
    (_OMPI, _OMPI_SIZE),
    (*_SLURM, _SLURM_STEP_TASKS),
  ):
    if names[0] in os.environ:
      return {name: os.environ[name] for name in names if name in os.environ}
  return {}


def _shown(variables: dict[str, str]) -> list[str]:
  return [f'{name}={printable(value, 80)}' for name, value in variables.items()]


@contextlib.contextmanager
def _given_up_after(seconds: float) -> Iterator[None]:
  """Ends the process with a message if the body takes longer.

  JAX waits in a library, where no exception reaches it. Ctrl-C ends it at once.
  """
  came = threading.Event()
  names = ', '.join(_shown(_reasons())) or 'the cluster says that there are'
  before: dict[signal.Signals, Any] = {}
  if threading.current_thread() is threading.main_thread():
    for number in (signal.SIGINT, signal.SIGTERM):
      before[number] = signal.getsignal(number)
    signal.signal(signal.SIGINT, signal.SIG_DFL)

  def watch() -> None:
    if came.wait(_QUIET):
      return
    print(f'waiting for the other processes ({names})', file=sys.stderr)
    if came.wait(seconds - _QUIET):
      return
    print(
      f'error: the other processes did not come within {seconds:.0f} s '
      f'({names}): start all of them, under SLURM with srun; {_ALONE}',
      file=sys.stderr,
      flush=True,
    )
    os._exit(2)

  threading.Thread(target=watch, daemon=True).start()
  try:
    yield
  finally:
    came.set()
    # JAX now swallows SIGTERM, for a service of its own; see `stopping`.
    for number, handler in before.items():
      signal.signal(number, handler)


def first_says(answer: bool) -> bool:
  """Returns the first process's answer, in all that ask the same.

  What they see in a shared folder may differ for a moment, and each would then
  wait for the others in another place.
  """
  return bool(multihost_utils.broadcast_one_to_all(np.bool_(answer)))
