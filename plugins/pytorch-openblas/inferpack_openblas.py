"""Lets OpenBLAS compute in FP32 what torch would give to oneDNN or NNPACK.

torch calls `start` whenever it is imported (its entry points "torch.backends"), so it holds for all
programs of an image; no environment variable switches oneDNN's convolutions off. Who wants oneDNN
back sets TORCH_DEVICE_BACKEND_AUTOLOAD=0, or torch.backends.mkldnn.enabled.
"""


def start() -> None:
    import torch  # noqa: PLC0415 - torch imports this module

    torch.backends.mkldnn.set_flags(False)
    torch.backends.nnpack.set_flags(False)
