import jax
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import compilation


@pytest.mark.parametrize(
  'error', [RuntimeError('unknown backend\nnonsense'), AssertionError()]
)
def test_a_platform_that_is_not_here_is_one_message(error, monkeypatch):
  def devices():
    raise error

  monkeypatch.setattr(jax, 'devices', devices)
  monkeypatch.setenv('JAX_PLATFORMS', 'nonsense')
  with pytest.raises(UserError, match=r'^JAX_PLATFORMS=nonsense: .*=cpu$'):
    compilation.check_machine()
  # What the user did not ask for is a fault of JAX or of ours.
  monkeypatch.delenv('JAX_PLATFORMS')
  with pytest.raises(type(error)):
    compilation.check_machine()
