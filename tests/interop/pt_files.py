"""`.pt` files as PyTorch writes them, made without it."""

import io
import zipfile

import numpy as np

KINDS = {
  'f8': 'Double',
  'f4': 'Float',
  'f2': 'Half',
  'i8': 'Long',
  'b1': 'Bool',
}
MAGIC = (
  b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.'
  # {'protocol_version': 1001, 'little_endian': True}
  b'\x80\x02}(X\x10\x00\x00\x00protocol_versionM\xe9\x03'
  b'X\r\x00\x00\x00little_endian\x88u.'
)


def text(value):
  return b'X' + len(value.encode()).to_bytes(4, 'little') + value.encode()


def number(value):
  return b'\x8a\x08' + value.to_bytes(8, 'little', signed=True)


def numbers(values):
  return b'(' + b''.join(map(number, values)) + b't'


def tensor(key, kind, size, offset, shape, strides, *, old=False):
  """Returns the instructions that build a tensor, after the protocol's."""
  name = b'ctorch\n' + KINDS.get(kind, kind).encode() + b'Storage\n'
  storage = text('storage') + name + text(key) + text('cpu') + number(size)
  return (
    b'ctorch._utils\n_rebuild_tensor_v2\n((' + storage + b'N' * old + b'tQ'
    + number(offset) + numbers(shape) + numbers(strides)
    + b'\x89ccollections\nOrderedDict\n)RtR'
  )  # fmt: skip


def mapping(items):
  """Returns the instructions of an OrderedDict of text to instructions."""
  pairs = b''.join(text(name) + value for name, value in items.items())
  return b'ccollections\nOrderedDict\n)R(' + pairs + b'u'


def content(arrays, *, old=False):
  """Returns the pickle of {'model': state dict}, storages numbered from 0."""
  items = {
    name: tensor(
      str(key), array.dtype.str[1:], array.size, 0, array.shape,
      [step // array.itemsize for step in array.strides], old=old,
    )
    for key, (name, array) in enumerate(arrays.items())
  }  # fmt: skip
  return b'\x80\x02}' + text('model') + mapping(items) + b's.'


def archive(pickle, storages, **options):
  """Returns a zip file, of PyTorch 1.6 and later."""
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w', **options) as file:
    file.writestr('x/data.pkl', pickle)
    file.writestr('x/byteorder', b'little')
    for key, values in storages.items():
      file.writestr(f'x/data/{key}', values)
    file.writestr('x/version', b'3\n')
  return buffer.getvalue()


def new(arrays):
  storages = {key: a.tobytes() for key, a in enumerate(arrays.values())}
  return archive(content(arrays), storages)


def old(arrays):
  """Returns a file of pickles and numbers, of PyTorch before 1.6."""
  keys = b''.join(text(str(key)) for key in range(len(arrays)))
  storages = b''.join(
    a.size.to_bytes(8, 'little') + a.tobytes() for a in arrays.values()
  )
  return (
    MAGIC + content(arrays, old=True) + b'\x80\x02](' + keys + b'e.' + storages
  )


ARRAYS = {
  'a.weight': np.arange(6, dtype=np.float32).reshape(2, 3),
  'a.half': np.arange(4, dtype=np.float16).reshape(2, 2),
  'b.steps': np.array(7),
  'b.none': np.zeros((0, 3), np.float64),
  'b.on': np.array([True, False]),
}
