"""Makes JAX strict, and gives every test eight CPU devices."""

import importlib.metadata
import os
import tempfile

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
  # The workers of this run, and the processes that tests start, share what
  # they compile; it goes with the process that made it.
  compiled = tempfile.TemporaryDirectory(prefix='gaitgs_jax-')
  os.environ['JAX_COMPILATION_CACHE_DIR'] = compiled.name
  os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0'

import hypothesis
import jax
import launch_flags
import pytest

from gaitgs_jax import runtime

# Compiling takes longer than what tests compute; here it takes a fifth of its
# time. What is computed stays the same but for the rounding of fused operations
# (golden_checks.OPTIMISED is for where that may matter).
runtime.default_xla_flag('--xla_backend_optimization_level=0')
if importlib.metadata.version('jaxlib') == '0.10.2':  # Later ones lack it.
  runtime.default_xla_flag('--xla_cpu_use_fusion_emitters=false')

jax.config.update('jax_num_cpu_devices', 8)
jax.config.update('jax_numpy_dtype_promotion', 'strict')
jax.config.update('jax_numpy_rank_promotion', 'raise')

# Quick and the same each time; --hypothesis-profile=long searches for minutes.
for name, options in (
  ('quick', dict(max_examples=60, derandomize=True)),
  ('long', dict(max_examples=20_000)),
):
  hypothesis.settings.register_profile(
    name,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    **options,
  )
hypothesis.settings.load_profile('quick')


@pytest.fixture(autouse=True)
def _flags_of_one_test_alone():
  yield
  launch_flags.reset()


def pytest_collection_modifyitems(items):
  """Lets the tests of a group, which share results, follow one another."""
  groups = {}

  def place(item):
    mark = item.get_closest_marker('xdist_group')
    return groups.setdefault(mark.args if mark else item.nodeid, len(groups))

  items.sort(key=place)
