"""Hostile `.pt` files: a state dict, or one sentence."""

import hypothesis
import hypothesis.strategies as st
import pytest
from fuzz import hostile
from interop import pt_files

from gaitgs_jax.interop.torch_file import read_checkpoint

VALID = [pt_files.new(pt_files.ARRAYS), pt_files.old(pt_files.ARRAYS)]
PICKLE = pt_files.content(pt_files.ARRAYS)
STORAGES = {key: bytes(24) for key in range(5)}
SIZES = st.sampled_from([-1, 0, 1, 3, 6, 2**31, 2**40, 2**62])
LETTERS = st.sampled_from(['0', '1', '../0', 'x' * 300, ''])
INSTRUCTIONS = [
  b'N', b'\x88', b'K\x03', b'J\xff\xff\xff\xff', b'\x8a\xff' + b'\x7f' * 255,
  b'(', b't', b')', b'\x85', b'\x86', b'\x87', b'0', b'1', b'2', b'q\x00',
  b'h\x00', b'\x94', b'r\xff\xff\xff\x7f', b']', b'a', b'e', b'l', b'}', b's',
  b'u', b'd', b'\x8f', b'\x90', b'\x91', b'R', b'b', b'o', b'\x81', b'\x92',
  b'Q', b'P0\n', b'\x82\x01', b'\x97', b'\x98', b'\x93', b'cos\nsystem\n',
  b'ios\nsystem\n', b'ccollections\nOrderedDict\n', b'ctorch\nFloatStorage\n',
  b'ctorch._utils\n_rebuild_tensor_v2\n',
  b'ctorch._utils\n_rebuild_parameter\n',
  *map(pt_files.text, ('model', 'state_dict', 'storage', '0', 'torch')),
  pt_files.tensor('0', 'f4', 6, 0, (6,), (1,)), b'I' + b'9' * 5000 + b'\n',
  b'\x8e' + b'\xff' * 7 + b'\x00', b'\x8b\xff\xff\xff\x7f', b'\x80\x04', b'.',
]  # fmt: skip
instructions = st.lists(st.sampled_from(INSTRUCTIONS), max_size=40)
# ((t, t), (t, t)), ...: to hash it would take for ever.
DOUBLING = b'N' + b'q\x00h\x00\x86' * 300


@st.composite
def tensors(draw):
  sizes = st.lists(SIZES, max_size=3)
  return pt_files.tensor(
    draw(LETTERS),
    draw(st.sampled_from([*pt_files.KINDS, 'BFloat16', 'Quint8'])),
    draw(SIZES),
    draw(SIZES),
    draw(sizes),
    draw(sizes),
    old=draw(st.booleans()),
  )


pickles = st.one_of(
  hostile.mutated(PICKLE),
  instructions.map(lambda parts: b'\x80\x02' + b''.join(parts) + b'.'),
  st.dictionaries(LETTERS, tensors(), max_size=3).map(
    lambda items: b'\x80\x02' + pt_files.mapping(items) + b'.'
  ),
)
files = st.one_of(
  hostile.mutated(*VALID),
  # As zips that are whole but for their pickle.
  pickles.map(lambda pickle: pt_files.archive(pickle, STORAGES)),
  pickles.map(lambda pickle: pt_files.MAGIC + pickle + b'\x80\x02].'),
)


# Python warns of odd escapes in the text form of a damaged pickle.
@pytest.mark.filterwarnings('ignore:invalid escape sequence')
@hypothesis.given(content=files)
@hypothesis.example(
  content=pt_files.MAGIC + b'\x80\x02}' + DOUBLING + b'Ns.\x80\x02].'
)
@hypothesis.example(
  content=pt_files.MAGIC + PICKLE + b'\x80\x02' + DOUBLING + b'.'
)
def test_a_file_is_a_state_dict_or_is_refused(content, tmp_path):
  path = tmp_path / 'x.pt'
  path.write_bytes(content)
  found = hostile.read(read_checkpoint, path)
  assert found is None or all(
    array.dtype.kind in 'biuf' for array in found.values()
  )
  assert [path] == [*tmp_path.iterdir()]
