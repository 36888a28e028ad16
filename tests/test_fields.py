"""What a config's fields are checked against: names, types and ranges."""

import inspect
from collections.abc import Sequence
from typing import Literal

import pytest

from gaitgs_jax import fields, models
from gaitgs_jax.errors import UserError


def taker(
  *,
  count: int,
  steps: int = 0,
  share: float = 0.5,
  low: float = -1.0,
  name: str = 'x',
  wanted: bool = True,
  widths: Sequence[int] = (3, 4),
  classes: int | None = None,
  beta: float | str = 0.9,
  part: fields.Share = 0.5,
  per: Literal['sequence', 'frame'] = 'frame',
  side: Literal['left', 'right'] | None = None,
  anything: object = None,
) -> None:
  """Takes a field of each kind."""


def check(**given):
  fields.check(fields.keyword_only(taker), dict(count=1) | given, 'config.x')


@pytest.mark.parametrize(
  'given',
  [
    dict(count=10**9, steps=0, share=0, low=-1.0, name='', wanted=False),
    dict(widths=[1, 2], classes=3, beta='one_cycle', anything=len),
    dict(widths=(), classes=None, beta=1e300, part=1, side='left'),
    dict(per='sequence', side=None),
  ],
)
def test_what_fits_is_taken(given):
  check(**given)


@pytest.mark.parametrize(
  ('given', 'words'),
  [
    (dict(cuont=3), r"config.x has no field 'cuont' \(did you mean 'count'"),
    (dict(count=0), 'config.x.count is 0; it must be a whole number from 1 to'),
    (dict(count=True), 'count is True; it must be a whole number'),
    (dict(count=1.0), 'count is 1.0; it must be a whole number'),
    (dict(count=2**31), 'a whole number from 1 to 1,000,000,000'),
    (dict(steps=-1), 'steps is -1; it must be a whole number from 0 to'),
    (dict(share=-0.1), 'share is -0.1; it must be a finite number, 0 or'),
    (dict(share=float('nan')), 'share is nan; it must be a finite number'),
    (dict(share=float('inf')), 'share is inf; it must be a finite number'),
    (dict(share='1'), "share is '1'; it must be a finite number"),
    (dict(part=1.5), 'part is 1.5; it must be 0 to 1'),
    (dict(part=-1), 'part is -1; it must be 0 to 1'),
    (dict(per='frames'), r"per is 'frames' \(did you mean 'frame'\?\); choose"),
    (
      dict(side='up'),
      "side is 'up'; it must be one of 'left', 'right' or None",
    ),
    (dict(low=-1.5), 'low is -1.5; it must be a finite number, -1.0 or more'),
    (dict(name=3), 'name is 3; it must be text'),
    (dict(wanted=1), 'wanted is 1; it must be True or False'),
    (dict(widths=3), 'widths is 3; it must be a tuple'),
    (dict(widths='34'), "widths is '34'; it must be a tuple"),
    (dict(widths=(3, 0)), 'a tuple, and each of its items a whole number fr'),
    (dict(classes=0), 'classes is 0; it must be .* from 1 to .* or None'),
    (dict(beta=None), 'beta is None; it must be a finite .* or text'),
  ],
)
def test_what_does_not_fit_is_told(given, words):
  with pytest.raises(UserError, match=words):
    check(**given)


def test_a_missing_field_is_told():
  with pytest.raises(UserError, match=r'config\.x lacks count'):
    fields.check(fields.keyword_only(taker), {}, 'config.x')


@pytest.mark.parametrize('name', models.names())
def test_the_fields_of_a_model_are_all_checked(name):
  found = models.fields(name)
  assert 'dtype' in found
  assert 'rngs' not in found
  for parameter in found.values():
    assert parameter.default is not inspect.Parameter.empty
    # An object is nothing that a field may be.
    assert fields.problem(object(), parameter.annotation, parameter.default)
