"""A GPU of numpy arrays: `cuda.bindings.runtime` and `tensorrt` as far as the backend uses them.

What is queued on a stream happens when somebody waits for it, copies are real, an address that
was freed is rejected, and an engine computes what ONNX Runtime does. Names and signatures are
those of cuda-python 13.4 and of TensorRT-RTX 1.7.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
from enum import IntEnum
from itertools import count
from types import ModuleType, SimpleNamespace

import numpy as np
import onnx
import onnxruntime

cudaError_t = IntEnum(  # noqa: N816
    'cudaError_t',
    {
        'cudaSuccess': 0,
        'cudaErrorMemoryAllocation': 2,
        'cudaErrorIllegalAddress': 700,
        'cudaErrorStreamCaptureUnsupported': 900,
    },
)

OK = (cudaError_t.cudaSuccess,)


class FakeCuda(ModuleType):
    """The runtime's bindings. `fail` maps a function to the error of its next calls."""

    def __init__(self):
        super().__init__('cuda.bindings.runtime')
        self.fail = {}
        self.room = 10**9
        self.memory = {}
        self.streams, self.graphs, self.handles = {}, {}, count(1)
        self.capturing = None
        self.launches = 0
        self.cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
        self.cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def live(self):
        return len(self.memory) + len(self.streams) + len(self.graphs)

    def at(self, address, size):
        """Return memory as an array; touching what was freed is an error of the test."""
        assert len(self.memory[address]) >= size
        return np.frombuffer(self.memory[address], np.uint8, size)

    def queue(self, stream, work):
        (self.streams[stream] if self.capturing is None else self.capturing).append(work)

    def cudaGetDeviceCount(self):  # noqa: N802
        return *OK, 1

    def cudaGetDeviceProperties(self, device):  # noqa: N802
        name = b'NVIDIA Fake'.ljust(256, b'\0')
        return *OK, SimpleNamespace(name=name, major=8, minor=7)

    def cudaMallocHost(self, size):  # noqa: N802
        return self._allocate('cudaMallocHost', size)

    def cudaMalloc(self, size):  # noqa: N802
        return self._allocate('cudaMalloc', size)

    def cudaFreeHost(self, address):  # noqa: N802
        del self.memory[address]
        return OK

    cudaFree = cudaFreeHost

    def cudaStreamCreate(self):  # noqa: N802
        handle = next(self.handles)
        self.streams[handle] = []
        return *OK, handle

    def cudaStreamDestroy(self, stream):  # noqa: N802
        del self.streams[stream]
        return OK

    def cudaStreamSynchronize(self, stream):  # noqa: N802
        if 'cudaStreamSynchronize' in self.fail:
            return (self.fail['cudaStreamSynchronize'],)
        for work in self.streams[stream]:
            work()
        self.streams[stream].clear()
        return OK

    def cudaMemcpyAsync(self, target, source, size, kind, stream):  # noqa: N802
        def copy():
            self.at(target, size)[:] = self.at(source, size)

        self.queue(stream, copy)
        return OK

    def cudaStreamBeginCapture(self, stream, mode):  # noqa: N802
        self.capturing = []
        return OK

    def cudaStreamEndCapture(self, stream):  # noqa: N802
        work, self.capturing = self.capturing, None
        if 'cudaStreamEndCapture' in self.fail:
            return self.fail['cudaStreamEndCapture'], None
        handle = next(self.handles)
        self.graphs[handle] = work
        return *OK, handle

    def cudaGraphInstantiate(self, graph, flags):  # noqa: N802
        handle = next(self.handles)
        self.graphs[handle] = list(self.graphs[graph])
        return *OK, handle

    def cudaGraphDestroy(self, graph):  # noqa: N802
        del self.graphs[graph]
        return OK

    cudaGraphExecDestroy = cudaGraphDestroy

    def cudaGraphLaunch(self, executable, stream):  # noqa: N802
        if 'cudaGraphLaunch' in self.fail:
            return (self.fail['cudaGraphLaunch'],)
        self.launches += 1
        self.streams[stream] += self.graphs[executable]
        return OK

    def _allocate(self, name, size):
        if name in self.fail or sum(map(len, self.memory.values())) + size > self.room:
            return self.fail.get(name, cudaError_t.cudaErrorMemoryAllocation), None
        memory = ctypes.create_string_buffer(size)
        address = ctypes.addressof(memory)
        self.memory[address] = memory
        return *OK, address


class FakeTrt(ModuleType):
    """TensorRT. `reject` is how many engines are rejected, `enqueues` how many runs succeed."""

    __version__ = '10.0.1'

    def __init__(self, cuda):
        super().__init__('tensorrt')
        self.__spec__ = importlib.machinery.ModuleSpec('tensorrt', None)
        self.cuda = cuda
        self.reject, self.enqueues, self.builds = 0, 10**6, 0
        self.no_context = self.no_engine = self.not_a_number = False
        self.ILogger, self.IProgressMonitor = _Logger, _Monitor
        self.NetworkDefinitionCreationFlag = IntEnum('Flag', ['A', 'STRONGLY_TYPED'])
        self.TensorIOMode = IntEnum('TensorIOMode', ['NONE', 'INPUT', 'OUTPUT'])
        self.nptype = onnx.helper.tensor_dtype_to_np_dtype

    def Builder(self, logger):  # noqa: N802
        return _Builder(self, logger)

    def OnnxParser(self, network, logger):  # noqa: N802
        return _Parser(network)

    def Runtime(self, logger):  # noqa: N802
        return _Runtime(self, logger)


class _Logger:
    ERROR, INTERNAL_ERROR, WARNING = range(3)


class _Monitor:
    pass


class _Builder:
    def __init__(self, trt, logger):
        self.trt, self.logger = trt, logger

    def create_network(self, flags):
        assert flags == 1 << int(self.trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        return SimpleNamespace(model=None)

    def create_builder_config(self):
        return SimpleNamespace(progress_monitor=None)

    def build_serialized_network(self, network, config):
        self.trt.builds += 1
        monitor = config.progress_monitor
        monitor.phase_start('tactics', None, 2)
        assert all(monitor.step_complete('tactics', step) for step in range(2))
        monitor.phase_finish('tactics')
        self.logger.log(self.logger.WARNING, 'weights are small')
        if self.trt.no_engine:
            self.logger.log(self.logger.ERROR, 'no tactic fits')
            return None
        return network.model.SerializeToString()


class _Parser:
    num_errors = 1

    def __init__(self, network):
        self.network = network

    def parse_from_file(self, path):
        try:
            self.network.model = onnx.load(path)
        except Exception:
            return False
        return True

    def get_error(self, index):
        return 'node 0 is unknown'


class _Runtime:
    def __init__(self, trt, logger):
        self.trt, self.logger = trt, logger

    def deserialize_cuda_engine(self, content):
        if self.trt.reject:
            self.trt.reject -= 1
            self.logger.log(self.logger.ERROR, 'version tag does not match')
            return None
        return _Engine(self.trt, content)


class _Engine:
    def __init__(self, trt, content):
        self.trt, self.content = trt, content
        graph = onnx.load_from_string(content).graph
        self.inputs = [value.name for value in graph.input]
        self.types = {v.name: v.type.tensor_type for v in (*graph.input, *graph.output)}
        self.num_io_tensors = len(self.types)

    def get_tensor_name(self, index):
        return list(self.types)[index]

    def get_tensor_mode(self, name):
        modes = self.trt.TensorIOMode
        return modes.INPUT if name in self.inputs else modes.OUTPUT

    def get_tensor_dtype(self, name):
        return self.types[name].elem_type

    def get_tensor_shape(self, name):
        return [dim.dim_value for dim in self.types[name].shape.dim]

    def create_execution_context(self):
        return None if self.trt.no_context else _Context(self)


class _Context:
    def __init__(self, engine):
        self.engine, self.trt = engine, engine.trt
        self.session = onnxruntime.InferenceSession(engine.content)
        self.addresses = {}

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        if self.trt.enqueues == 0:
            return False
        self.trt.enqueues -= 1
        self.trt.cuda.queue(stream, self._execute)
        return True

    def _execute(self):
        outputs = [name for name in self.addresses if name not in self.engine.inputs]
        feed = {name: self._tensor(name) for name in self.engine.inputs}
        for name, values in zip(outputs, self.session.run(outputs, feed), strict=True):
            lost = self.trt.not_a_number and name == 'confidence'
            self._tensor(name)[:] = 0 if lost else values

    def _tensor(self, name):
        dtype = np.dtype(self.trt.nptype(self.engine.get_tensor_dtype(name)))
        shape = self.engine.get_tensor_shape(name)
        size = int(np.prod(shape)) * dtype.itemsize
        return self.trt.cuda.at(self.addresses[name], size).view(dtype).reshape(shape)
