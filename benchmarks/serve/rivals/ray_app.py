"""An ingress that takes npy and gives npy, in two replicas, as SageMaker's Ray Serve images run one."""

import io
import os
import signal
import sys
import threading

import numpy as np
import onnxruntime
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response


@serve.deployment(num_replicas=2, max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
class Model:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

    async def __call__(self, request: Request):
        x = np.load(io.BytesIO(await request.body()), allow_pickle=False)
        (output,) = self.session.run(None, {"x": x})
        stream = io.BytesIO()
        np.save(stream, output)
        return Response(stream.getvalue(), media_type="application/x-npy")


ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
serve.run(Model.bind(), route_prefix="/invocations")
print("ready", flush=True)
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
ended.wait()
serve.shutdown()
ray.shutdown()
