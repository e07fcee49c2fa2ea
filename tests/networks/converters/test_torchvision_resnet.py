"""ResNets under torchvision's names: the same numbers as another library's, from any file that holds them."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from gala_viz.networks.converters.torchvision_resnet import TorchvisionResNet, infer_torchvision_arguments
from gala_viz.networks.network_folders import WeightsError
from gala_viz.networks.state_dict_files import read_state_dict

FORMS = {
    "resnet18": {"blocks": (2, 2, 2, 2), "bottleneck": False},
    "resnet50": {"blocks": (3, 4, 6, 3)},
    "resnext": {"blocks": (1, 2, 1, 1), "groups": 32, "group_width": 4},
    "wide": {"blocks": (1, 1, 1, 1), "group_width": 128},
}
PARAMETERS = {"resnet18": 11_689_512, "resnet50": 25_557_032}
"""As torchvision's documentation tells them, at 1000 categories."""


def shuffled(network: TorchvisionResNet) -> TorchvisionResNet:
    """With batch norms that are not the identity."""
    for name, values in network.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            values.normal_(0, 0.1)
    return network.eval()


@pytest.mark.parametrize("form", FORMS)
def test_the_architecture_is_read_from_the_weights(form):
    network = TorchvisionResNet(7, **FORMS[form])
    arguments = infer_torchvision_arguments({key: tuple(value.shape) for key, value in network.state_dict().items()})
    again = TorchvisionResNet(**arguments)
    again.load_state_dict(network.state_dict())
    assert arguments["blocks"] == FORMS[form]["blocks"]
    assert arguments["n_categories"] == 7


@pytest.mark.parametrize("form", PARAMETERS)
def test_there_are_as_many_parameters_as_published(form):
    with torch.device("meta"):
        network = TorchvisionResNet(1000, **FORMS[form])
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[form]


@pytest.mark.parametrize("bottleneck", [False, True])
def test_logits_are_those_of_another_librarys_resnet(bottleneck):
    transformers = pytest.importorskip("transformers")
    blocks = (1, 2, 1, 1)
    network = shuffled(TorchvisionResNet(5, blocks=blocks, bottleneck=bottleneck))
    sizes = [width * (4 if bottleneck else 1) for width in (64, 128, 256, 512)]
    config = transformers.ResNetConfig(
        depths=list(blocks),
        hidden_sizes=sizes,
        embedding_size=64,
        layer_type="bottleneck" if bottleneck else "basic",
        num_labels=5,
    )
    other = transformers.ResNetForImageClassification(config).eval()
    theirs = [key for key in other.state_dict() if "num_batches" not in key]
    ours = [key for key in network.state_dict() if "num_batches" not in key]
    order = sorted(ours, key=lambda key: (place(key), ours.index(key)))
    state = network.state_dict()
    other.load_state_dict({t: state[o] for t, o in zip(theirs, order, strict=True)}, strict=False)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network(images), other(pixel_values=images).logits, rtol=1e-4, atol=1e-4)


def place(key: str) -> tuple:
    """The other library keeps a block's shortcut before its branch."""
    parts = key.split(".")
    if not parts[0].startswith("layer"):
        return (99,) if parts[0] == "fc" else (0,)
    return int(parts[0][5:]), int(parts[1]), 0 if parts[2] == "downsample" else 1


@pytest.mark.parametrize("holder", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_weights_are_found_in_checkpoints_and_behind_prefixes(tmp_path, holder, prefix):
    state = {f"{prefix}fc.weight": torch.randn(3, 2), f"{prefix}fc.bias": torch.randn(3)}
    content = state if holder is None else {holder: state, "epoch": 3, "optimizer": {"lr": 0.1}}
    torch.save(content, tmp_path / "a.pth")
    found = read_state_dict(tmp_path / "a.pth")
    torch.testing.assert_close(found["fc.weight"], state[f"{prefix}fc.weight"])
    if holder is None:
        save_file(state, tmp_path / "a.safetensors")
        torch.testing.assert_close(read_state_dict(tmp_path / "a.safetensors")["fc.bias"], state[f"{prefix}fc.bias"])


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (self.trace, "w"))


def test_a_file_with_code_is_refused_before_anything_runs(tmp_path):
    trace = tmp_path / "trace"
    torch.save({"fc.weight": Trap(str(trace))}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"nothing in it was run: it asks for (io|_io)\.open"):
        read_state_dict(tmp_path / "a.pth")
    assert not trace.exists()


@pytest.mark.parametrize("unpickler", ["Unsupported global: GLOBAL a.b was", "Unsupported class a.b", "function a.b"])
def test_what_a_refused_file_needs_is_named_whatever_torch_calls_it(tmp_path, monkeypatch, unpickler):
    def refuse(*_, **__):
        raise pickle.UnpicklingError(unpickler)

    (tmp_path / "a.pth").write_bytes(b"anything")
    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(WeightsError, match=r"it asks for a\.b;"):
        read_state_dict(tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", bytes(200)])
def test_other_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        read_state_dict(tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="a dict of tensors"):
        read_state_dict(tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="not found"):
        read_state_dict(tmp_path / "gone.pth")


@pytest.mark.parametrize(
    "sizes",
    [{"blocks": (1, 1, 1)}, {"blocks": (1, 0, 1, 1)}, {"bottleneck": False, "groups": 2}, {"n_categories": 0}],
)
def test_sizes_that_make_no_network_are_told(sizes):
    with pytest.raises(ValueError, match=r"expected|only bottlenecks"):
        TorchvisionResNet(**sizes)
    with pytest.raises(ValueError, match="these weights do not"):
        infer_torchvision_arguments({"conv1.weight": (64, 3, 7, 7)})
