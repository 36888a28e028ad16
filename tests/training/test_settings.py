import pytest
from training import tiny

from gaitgs_jax import fields
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import settings


def test_the_tiny_config_is_whole():
  settings.check(tiny.get_config())


@pytest.mark.parametrize(
  'change, words',
  [
    (lambda c: c.__setattr__('optimzer', {}), "'optimzer'.*mean 'optimizer'"),
    (lambda c: c.__delattr__('augment'), 'lacks augment'),
    (
      lambda c: c.evaluation.__setattr__('every_step', 3),
      "config.evaluation has no field 'every_step'.*every_steps",
    ),
    (lambda c: c.mesh.__delattr__('model'), 'config.mesh lacks model'),
    (lambda c: c.__setattr__('total_steps', -5), 'total_steps is -5'),
    (lambda c: c.__setattr__('accumulate', 0), 'config.accumulate is 0'),
    (
      lambda c: c.evaluation.__setattr__('batch_frames', 10**10),
      'batch_frames is 10000000000; it must be a whole number from 1 to 1,000',
    ),
    (
      lambda c: c.evaluation.__setattr__('batch_size', 16),
      'no config.evaluation.batch_size any more: .*evaluation.batch_frames',
    ),
    (
      lambda c: c.__setattr__('total_steps', 2**31),
      'total_steps is 2147483648',
    ),
    # JAX would take 2^32 for 0.
    (lambda c: c.__setattr__('seed', 2**32), 'seed is 4294967296'),
    (lambda c: c.mesh.__setattr__('data', -2), 'mesh.data is -2'),
    (
      lambda c: c.model.__setattr__('features', 10**9),
      'config.model.features is 1000000000',
    ),
    (
      lambda c: c.model.update({'channels': (8, 10**9)}),
      'config.model.channels is 1000000000',
    ),
    (lambda c: c.model.update({'depth': 10**6}), 'from -1,000 to 1,000'),
    (
      lambda c: c.__setattr__('remat', 'some'),
      "config.remat is 'some'; choose one of none, stem, all",
    ),
    (lambda c: c.__setattr__('seed', -1), 'seed is -1; .* from 0 to'),
    (
      lambda c: c.model.__setattr__('dtype', 'float3'),
      "model.dtype is 'float3' .*'float32'",
    ),
    (
      lambda c: c.update(augment=('flip',)),
      r"config.augment\[0\] is 'flip'; it must be a dict with the name",
    ),
    (
      lambda c: c.evaluation.update(transform=({'name': 'reverze'},)),
      r"evaluation.transform\[0\] is 'reverze' .*mean 'reverse'",
    ),
    (
      lambda c: c.model.update(views=2),
      'no config.model.views any more: leave it out',
    ),
  ],
)
def test_a_wrong_field_is_named(change, words):
  config = tiny.get_config()
  change(config)
  with pytest.raises(UserError, match=words):
    settings.check(config)


def test_options_must_be_the_functions_own():
  def loss(output, batch, *, margin, scale=1.0):
    del output, batch, margin, scale

  fields.check(fields.keyword_only(loss), {'margin': 0.2}, 'config.losses.x')
  with pytest.raises(UserError, match=r"no field 'margn'.*'margin'"):
    fields.check(fields.keyword_only(loss), {'margn': 0.2}, 'config.losses.x')
  with pytest.raises(UserError, match=r'config.losses.x lacks margin'):
    fields.check(fields.keyword_only(loss), {'scale': 1.0}, 'config.losses.x')


def test_a_model_of_an_older_run_is_used_whatever_bounded_its_batches():
  config = tiny.get_config()
  del config.evaluation.batch_frames, config.evaluation.frames_max
  config.evaluation.batch_size = 16
  settings.check_model(config)
