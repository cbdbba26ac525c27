"""OpenVINO, with models that it converts from PyTorch's."""

from functools import lru_cache

import openvino

from bench import Row
from contenders import Contender, Ready, timed
from pytorch_peers import convertible, model


@lru_cache(maxsize=1)
def converted(row: Row) -> openvino.Model:
    """Returns the row's model, for any number of threads."""
    prepared = convertible(row)
    shapes = [list(x.shape) for x in prepared.arguments]
    return openvino.convert_model(prepared, example_input=prepared.arguments, input=shapes)


class OpenVINO:
    """One request with inputs that stay where they are and an output that is the request's own."""

    name = "OpenVINO"
    version = openvino.__version__.split("-")[0]

    def ready(self, row: Row, threads: int) -> Ready:
        """Compiles the model: in float32, since on some processors the default is bfloat16."""
        settings = {
            "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY",
        }
        request = openvino.Core().compile_model(converted(row), "CPU", settings).create_infer_request()
        for index, x in enumerate(model(row).arguments):
            request.set_input_tensor(index, openvino.Tensor(x.numpy(), shared_memory=True))
        return Ready(lambda: request.infer()[0], timed(lambda: request.infer(share_outputs=True)))


PEERS: list[Contender] = [OpenVINO()]
