"""`.safetensors` files, made without their library."""

import json


def packed(arrays, **changed):
  """Returns the bytes of a file.

  Args:
    arrays: name -> contiguous float or integer array.
    **changed: names whose description is another.
  """
  header, data = {'__metadata__': {'format': 'pt'}}, b''
  for name, array in arrays.items():
    kind = array.dtype.kind.upper() + str(8 * array.itemsize)
    place = [len(data), len(data) + array.nbytes]
    header[name] = dict(dtype=kind, shape=array.shape, data_offsets=place)
    data += array.tobytes()
  return with_header(json.dumps(header | changed).encode(), data)


def with_header(text, data=b''):
  """Returns the bytes of a file with a header of any text."""
  return len(text).to_bytes(8, 'little') + text + data
