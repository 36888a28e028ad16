import os

import jax
import jax.numpy as jnp
import jaxlib
import pytest

from gaitgs_jax import runtime

YNN = '--xla_cpu_experimental_ynn_fusion_type=dot'


@pytest.mark.skipif(
  jaxlib.__version__ not in runtime._FLAGS[YNN],
  reason='the flag is not known to work for this jaxlib',
)
def test_convolutions_on_cpu_stay_with_eigen():
  def convolve(x, kernel):
    return jax.lax.conv_general_dilated(
      x, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )

  shapes = jnp.ones((4, 16, 16, 32)), jnp.ones((3, 3, 32, 64))
  program = jax.jit(convolve).lower(*shapes).compile().as_text()
  # YNNPACK would take the convolution into a fusion of its own.
  assert 'ynn' not in program
  assert ' convolution(' in program


def test_a_choice_in_the_environment_wins(monkeypatch):
  chosen = ' '.join(flag.partition('=')[0] + '=none' for flag in runtime._FLAGS)
  monkeypatch.setenv('XLA_FLAGS', chosen)
  monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '0')
  runtime.configure()
  assert os.environ['XLA_FLAGS'] == chosen
  assert os.environ['TF_CPP_MIN_LOG_LEVEL'] == '0'


def test_flags_join_those_that_the_user_set(monkeypatch):
  monkeypatch.setenv('XLA_FLAGS', '--xla_dump_to=/tmp')
  monkeypatch.setattr(runtime, '_FLAGS', {'--a=1': (jaxlib.__version__,)})
  runtime.configure()
  assert os.environ['XLA_FLAGS'] == '--xla_dump_to=/tmp --a=1'


def test_an_xla_that_does_not_know_a_flag_is_not_given_it(monkeypatch):
  monkeypatch.setenv('XLA_FLAGS', '')
  monkeypatch.setattr(runtime, '_FLAGS', {'--a=1': ('0.0.1',)})
  runtime.configure()
  assert os.environ['XLA_FLAGS'] == ''


@pytest.mark.parametrize(
  ('given', 'expected'),
  (
    ('', '--a=1'),
    ('--b=2', '--b=2 --a=1'),
    ('--ab=2 ', '--ab=2 --a=1'),
    ('--b=2 --a=3', '--b=2 --a=3'),
    ('--a', '--a'),
    # The name of a file of flags.
    ('flags.txt', 'flags.txt'),
  ),
)
def test_a_flag_is_added_unless_it_is_set(monkeypatch, given, expected):
  monkeypatch.setenv('XLA_FLAGS', given)
  runtime.default_xla_flag('--a=1')
  assert os.environ['XLA_FLAGS'] == expected
