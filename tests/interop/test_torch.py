"""PyTorch weights in and out: what fits, and what is told when it does not."""

import argparse
import json
import pathlib
import re
import sys

import golden_numbers
import jax
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.apps import export_torch, import_torch
from gaitgs_jax.errors import UserError
from gaitgs_jax.interop import container, from_torch, to_torch, torch
from gaitgs_jax.interop.torch_file import read_checkpoint, write_checkpoint
from gaitgs_jax.models import gaitgs
from gaitgs_jax.training import checkpoint, restoring, states

CONFIG = dict(
  channels=(2, 4, 8), parts=2, strips=2, heads=2, depth=1, features=4
)


def small():
  return models.create('gaitgs', rngs=nnx.Rngs(3), **CONFIG)


def small_state_dict():
  return to_torch('gaitgs', small(), **CONFIG)


def published_names(name):
  return [key for keys, _ in torch._table(name, {}).values() for key in keys]


def test_names_are_the_originals():
  golden = golden_numbers.load('gaitgs_oumvlp')
  config = golden_numbers.GAITGS['gaitgs_oumvlp']
  theirs = golden_numbers.state_dict(golden)
  ours = to_torch('gaitgs', from_torch('gaitgs', theirs, **config), **config)
  assert {*ours} == {*theirs}
  for name, array in ours.items():
    np.testing.assert_array_equal(array, theirs[name], err_msg=name)
  assert ours['Bn.num_batches_tracked'].dtype == np.int64


@pytest.mark.parametrize(
  'prefix',
  (
    'module.',
    'backbone.',
    'module.backbone.',
    '_orig_mod.',
    'module._orig_mod.',
    '_orig_mod.module.',
    'model._orig_mod.',
  ),
)
def test_the_prefix_of_a_wrapper_is_dropped(prefix):
  prefixed = {f'{prefix}{k}': v for k, v in small_state_dict().items()}
  model = from_torch('gaitgs', prefixed, **CONFIG)
  jax.tree.map(
    np.testing.assert_array_equal, nnx.state(model), nnx.state(small())
  )


def test_of_two_arrays_of_one_name_none_is_taken_silently():
  given = {f'model.{k}': v for k, v in small_state_dict().items()}
  given['net.fc.fc_bin'] = given['model.fc.fc_bin'] + 1
  with pytest.raises(UserError, match=r'1 unexpected: net\.fc\.fc_bin'):
    from_torch('gaitgs', given, **CONFIG)


def test_one_error_names_all_kinds_of_faults():
  given = small_state_dict()
  del given['fc.fc_bin'], given['MCMs_S.conv1d3x1.1.0.conv.weight']
  given['PIEG.V_view'] = given['PIEG.V_view'][:5]
  given['stranger.weight'] = np.zeros(3)
  with pytest.raises(UserError) as error:
    from_torch('gaitgs', given, **CONFIG)
  text = str(error.value)
  assert '2 missing: ' in text
  assert 'MCMs_S.conv1d3x1.1.0.conv.weight' in text
  assert 'fc.fc_bin' in text
  assert '1 unexpected: stranger.weight' in text
  assert '1 of another shape: PIEG.V_view (5, 8) for (11, 8)' in text


def test_another_models_file_is_recognised_in_a_short_message():
  cstl = {f'module.{key}': np.zeros(1) for key in published_names('cstl')}
  with pytest.raises(UserError) as error:
    from_torch('gaitgs', cstl, **CONFIG)
  text = str(error.value)
  assert "does not fit the model 'gaitgs', but looks like one of the model" in (
    text
  )
  assert "'cstl'" in text
  assert re.search(r'\d+ missing: ([^,]+, ){4}[^,]+ and \d+ more', text)
  assert len(text) < 1000


def shaped(name, **config):
  """Returns the state dict of a model as zeros that take no memory."""
  made = nnx.eval_shape(lambda: models.create(name, rngs=nnx.Rngs(0), **config))
  table = torch._table(name, config)
  found = dict(torch._constants(name, config))
  for path, leaf in nnx.to_flat_state(nnx.state(made)):
    names, layout = table['/'.join(map(str, path))]
    arrays = layout.theirs(np.broadcast_to(np.float32(0), leaf.shape))
    found |= dict(zip(names, arrays, strict=True))
  return found


OUMVLP = dict(channels=(32, 64, 128, 256), depth=2, strips=2)
COARSE, FINE = dict(graphs=('coarse',)), dict(graphs=('fine',))
# Model -> the form that made a file, another that is to read it, and what the
# message names. The published forms, but for their number of classes.
VARIANTS = {
  'cstl': (
    dict(parts=32),
    dict(parts=64),
    r'another shape: .* \(12288, 24, 1\) for \(24576, 24, 1\)',
  ),
  'deepgaitv2': (dict(kind='3d'), dict(kind='2d'), 'missing.*unexpected'),
  'gaitbase': (
    dict(inputs=3),
    dict(),
    r'conv1\.conv\.weight \(64, 3, 3, 3\) for \(64, 1, 3, 3\)',
  ),
  'gaitgl': (
    OUMVLP,
    dict(strips=8),
    r'6 missing: GLConvA0\.local_.*; 13 unexpected: GLConvA0\.0\.',
  ),
  'gaitgraph': (
    dict(skeleton='openpose18', convention='opengait'),
    dict(skeleton='coco17', convention='opengait'),
    'of another graph: .*A',
  ),
  'gaitgraph2': (
    dict(skeleton='openpose18'),
    dict(skeleton='coco17'),
    'of another graph: A',
  ),
  'gaitgs': (
    dict(channels=(32, 64, 128, 256), strips=2, num_classes=64),
    dict(strips=8),
    r'unexpected: mgfe\.STEM_C1\.2\..* of another shape: catm_c',
  ),
  'gaitpart': (
    dict(channels=(32, 64, 128, 256), strips=(1, 1, 8, 8), features=256),
    dict(strips=(1, 4, 8)),
    r'unexpected: Backbone\.forward_block\.feature',
  ),
  'gaitset': (
    dict(channels=(64, 128, 256)),
    dict(),
    r'\(64, 1, 5, 5\) for \(32, 1, 5, 5\)',
  ),
  'gaittr': (
    dict(skeleton='openpose18', features=256),
    dict(skeleton='coco17'),
    r'data_bn\.bias \(180,\) for \(170,\)',
  ),
  'gln': (dict(), dict(num_classes=5), r'10 missing: reduce_cls\.weight'),
  'gpgait': (
    dict(channels=(8, 8, 16), shared=2),
    dict(channels=(8, 8), shared=1),
    'unexpected: angle.* of another shape: angle',
  ),
  'gpgaitpp': (
    dict(channels=(8, 8), shared=1, masked=False, features=6),
    dict(channels=(8, 8), shared=1, masked=True, features=8),
    'of another shape: ',
  ),
  'parsinggait': (COARSE, FINE, r'missing: gcn_fine\..*unexpected: gcn_coarse'),
  'sconet': (
    dict(num_conditions=2),
    dict(num_conditions=3),
    r'BNNecks\.fc_bin \(16, 256, 2\) for \(16, 256, 3\)',
  ),
  'skeletongait': (
    dict(kind='2d'),
    dict(kind='p3d'),
    'missing: .*; [0-9]+ unexpected: ',
  ),
  'skeletongaitpp': (
    dict(blocks=(1, 4, 4, 1)),
    dict(blocks=(1, 1, 1, 1)),
    r'unexpected: layer2\.1',
  ),
  'swingait': (
    dict(blocks=(1, 4), depths=(4, 2)),
    dict(blocks=(1, 1), depths=(2, 2)),
    r'unexpected: transformer\.layers\.0\.blocks\.2\.',
  ),
}
GAITGL = dict(channels=(2, 4, 4), strips=2, parts=16)
MORE = [
  (
    'gaitgl',
    GAITGL,
    GAITGL | dict(neck='cosine'),
    r'5 missing: BNNecks\..*; 5 unexpected: Head1\.fc_bin',
  ),
  (
    'gln',
    dict(num_classes=5),
    dict(num_classes=7),
    r'reduce_cls\.weight \(5, 256\) for \(7, 256\)',
  ),
]


def test_every_model_has_a_variant():
  assert {*VARIANTS} == {*models.names()}


@pytest.mark.parametrize(
  ('name', 'made', 'config', 'words'),
  [(name, *variant) for name, variant in VARIANTS.items()] + MORE,
)
def test_a_file_of_another_form_of_the_model_is_told(name, made, config, words):
  given = shaped(name, **made)
  with pytest.raises(UserError) as error:
    from_torch(name, given, **config)
  assert re.search(f'check config.model .*{words}', str(error.value))


@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('gaitgl', r'strips \(config.model.strips\) to 8 .* or 2 '),
    ('gaitgs', r'strips \(config.model.strips\) to 8 .* or 2 '),
    ('gaitpart', r'strips .* to \(1, 4, 8\) .* or \(1, 1, 8, 8\)'),
    ('gpgaitpp', r'masked \(config.model.masked\) to True .* or False'),
  ],
)
def test_what_no_weight_shows_is_asked_for(name, words):
  assert {*models.unseen(name)} <= {*models.fields(name)}
  with pytest.raises(UserError, match=f"weights of '{name}' .*: set {words}"):
    from_torch(name, {})


@pytest.mark.parametrize('name', models.names())
def test_a_models_own_file_looks_like_no_other(name):
  own = published_names(name)
  given = dict.fromkeys(own, np.zeros(()))
  for other in models.names():
    text = torch._likely(other, given)
    # SkeletonGait is a DeepGaitV2 with more inputs.
    if {*published_names(other)} == {*own}:
      assert text == ''
    else:
      assert repr(name) in text


def test_a_model_without_pytorch_names_is_a_message(monkeypatch):
  monkeypatch.delattr(gaitgs, 'torch_names')
  for convert in (from_torch, to_torch):
    with pytest.raises(UserError, match="'gaitgs' has no PyTorch names"):
      convert('gaitgs', {}, **CONFIG)
  with pytest.raises(UserError, match=r"unknown model 'gait_gs' .*'gaitgs'"):
    to_torch('gait_gs', small())


def test_what_lightning_keeps_beside_the_model_is_named():
  given = {f'backbone.{k}': v for k, v in small_state_dict().items()}
  given['train_loss.weight'] = np.ones(3)
  with pytest.raises(UserError, match=r'1 unexpected: train_loss\.weight$'):
    from_torch('gaitgs', given, **CONFIG)


def test_constants_are_written_and_compared(monkeypatch):
  adjacency = np.eye(3, dtype=np.float32)
  monkeypatch.setattr(
    gaitgs,
    'torch_constants',
    lambda **_: iter([('graph.A', adjacency)]),
    raising=False,
  )
  given = small_state_dict()
  np.testing.assert_array_equal(given['graph.A'], adjacency)
  from_torch('gaitgs', given, **CONFIG)
  for other in (adjacency * (1 + 1e-4), np.eye(4)):
    with pytest.raises(UserError, match=r'1 of another graph: graph\.A$'):
      from_torch('gaitgs', {**given, 'graph.A': other}, **CONFIG)


def test_a_model_says_how_its_original_saves_it(monkeypatch):
  assert container('gaitgs', **CONFIG) == ('model', '')
  declared = {True: ('', 'module.'), False: ('model', '')}
  monkeypatch.setattr(
    gaitgs,
    'torch_container',
    lambda parts, **_: declared[parts == 2],
    raising=False,
  )
  assert container('gaitgs', **CONFIG) == ('', 'module.')


def arguments(tmp_path, **fields):
  config = tmp_path / 'config.py'
  source = pathlib.Path(__file__).parents[2] / 'configs' / 'demo.py'
  changed = source.read_text().replace(
    '  return config', f'  config.model = dict({CONFIG!r})\n  return config'
  )
  config.write_text(changed)
  given = dict(config=str(config), workdir=str(tmp_path / 'run'))
  return argparse.Namespace(**given, **fields)


def test_import_writes_a_checkpoint(tmp_path, monkeypatch, capsys):
  given = small_state_dict()
  monkeypatch.setattr(import_torch, 'read_checkpoint', lambda path: given)
  args = arguments(tmp_path, checkpoint='x.pt')
  import_torch.run(args)
  told = capsys.readouterr().out
  assert 'evaluate --config=' in told
  assert "optimizer's state is not carried over" in told
  run = pathlib.Path(args.workdir)
  assert json.loads((run / 'config.json').read_text())['model']['parts'] == 2
  _, params, stats = states.split(small())
  blank = jax.tree.map(np.zeros_like, params)
  step, found, _ = restoring.restore_model(checkpoint.find(run), blank, stats)
  assert step == 0
  jax.tree.map(np.testing.assert_array_equal, found, params)
  with pytest.raises(UserError, match='already holds checkpoints'):
    import_torch.run(args)


def test_an_interrupted_import_goes_on_and_spoils_no_run(
  tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(
    import_torch, 'read_checkpoint', lambda path: small_state_dict()
  )
  args = arguments(tmp_path, checkpoint='x.pt')
  run = pathlib.Path(args.workdir)

  def interrupt(*_):
    raise KeyboardInterrupt

  for place in ('write_facts', 'save_model'):
    module = import_torch.workdirs if 'facts' in place else checkpoint
    with monkeypatch.context() as patch:
      patch.setattr(module, place, interrupt)
      with pytest.raises(KeyboardInterrupt):
        import_torch.run(args)
    with pytest.raises(UserError, match='no checkpoint in'):
      checkpoint.find(run)
  import_torch.run(args)
  names = {'config.json', 'versions.json', 'parameters.txt', 'checkpoints'}
  assert names <= {path.name for path in run.iterdir()}
  # Another import into the same run changes nothing.
  (run / 'config.json').write_text('{}')
  with pytest.raises(UserError, match='already holds checkpoints'):
    import_torch.run(args)
  assert (run / 'config.json').read_text() == '{}'


def test_import_and_export_lose_no_bit(tmp_path, monkeypatch, capsys):
  given = {f'module.{k}': v for k, v in small_state_dict().items()}
  written = {}

  def write(path, state_dict, key, prefix):
    written.update({(path, key, prefix + k): v for k, v in state_dict.items()})

  monkeypatch.setattr(import_torch, 'read_checkpoint', lambda path: given)
  monkeypatch.setattr(export_torch, 'write_checkpoint', write)
  args = arguments(tmp_path, checkpoint='x.pt')
  import_torch.run(args)
  args.checkpoint, args.config, args.out = '', '', 'y.pt'
  export_torch.run(args)
  told = capsys.readouterr().out
  assert f"wrote y.pt: {len(given)} arrays of step 0, under 'model'." in told
  assert told.count("optimizer's state is not carried over") == 2
  plain = {k.removeprefix('module.'): v for k, v in given.items()}
  assert {*written} == {(pathlib.Path('y.pt'), 'model', k) for k in plain}
  for (_, _, name), array in written.items():
    assert array.dtype == plain[name].dtype
    assert array.tobytes() == plain[name].tobytes(), name


def test_writing_a_file_needs_pytorch(monkeypatch):
  monkeypatch.setitem(sys.modules, 'torch', None)
  with pytest.raises(UserError, match=r'writing .* pip install torch'):
    write_checkpoint(pathlib.Path('x.pt'), {})


class TestWithPyTorch:
  """Runs where the optional PyTorch is installed."""

  @pytest.fixture(autouse=True)
  def torch(self):
    return pytest.importorskip('torch', reason='PyTorch is optional')

  def test_reads_what_users_save(self, torch, tmp_path):
    given = {
      name: torch.from_numpy(array.copy())
      for name, array in small_state_dict().items()
    }
    for content in (given, {'model': given, 'iteration': 7}):
      torch.save(content, tmp_path / 'x.pt')
      found = read_checkpoint(tmp_path / 'x.pt')
      assert {*found} == {*given}
      np.testing.assert_array_equal(found['PIEG.P'], given['PIEG.P'])

  def test_code_does_not_run(self, torch, tmp_path):
    class Malicious:
      def __reduce__(self):
        return (pathlib.Path.touch, (tmp_path / 'ran',))

    for new in (True, False):
      torch.save(
        {'model': {'x': Malicious()}},
        tmp_path / 'x.pt',
        _use_new_zipfile_serialization=new,
      )
      with pytest.raises(UserError, match='no state dict of named tensors'):
        read_checkpoint(tmp_path / 'x.pt')
      assert not (tmp_path / 'ran').exists()

  def test_what_lightning_saves_is_read(self, torch, tmp_path):
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).T)
    content = {
      'state_dict': {'backbone.weight': weight},
      'hyper_parameters': argparse.Namespace(path=pathlib.Path('x')),
      # One-cycle schedules hold functions of theirs.
      'lr_schedulers': [{'anneal': torch.optim.lr_scheduler.OneCycleLR.step}],
      'callbacks': {
        torch.optim.Adam: {'scores': {1, 2}, 'best': np.float64(3)}
      },
    }
    for new in (True, False):
      file = tmp_path / 'x.ckpt'
      torch.save(content, file, _use_new_zipfile_serialization=new)
      (found,) = read_checkpoint(file).values()
      np.testing.assert_array_equal(found, np.arange(6.0).reshape(2, 3).T)

  @pytest.mark.parametrize(
    ('key', 'prefix'), [('model', ''), ('', 'module.'), ('x', 'backbone.')]
  )
  def test_what_is_written_loads_strictly(self, torch, tmp_path, key, prefix):
    given = {**small_state_dict(), 'norm.steps': np.zeros((), np.int64)}
    file = tmp_path / 'new' / 'x.pt'
    write_checkpoint(file, given, key, prefix)
    content = torch.load(file, weights_only=True)
    found = content[key] if key else content
    original = torch.nn.Module()
    for name, array in given.items():
      *path, last = f'{prefix}{name}'.split('.')
      module = original
      for part in path:
        if not hasattr(module, part):
          module.add_module(part, torch.nn.Module())
        module = getattr(module, part)
      blank = torch.full(array.shape, 7, dtype=torch.tensor(array).dtype)
      module.register_buffer(last, blank)
    original.load_state_dict(found, strict=True)
    for name, tensor in original.state_dict().items():
      array = given[name.removeprefix(prefix)]
      assert tensor.numpy().dtype == array.dtype
      assert tensor.numpy().tobytes() == array.tobytes(), name
    assert [path.name for path in file.parent.iterdir()] == ['x.pt']

  def test_import_export_import_is_the_identity(self, torch, tmp_path):
    first = tmp_path / 'first.pt'
    write_checkpoint(first, small_state_dict())
    args = arguments(tmp_path, checkpoint=str(first))
    import_torch.run(args)
    args.checkpoint, args.out = '', str(tmp_path / 'second.pt')
    export_torch.run(args)
    assert first.read_bytes() == (tmp_path / 'second.pt').read_bytes()

  def test_a_full_disk_is_told(self, torch, tmp_path):
    if not pathlib.Path('/dev/full').exists():
      pytest.skip('no /dev/full here')
    (tmp_path / 'x.pt').symlink_to('/dev/full')
    with pytest.raises(UserError, match=r'write .*x\.pt: No space left'):
      write_checkpoint(tmp_path / 'x.pt', small_state_dict())

  def test_other_files_are_refused(self, torch, tmp_path):
    with pytest.raises(UserError, match='no checkpoint file'):
      read_checkpoint(tmp_path / 'absent.pt')
    torch.save([1, 2], tmp_path / 'list.pt')
    with pytest.raises(UserError, match='no state dict'):
      read_checkpoint(tmp_path / 'list.pt')


@pytest.mark.parametrize('fields', [{}, dict(num_classes=3, num_views=5)])
def test_weights_show_how_many_classes_there_are(fields):
  own = {k: v for k, v in CONFIG.items() if k not in models.FACTS}
  model = models.create('gaitgs', rngs=nnx.Rngs(0), **own, **fields)
  theirs = to_torch('gaitgs', model, **own)
  again = from_torch('gaitgs', theirs, **own)
  assert nnx.state(again).keys() == nnx.state(model).keys()
  assert again.prior.table.shape == model.prior.table.shape
  with pytest.raises(UserError, match='of another shape'):
    from_torch('gaitgs', theirs, **own, num_views=7)
