import pytest

from gaitgs_jax import limits
from gaitgs_jax.errors import UserError


def test_the_limit_on_open_files_is_raised_as_far_as_needed(monkeypatch):
  resource = pytest.importorskip('resource')
  limit = [200, 1000]
  monkeypatch.setattr(resource, 'getrlimit', lambda _: tuple(limit))
  monkeypatch.setattr(
    resource, 'setrlimit', lambda _, given: limit.__setitem__(slice(2), given)
  )
  limits.allow_open_files(200)
  assert limit == [200, 1000]
  limits.allow_open_files(300)
  assert limit == [300, 1000]
  with pytest.raises(UserError, match=r'1000 files open, and 1001 are.*ulimit'):
    limits.allow_open_files(1001)
  limit[:] = [200, resource.RLIM_INFINITY]
  limits.allow_open_files(5000)
  assert limit[0] == 5000
