"""Runs a TensorFlow Lite file: by LiteRT if it is installed, or TensorFlow."""

import os
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from gaitgs_jax import files
from gaitgs_jax.errors import UserError, one_line

# No model of people in video comes near.
_MAX_BYTES = 1 << 29
_MOST_THREADS = 4


class Network:
  """A network of one input.

  Args:
    path: its file.
    outputs: shapes [1,...] that it must have, by what they are called here; -1
      for any length.
    threads: of the processor; 0 for as many as there are, up to four.

  Raises:
    UserError: the file cannot be read, or is not such a network.
  """

  def __init__(
    self,
    path: pathlib.Path,
    outputs: Mapping[str, tuple[int, ...]],
    threads: int = 0,
  ):
    try:
      content = files.read(path, _MAX_BYTES)
    except OSError as error:
      raise UserError(
        f'{path}: cannot be read ({error.strerror or error})'
      ) from error
    threads = threads or min(os.cpu_count() or 1, _MOST_THREADS)
    try:
      self._interpreter = _create(content, threads)
    except (ValueError, RuntimeError) as error:
      raise UserError(
        f'{path}: is not a network of TensorFlow Lite ({one_line(error)})'
      ) from error
    (self._input,) = self._interpreter.get_input_details()[:1]
    self._outputs = self._find(path, outputs)
    self._shape: tuple[int, ...] = ()

  def _find(
    self, path: pathlib.Path, outputs: Mapping[str, tuple[int, ...]]
  ) -> dict[str, int]:
    details = self._interpreter.get_output_details()
    shapes = {
      each['index']: tuple(each['shape_signature'].tolist()) for each in details
    }
    found = {}
    for name, shape in outputs.items():
      fitting = [index for index, each in shapes.items() if each == shape]
      if not fitting:
        raise UserError(
          f'{path}: has no output {list(shape)}, but'
          f' {sorted(map(list, shapes.values()))}; is it the right network?'
        )
      found[name] = fitting[0]
    return found

  def __call__(self, x: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the outputs [...] of one input [...], without the batch's axis.

    A network whose input is of any size is prepared for each new one.
    """
    x = x[None]
    if x.shape != self._shape:
      self._interpreter.resize_tensor_input(self._input['index'], x.shape)
      self._interpreter.allocate_tensors()
      self._shape = x.shape
    x = x.astype(self._input['dtype'], copy=False)
    self._interpreter.set_tensor(self._input['index'], x)
    self._interpreter.invoke()
    return {
      name: self._interpreter.get_tensor(index)[0]
      for name, index in self._outputs.items()
    }


def _create(content: bytes, threads: int) -> Any:
  try:
    from ai_edge_litert.interpreter import Interpreter
  except ModuleNotFoundError:
    import tensorflow as tf

    Interpreter = tf.lite.Interpreter
  with warnings.catch_warnings():
    # TensorFlow's says that LiteRT comes after it.
    warnings.simplefilter('ignore')
    return Interpreter(model_content=content, num_threads=threads)
