"""ONNX Runtime, with models that PyTorch exports."""

from functools import lru_cache
import logging

import onnxruntime
import torch

from bench import Row
from contenders import Contender, Ready, timed
from pytorch_peers import convertible, model

OPSET = 23  # the first with attention
logging.getLogger("torch.onnx").setLevel(logging.ERROR)


@lru_cache(maxsize=1)
def exported(row: Row) -> bytes:
    """Returns the row's model, for any number of threads."""
    prepared = convertible(row)
    program = torch.onnx.export(prepared, prepared.arguments, dynamo=True, opset_version=OPSET, verbose=False)
    return program.model_proto.SerializeToString()


class OnnxRuntime:
    """One session with inputs that stay where they are and an output that it allocates."""

    name = "ONNX Runtime"
    version = onnxruntime.__version__

    def ready(self, row: Row, threads: int) -> Ready:
        """Makes the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(exported(row), options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        for given, x in zip(session.get_inputs(), model(row).arguments, strict=True):
            binding.bind_cpu_input(given.name, x.numpy())
        binding.bind_output(session.get_outputs()[0].name)

        def result():
            session.run_with_iobinding(binding)
            return binding.copy_outputs_to_cpu()[0]

        return Ready(result, timed(lambda: session.run_with_iobinding(binding)))


PEERS: list[Contender] = [OnnxRuntime()]
