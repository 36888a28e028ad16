"""Several processes: finding the others before JAX computes anything."""

import os
import signal
import threading

import jax
import numpy as np
from jax.experimental import multihost_utils

from gaitgs_jax.errors import UserError

_ADDRESS = 'JAX_COORDINATOR_ADDRESS'
_COUNT, _NUMBER = 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID'


def join() -> None:
  """Joins the processes of the cluster that this one runs in, if it does.

  JAX finds them by itself under SLURM, Open MPI, GKE and on TPU VMs. Anywhere
  else the variables JAX_COORDINATOR_ADDRESS (host:port of the first process),
  JAX_NUM_PROCESSES and JAX_PROCESS_ID (0, 1, ...) say what they are. Without
  any of these the process is alone.

  Raises:
    UserError: the variables are incomplete, or the others cannot be reached.
  """
  given = {
    name: os.environ[name] for name in (_COUNT, _NUMBER) if name in os.environ
  }
  if given and (len(given) < 2 or _ADDRESS not in os.environ):
    raise UserError(
      f'{" and ".join(given)} alone do not say where the other processes are: '
      f'set {_ADDRESS}, {_COUNT} and {_NUMBER}, all three'
    )
  try:
    numbers = [int(value) for value in given.values()]
    count, number = numbers or (None, None)
    handler = signal.getsignal(signal.SIGTERM)
    jax.distributed.initialize(num_processes=count, process_id=number)
    # JAX now swallows SIGTERM, for a service of its own; see `stopping`.
    if threading.current_thread() is threading.main_thread():
      signal.signal(signal.SIGTERM, handler)
  except ValueError as error:
    if given or _ADDRESS in os.environ:
      raise UserError(f'{_ADDRESS}, {_COUNT}, {_NUMBER}: {error}') from error
    # No cluster was found.
  except RuntimeError as error:
    raise UserError(
      'the other processes cannot be reached: are all of them started, and '
      f'with the same address? ({error})'
    ) from error


def first_says(answer: bool) -> bool:
  """Returns the first process's answer, in all that ask the same.

  What they see in a shared folder may differ for a moment, and each would then
  wait for the others in another place.
  """
  return bool(multihost_utils.broadcast_one_to_all(np.bool_(answer)))
