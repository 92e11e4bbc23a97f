"""Networks without weights whose answers can be told from their input."""

import onnx
from onnx import TensorProto, helper


def brightest_channel_graph(modalities: int, height: int, width: int) -> onnx.ModelProto:
    """A network without weights: the label is the color channel with the largest masked sum."""
    nodes = [
        helper.make_node('Cast', ['images'], ['x'], to=TensorProto.FLOAT),
        helper.make_node('Cast', ['available'], ['a'], to=TensorProto.FLOAT),
        helper.make_node('Unsqueeze', ['a', 'axes'], ['mask']),
        helper.make_node('Mul', ['x', 'mask'], ['masked']),
        helper.make_node('ReduceSum', ['masked', 'modality_axis'], ['sum'], keepdims=0),
        helper.make_node('ArgMax', ['sum'], ['ids'], axis=3, keepdims=0),
        helper.make_node('Cast', ['ids'], ['labels'], to=TensorProto.UINT8),
        helper.make_node('ReduceMax', ['sum', 'channel_axis'], ['peak'], keepdims=0),
        helper.make_node('Div', ['peak', 'count'], ['scaled']),
        helper.make_node('Max', ['scaled', 'one'], ['positive']),
        helper.make_node('Cast', ['positive'], ['confidence'], to=TensorProto.UINT8),
    ]
    constants = [
        helper.make_tensor('axes', TensorProto.INT64, [3], [2, 3, 4]),
        helper.make_tensor('modality_axis', TensorProto.INT64, [1], [1]),
        helper.make_tensor('channel_axis', TensorProto.INT64, [1], [3]),
        helper.make_tensor('count', TensorProto.FLOAT, [], [float(modalities)]),
        helper.make_tensor('one', TensorProto.FLOAT, [], [1.0]),
    ]
    image = [1, modalities, height, width, 3]
    graph = helper.make_graph(
        nodes,
        'brightest_channel',
        [
            helper.make_tensor_value_info('images', TensorProto.UINT8, image),
            helper.make_tensor_value_info('available', TensorProto.BOOL, [1, modalities]),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, [1, height, width])
            for name in ('labels', 'confidence')
        ],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=9)


COLORS = ('red', 'green', 'blue')
REFERRING_VOCABULARY = (
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', *COLORS),
    *('the', 'car', 'on', 'left', 'right', 'of', '##s', ','),
)


def color_word_graphs(height: int, width: int, length: int) -> dict[str, onnx.ModelProto]:
    """Networks without weights: a pixel is meant if its color is the one the text prompt names."""
    size = len(REFERRING_VOCABULARY)
    table = [float(i == 4 + channel) for i in range(size) for channel in range(3)]
    sentences = {
        name: helper.make_tensor_value_info(name, kind, ['n', length, *rest])
        for name, kind, rest in (
            ('token_ids', TensorProto.INT64, []),
            ('attention_mask', TensorProto.BOOL, []),
            ('features', TensorProto.FLOAT, [3]),
            ('text', TensorProto.FLOAT, [3]),
        )
    }
    hide_padding = [
        helper.make_node('Cast', ['attention_mask'], ['m'], to=TensorProto.FLOAT),
        helper.make_node('Unsqueeze', ['m', 'last'], ['m3']),
    ]
    encoder = helper.make_graph(
        [
            *hide_padding,
            helper.make_node('Gather', ['table', 'token_ids'], ['found']),
            helper.make_node('Mul', ['found', 'm3'], ['features']),
        ],
        'color_words',
        [sentences['token_ids'], sentences['attention_mask']],
        [sentences['features']],
        [
            helper.make_tensor('table', TensorProto.FLOAT, [size, 3], table),
            helper.make_tensor('last', TensorProto.INT64, [1], [2]),
        ],
    )
    segmenter = helper.make_graph(
        [
            *hide_padding,
            helper.make_node('Mul', ['text', 'm3'], ['words']),
            helper.make_node('ReduceMax', ['words', 'words_axis'], ['named'], keepdims=0),
            helper.make_node('Mul', ['named', 'two'], ['twice']),
            helper.make_node('Sub', ['twice', 'one'], ['signs']),
            helper.make_node('Transpose', ['signs'], ['turned'], perm=[1, 0]),
            helper.make_node('Cast', ['image'], ['x'], to=TensorProto.FLOAT),
            helper.make_node('MatMul', ['x', 'turned'], ['score']),
            helper.make_node('Transpose', ['score'], ['planes'], perm=[2, 0, 1]),
            helper.make_node('Add', ['planes', 'middle'], ['raised']),
            helper.make_node('Clip', ['raised', 'one', 'most'], ['clipped']),
            helper.make_node('Cast', ['clipped'], ['probability'], to=TensorProto.UINT8),
        ],
        'color_masks',
        [
            helper.make_tensor_value_info('image', TensorProto.UINT8, [height, width, 3]),
            sentences['text'],
            sentences['attention_mask'],
        ],
        [helper.make_tensor_value_info('probability', TensorProto.UINT8, ['n', height, width])],
        [
            helper.make_tensor('last', TensorProto.INT64, [1], [2]),
            helper.make_tensor('words_axis', TensorProto.INT64, [1], [1]),
            *(
                helper.make_tensor(name, TensorProto.FLOAT, [], [value])
                for name, value in (('one', 1.0), ('two', 2.0), ('middle', 128.0), ('most', 255.0))
            ),
        ],
    )
    opset = [helper.make_opsetid('', 20)]
    return {
        name: helper.make_model(graph, opset_imports=opset, ir_version=9)
        for name, graph in (('text_encoder.onnx', encoder), ('segmenter.onnx', segmenter))
    }
