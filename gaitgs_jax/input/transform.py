"""What the tables of transforms say about each of them."""

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

from gaitgs_jax import fields
from gaitgs_jax.errors import UserError, wrong_value
from gaitgs_jax.fields import Share

# What a transform may take in addition to the frames.
_GIVEN = ('mask', 'key', 'nearest', 'width', 'skeleton')
# Options of every transform.
_COMMON = ('name', 'probability', 'per', 'inputs')
# What is drawn once.
Per = Literal['sequence', 'frame']


@dataclasses.dataclass(frozen=True)
class Entry:
  """One transform.

  Attributes:
    function: of x [s,...], one sequence, and of those of `mask` [s], `key`,
      `nearest`, `width` and `skeleton` that it names as positional arguments;
      its keyword-only arguments are the options in a config.
    probability: share of the sequences, or frames, that it changes where the
      config does not say; None if it changes every one, because the result has
      another shape.
    by_frame: whether each frame may be drawn separately.
    masks: whether it returns a mask too.
    skeleton: whose joints it leaves, where they are others than it takes.
  """

  function: Callable[..., Any]
  probability: float | None = 1.0
  by_frame: bool = True
  masks: bool = False
  skeleton: str = ''

  @property
  def draws(self) -> bool:
    """Whether it draws random numbers in addition to those of `probability`."""
    return 'key' in self.given

  @property
  def given(self) -> tuple[str, ...]:
    """Returns the names of its positional arguments after x."""
    parameters = inspect.signature(self.function).parameters.values()
    return tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)[1:]

  @property
  def options(self) -> dict[str, inspect.Parameter]:
    """Returns the options that a config may set, by name."""
    found = fields.keyword_only(self.function)
    if self.probability is not None:
      found['probability'] = _option('probability', self.probability, Share)
      if self.by_frame:
        found['per'] = _option('per', 'sequence', Per)
    if not self.masks:
      found['inputs'] = _option('inputs', None, Sequence[str] | None)
    return found

  def problem(self) -> str:
    """Returns why a function cannot be a transform; '' if it can."""
    if not callable(self.function):
      return 'is not a function'
    try:
      given = self.given
    except (TypeError, ValueError):
      return 'is not a function whose arguments can be read'
    if unknown := [name for name in given if name not in _GIVEN]:
      return (
        f'takes {", ".join(unknown)}: after the frames a transform takes any'
        f' of {", ".join(_GIVEN)}; options come after a *'
      )
    own = fields.keyword_only(self.function)
    if taken := [name for name in _COMMON if name in own]:
      return f'has an option {taken[0]!r}, which every transform has'
    return ''

  def check(self, options: dict[str, Any], where: str) -> None:
    """Raises UserError unless a config's options fit."""
    allowed = self.options
    fields.check(allowed, options, where)
    for name, value in options.items():
      default = allowed[name].default
      if isinstance(default, tuple) and len(value) != len(default):
        wanted = f'of {len(default)} items, such as {default}'
        raise wrong_value(f'{where}.{name}', value, wanted)
      pair = isinstance(default, tuple) and len(default) == 2
      if pair and value[0] > value[1]:
        raise UserError(
          f'{where}.{name} is {value!r}; the first number must not be larger '
          'than the second'
        )


def _option(name: str, default: Any, annotation: Any) -> inspect.Parameter:
  return inspect.Parameter(
    name,
    inspect.Parameter.KEYWORD_ONLY,
    default=default,
    annotation=annotation,
  )
