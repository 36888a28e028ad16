"""Reading `.pt` files, which needs no PyTorch; see also `TestWithPyTorch`."""

import zipfile

import numpy as np
import pytest
from interop import pt_files

from gaitgs_jax.errors import UserError
from gaitgs_jax.interop.torch_file import read_checkpoint


def write(tmp_path, content):
  path = tmp_path / 'x.pt'
  path.write_bytes(content)
  return path


@pytest.mark.parametrize('form', [pt_files.new, pt_files.old])
def test_reads_both_forms(tmp_path, form):
  found = read_checkpoint(write(tmp_path, form(pt_files.ARRAYS)))
  assert [*found] == [*pt_files.ARRAYS]
  for name, array in pt_files.ARRAYS.items():
    np.testing.assert_array_equal(found[name], array)
    wanted = np.float32 if array.dtype.kind == 'f' else array.dtype
    assert found[name].dtype == wanted


def item(key=''):
  return pt_files.tensor(key or '0', 'f4', 2, 0, (2,), (1,))


def nested(tmp_path, **items):
  """Reads a file of a dict of instructions; two storages have two floats."""
  storages = {str(i): np.float32([i, i]).tobytes() for i in range(2)}
  content = b'\x80\x02' + pt_files.mapping(items) + b'.'
  return read_checkpoint(write(tmp_path, pt_files.archive(content, storages)))


@pytest.mark.parametrize(
  'names',
  [
    ('model_state_dict',),
    ('net',),
    ('weights_of_ann',),
    ('model', 'state_dict'),
    # The usual name, not the average next to it.
    ('state_dict',),
  ],
)
def test_usual_containers_are_opened(tmp_path, names):
  content = pt_files.mapping({'w': item('1')})
  for name in reversed(names[1:]):
    content = pt_files.mapping({name: content})
  items = {'epoch': pt_files.number(3), names[0]: content}
  if names == ('state_dict',):
    items['state_dict_ema'] = pt_files.mapping({'w': item('0')})
  np.testing.assert_array_equal(nested(tmp_path, **items)['w'], [1, 1])


def test_other_containers_are_named(tmp_path):
  student = pt_files.mapping({'w': item()})
  with pytest.raises(UserError, match=r"several .* 'student', 'teacher': save"):
    nested(tmp_path, student=student, teacher=student, epoch=item())
  with pytest.raises(UserError, match=r"no state dicts .* 'epoch', 'lr': save"):
    nested(tmp_path, epoch=pt_files.number(3), lr=pt_files.number(1))
  many = {f'key{i:03}' + 'x' * 99: pt_files.number(3) for i in range(200)}
  with pytest.raises(UserError, match=r"'key007x*' and 192 more") as error:
    nested(tmp_path, **many)
  assert len(str(error.value)) < 700


def one(tmp_path, size, offset, shape, strides, values=bytes(16), **options):
  """Reads a file of one tensor within a storage of four floats."""
  tensor = pt_files.tensor('0', 'f4', size, offset, shape, strides)
  content = b'\x80\x02' + pt_files.mapping({'w': tensor}) + b'.'
  file = pt_files.archive(content, {'0': values}, **options)
  return read_checkpoint(write(tmp_path, file))['w']


def test_a_tensor_is_a_view_of_its_storage(tmp_path):
  values = np.arange(4, dtype=np.float32)
  found = one(tmp_path, 4, 1, (2, 2), (1, 1), values.tobytes())
  np.testing.assert_array_equal(found, [[1, 2], [2, 3]])


def test_a_forged_shape_takes_no_memory(tmp_path):
  assert one(tmp_path, 4, 0, (2**40,), (0,)).shape == (2**40,)
  for shape, strides in (((2**40,), (1,)), ((5,), (1,)), ((2,), (4,))):
    with pytest.raises(UserError, match='beyond its storage'):
      one(tmp_path, 4, 0, shape, strides)
  with pytest.raises(UserError, match="storage '0' is cut short"):
    one(tmp_path, 2**40, 0, (2**40,), (1,))


@pytest.mark.parametrize(('kind', 'size'), [('f2', 4), ('f4', 3)])
def test_a_storage_is_of_one_kind(tmp_path, kind, size):
  # Ten kinds of one storage would be ten copies in float32.
  content = pt_files.mapping(
    {
      'w': pt_files.tensor('0', 'f4', 4, 0, (4,), (1,)),
      'v': pt_files.tensor('0', kind, size, 0, (2,), (1,)),
    }
  )
  file = pt_files.archive(b'\x80\x02' + content + b'.', {'0': bytes(16)})
  with pytest.raises(UserError, match='a storage in two ways'):
    read_checkpoint(write(tmp_path, file))


def test_what_is_compressed_is_refused(tmp_path):
  with pytest.raises(UserError, match='not as PyTorch writes'):
    one(tmp_path, 4, 0, (4,), (1,), compression=zipfile.ZIP_DEFLATED)


def test_damage_is_told(tmp_path):
  file = bytearray(pt_files.new(pt_files.ARRAYS))
  place = file.index(pt_files.ARRAYS['a.weight'].tobytes())
  file[place] ^= 1
  with pytest.raises(UserError, match='CRC'):
    read_checkpoint(write(tmp_path, file))
  with pytest.raises(UserError, match='is not a PyTorch checkpoint'):
    read_checkpoint(write(tmp_path, pt_files.old(pt_files.ARRAYS)[:-1]))


def test_programs_are_not_run(tmp_path):
  # TorchScript's files are zips of a pickle, too; `torch.load` runs them.
  content = b'\x80\x02c__torch__\nModule\n)\x81}b.'
  file = pt_files.archive(content, {})
  with pytest.raises(UserError, match='no state dict of named tensors'):
    read_checkpoint(write(tmp_path, file))
