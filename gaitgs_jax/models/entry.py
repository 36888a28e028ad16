"""What a model may be called with, checked in the same words for every model.

Each model's `__call__` is decorated by what it takes: `silhouettes`,
`images`, `heatmaps`, `label_maps`, `maps` of several kinds, `keypoints` or
`joint_features`. Only shapes and dtypes are looked at, so that it works in a
trace.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from gaitgs_jax import skeletons
from gaitgs_jax.errors import BadValue

Call = Callable[..., Any]


def silhouettes(call: Call) -> Call:
  """Decorates a method (inputs, mask=None, ...) that takes [n,s,h,w,1] in 0..1.

  Where the model was created with a size (h, w) the inputs must have it;
  otherwise square ones are refused, as published silhouettes of 64 x 64 are
  cut to 64 x 44 before a model sees them.

  Raises:
    ValueError: the inputs or the mask are something else.
  """
  return _images(call, 'silhouettes', 1, '(h, w)')


def heatmaps(call: Call) -> Call:
  """Decorates a method (inputs, mask=None, ...) that takes [n,s,h,w,2] in 0..1.

  The size, here (h, w, 2), is as for `silhouettes`.

  Raises:
    ValueError: the inputs or the mask are something else.
  """
  return _images(call, 'heatmaps', 2, '(h, w, 2)')


def images(call: Call) -> Call:
  """Decorates a method (inputs, mask=None, ...) that takes [n,s,h,w,c] in 0..1.

  The model's attribute `inputs` says c: 1 of silhouettes, 3 of depth maps drawn
  in colours. The size is as for `silhouettes`.

  Raises:
    ValueError: the inputs or the mask are something else.
  """
  one = _images(call, 'silhouettes', 1, '(h, w)')

  @functools.wraps(call)
  def checked(model: Any, *arguments: Any, **options: Any) -> Any:
    c = model.inputs
    of_these = _images(call, 'images', c, f'(h, w, {c})') if c > 1 else one
    return of_these(model, *arguments, **options)

  return checked


def label_maps(call: Call) -> Call:
  """Decorates a method (inputs, mask=None, ...) that takes labels [n,s,h,w,1].

  The size is as for `silhouettes`.

  Raises:
    ValueError: the inputs or the mask are something else.
  """
  values = 'floats 0, 1, 2, ... that count parts of the body'
  return _images(call, 'label maps', 1, '(h, w)', values)


def _images(
  call: Call,
  what: str,
  channels: int,
  size_of: str,
  values: str = 'floats in 0..1',
) -> Call:
  @functools.wraps(call)
  def checked(
    model: nnx.Module, inputs: jax.Array, mask: Any = None, **options: Any
  ) -> Any:
    size = tuple(getattr(model, 'size', None) or ('h', 'w'))[:2]
    fits = _are_maps(inputs, channels)
    if fits:
      given = inputs.shape[2:4]
      fits = given == size or (size == ('h', 'w') and given[0] != given[1])
    if not fits or not _fits(mask, inputs):
      raise BadValue(
        f'{_takes(model)} {what} [n,s,{size[0]},{size[1]},{channels}], '
        f'{values}{_given(inputs, mask)}. gaitgs_jax.input.augment.inputs '
        f'makes them from uint8 {what} and cuts 64x64 to 64x44; for frames of '
        'another size, square ones too, create the model with size='
        f'{size_of}'
      )
    return call(model, inputs, _mask(inputs, mask), **options)

  return checked


def maps(**channels: int) -> Callable[[Call], Call]:
  """Decorates a method (inputs, mask=None, ...) of several kinds of images.

  They come as a dict of arrays [n,s,h,w,c] in 0..1, of one size, which is not
  square.

  Args:
    **channels: name of a modality -> c.

  Raises:
    ValueError: the inputs or the mask are something else.
  """
  what = ' and '.join(f'{each} [n,s,h,w,{c}]' for each, c in channels.items())

  def decorate(call: Call) -> Call:
    @functools.wraps(call)
    def checked(
      model: nnx.Module, inputs: Any, mask: Any = None, **options: Any
    ) -> Any:
      if not _are_alike(inputs, channels) or not _fits(
        mask, next(iter(inputs.values()))
      ):
        raise BadValue(
          f'{_takes(model)} a dict of {what}, floats in 0..1 and of the same '
          f'frames, not square{_given(inputs, mask)}. config.inputs names them '
          'with one height and width, such as 64 and 44'
        )
      first = next(iter(inputs.values()))
      return call(model, inputs, _mask(first, mask), **options)

    return checked

  return decorate


def _are_alike(inputs: Any, channels: Mapping[str, int]) -> bool:
  """Returns whether inputs are images by name, of the same frames."""
  if not isinstance(inputs, Mapping) or {*inputs} != {*channels}:
    return False
  if not all(_are_maps(inputs[each], c) for each, c in channels.items()):
    return False
  shapes = {x.shape[:4] for x in inputs.values()}
  return len(shapes) == 1 and all(h != w for _, _, h, w in shapes)


def _are_maps(inputs: Any, channels: int) -> bool:
  return (
    _is_float(inputs) and jnp.ndim(inputs) == 5 and inputs.shape[4] == channels
  )


def keypoints(call: Call) -> Call:
  """Decorates a method (inputs, mask=None, ...) that takes [n,s,v,3].

  The model's attribute `skeleton` says which joints.

  Raises:
    ValueError: the inputs or the mask are something else.
  """
  return _joints(call, 3, 'keypoints {}, floats x, y and confidence of {}', '')


def joint_features(transform: str, channels: int) -> Callable[[Call], Call]:
  """Decorates a method (inputs, mask=None, ...) that takes [n,s,v,c].

  The model's attribute `skeleton` says which joints.

  Args:
    transform: what computes them from keypoints, of the transforms of inputs.
    channels: c.

  Raises:
    ValueError: the inputs or the mask are something else.
  """
  fix = (
    f'. dict(name={transform!r}), last in config.augment and in '
    'config.evaluation.transform, computes them from keypoints'
  )
  what = 'features of joints {}, floats, of {}'
  return lambda call: _joints(call, channels, what, fix)


def _joints(call: Call, channels: int, what: str, fix: str) -> Call:
  @functools.wraps(call)
  def checked(
    model: Any, inputs: jax.Array, mask: Any = None, **options: Any
  ) -> Any:
    v = len(skeletons.get(model.skeleton).joints)
    fits = _is_float(inputs) and jnp.ndim(inputs) == 4
    if not (fits and inputs.shape[2:] == (v, channels)) or not _fits(
      mask, inputs
    ):
      taken = what.format(f'[n,s,{v},{channels}]', model.skeleton)
      raise BadValue(
        f'{_takes(model)} {taken}{_given(inputs, mask)}{fix}. For other joints '
        'create the model with their skeleton, one of '
        f'{", ".join(skeletons.SKELETONS)}'
      )
    return call(model, inputs, _mask(inputs, mask), **options)

  return checked


def _is_float(inputs: Any) -> bool:
  dtype = getattr(inputs, 'dtype', None)
  return dtype is not None and jnp.issubdtype(dtype, jnp.floating)


def _fits(mask: Any, inputs: jax.Array) -> bool:
  """Returns whether a mask is None or bool [n,s]."""
  return mask is None or (
    getattr(mask, 'dtype', None) == jnp.bool_ and mask.shape == inputs.shape[:2]
  )


def _mask(inputs: jax.Array, mask: jax.Array | None) -> jax.Array:
  return jnp.ones(inputs.shape[:2], bool) if mask is None else mask


def _takes(model: nnx.Module) -> str:
  return f'{type(model).__name__} takes'


def _given(inputs: Any, mask: Any) -> str:
  """Returns what was given instead."""
  named = inputs if isinstance(inputs, Mapping) else {'': inputs}
  shown = [
    f'{name} {_shape(x)}'.strip()
    for name, x in {**named, ' ': mask}.items()
    if x is not None
  ]
  return f', and a mask bool [n,s] or None; got {" and ".join(shown)}'


def _shape(x: Any) -> str:
  kind = getattr(x, 'dtype', type(x).__name__)
  return f'{kind} [{",".join(map(str, getattr(x, "shape", ())))}]'
