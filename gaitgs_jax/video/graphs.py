"""Converts a network of TensorFlow.js to TensorFlow Lite.

A graph model of TensorFlow.js is TensorFlow's graph in JSON, with the weights
in a file of their own as half precision. TensorFlow Lite takes it once its
fused operations are taken apart, and once the new axes of its slices are
operations of their own.
"""

import base64
import json
import math
from typing import Any

import numpy as np

# A node of the graph: name, op, input and attr.
Node = dict[str, Any]

_PARTS = {
  '_FusedConv2D': 'Conv2D',
  'FusedDepthwiseConv2dNative': 'DepthwiseConv2dNative',
}
# What fused operations have besides the attributes of their first part.
_FUSED_ONLY = ('fused_ops', 'epsilon', 'num_args', 'use_cudnn_on_gpu')
_INT32 = {'type': 'DT_INT32'}


def convert(model: bytes, weights: bytes) -> bytes:
  """Returns the TensorFlow Lite file of a graph model.

  Its one input and output keep their lengths; those of -1 are free.

  Args:
    model: the JSON file.
    weights: the file next to it.
  """
  found = json.loads(model)
  constants = read_weights(found['weightsManifest'], weights)
  nodes: list[Node] = []
  for node in found['modelTopology']['node']:
    if node['op'] in _PARTS:
      nodes += unfused(node)
    elif node['op'] == 'StridedSlice' and _mask(node, 'new_axis_mask'):
      nodes += without_new_axes(node, constants)
    else:
      nodes.append(node)
  signature = found['signature']
  (given,) = signature['inputs'].values()
  (wanted,) = signature['outputs'].values()
  return _converted(nodes, constants, given['name'], wanted['name'])


def read_weights(
  manifest: list[dict[str, Any]], data: bytes
) -> dict[str, np.ndarray]:
  """Returns the arrays of a file of weights by name.

  Raises:
    ValueError: the file is shorter or longer than its manifest says.
  """
  arrays: dict[str, np.ndarray] = {}
  start = 0
  for entry in (each for group in manifest for each in group['weights']):
    stored = entry.get('quantization', {}).get('dtype', entry['dtype'])
    dtype = np.dtype(stored)
    count = math.prod(entry['shape'])
    array = np.frombuffer(data, dtype, count, start).reshape(entry['shape'])
    arrays[entry['name']] = array.astype(entry['dtype'])
    start += count * dtype.itemsize
  if start != len(data):
    raise ValueError(f'{len(data)} bytes of weights, not {start}')
  return arrays


def unfused(node: Node) -> list[Node]:
  """Returns the convolution, bias and activation of a fused operation."""
  attributes = {k: v for k, v in node['attr'].items() if k not in _FUSED_ONLY}
  fused = node['attr']['fused_ops']['list']['s']
  chain = [_PARTS[node['op']]]
  chain += [base64.b64decode(each).decode() for each in fused]
  names = [f'{node["name"]}/{op}' for op in chain[:-1]] + [node['name']]
  before, kernel, bias = node['input']
  nodes = []
  for op, name in zip(chain, names, strict=True):
    attr = {'T': attributes['T']}
    inputs = [before]
    if op == chain[0]:
      attr = attributes
      inputs.append(kernel)
    elif op == 'BiasAdd':
      attr['data_format'] = attributes['data_format']
      inputs.append(bias)
    nodes.append({'name': name, 'op': op, 'input': inputs, 'attr': attr})
    before = name
  return nodes


def without_new_axes(
  node: Node, constants: dict[str, np.ndarray]
) -> list[Node]:
  """Returns a slice as one that makes no axes, and operations that make them.

  Args:
    node: a strided slice.
    constants: of the graph, to which those of the new nodes are added.
  """
  new, name = _mask(node, 'new_axis_mask'), node['name']
  source, *bounds = node['input']
  count = len(constants[bounds[0]])
  kept = [axis for axis in range(count) if not new >> axis & 1]
  attr = dict(node['attr'])
  for key in attr:
    if key.endswith('_mask'):
      old = 0 if key == 'new_axis_mask' else _mask(node, key)
      bits = [(old >> axis & 1) << i for i, axis in enumerate(kept)]
      attr[key] = {'i': sum(bits)}
  nodes = []
  for i, bound in enumerate(bounds):
    nodes.append(_constant(f'{name}/{i}', constants[bound][kept], constants))
  inputs = [source, *(each['name'] for each in nodes)]
  before = f'{name}/kept'
  nodes.append(
    {'name': before, 'op': 'StridedSlice', 'input': inputs, 'attr': attr}
  )
  axes = [axis for axis in range(count) if axis not in kept]
  for axis in axes:
    number = np.asarray(axis, np.int32)
    nodes.append(_constant(f'{name}/axis{axis}', number, constants))
    inputs = [before, nodes[-1]['name']]
    before = name if axis == axes[-1] else f'{name}/expanded{axis}'
    attr = {'T': node['attr']['T'], 'Tdim': _INT32}
    nodes.append(
      {'name': before, 'op': 'ExpandDims', 'input': inputs, 'attr': attr}
    )
  return nodes


def _constant(
  name: str, value: np.ndarray, constants: dict[str, np.ndarray]
) -> Node:
  constants[name] = value
  return {'name': name, 'op': 'Const', 'attr': {'dtype': _INT32}}


def _mask(node: Node, key: str) -> int:
  return int(node['attr'].get(key, {}).get('i', 0))


def _converted(
  nodes: list[Node], constants: dict[str, np.ndarray], given: str, wanted: str
) -> bytes:
  """Returns the TensorFlow Lite file of nodes with one input and output."""
  import tensorflow as tf
  from google.protobuf import json_format

  for node in nodes:
    node.pop('device', None)
    if node['op'] == 'Const':
      node['attr'].pop('value', None)
  graph = tf.compat.v1.GraphDef()
  json_format.ParseDict({'node': nodes, 'versions': {'producer': 808}}, graph)
  placeholder = next(each for each in graph.node if each.op == 'Placeholder')
  for each in graph.node:
    if each.op == 'Const':
      dtype = tf.as_dtype(each.attr['dtype'].type)
      value = constants[each.name].astype(dtype.as_numpy_dtype)
      tensor = tf.make_tensor_proto(value, dtype, value.shape)
      each.attr['value'].tensor.CopyFrom(tensor)
  shape = [
    None if axis.size < 0 else axis.size
    for axis in placeholder.attr['shape'].shape.dim
  ]
  function = tf.compat.v1.wrap_function(
    lambda x: tf.import_graph_def(graph, {given: x}, [wanted])[0],
    [tf.TensorSpec(shape, placeholder.attr['dtype'].type)],
  )
  converter = tf.lite.TFLiteConverter.from_concrete_functions(
    [function], function
  )
  return converter.convert()
