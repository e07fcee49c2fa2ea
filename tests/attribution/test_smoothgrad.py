"""SmoothGrad against Captum, against itself in other chunks, and the network afterwards."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from captum.attr import NoiseTunnel, Saliency

from gala_viz.attribution.chunks import CHUNKS_HALVED, is_out_of_memory, run_in_chunks
from gala_viz.attribution.noise import noise_sigma, standard_normal
from gala_viz.attribution.smoothgrad import noisy_copies, smoothgrad_states
from gala_viz.specs import SmoothGradSpec
from tests.attribution.tiny import Bare, Tiny, one_input, tiny_network

SPEC = SmoothGradSpec(n_samples=12, noise_fraction=0.2, seed=5)


def run(network, spec=SPEC, values=None, **options):
    options = {"image": "cat", "target": 2, **options}
    return list(smoothgrad_states(network, one_input() if values is None else values, spec=spec, **options))


@pytest.mark.parametrize("threads", [1, 3])
def test_noise_belongs_to_its_sample_however_many_threads_draw(threads):
    values, before = np.zeros((3, 8, 9), np.float32), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        copies = noisy_copies(values, "cat", range(3, 10), 5, 2.0)
    finally:
        torch.set_num_threads(before)
    expected = [2 * standard_normal(5, "cat", sample, values.shape) for sample in range(3, 10)]
    np.testing.assert_array_equal(copies, expected)


def test_smoothgrad_equals_captums_noise_tunnel_given_the_same_noise(monkeypatch):
    network, values = tiny_network(), one_input()
    copies = noisy_copies(values, "cat", range(SPEC.n_samples), SPEC.seed, noise_sigma(values, SPEC.noise_fraction))
    monkeypatch.setattr(NoiseTunnel, "_add_noise_to_input", staticmethod(lambda *_: torch.from_numpy(copies)))
    theirs = NoiseTunnel(Saliency(network.logits)).attribute(
        torch.from_numpy(values)[None], nt_type="smoothgrad", nt_samples=SPEC.n_samples, target=2, abs=False
    )
    ours = run(network)[-1].mean
    assert np.abs(ours).max() > 1e-3
    np.testing.assert_allclose(ours, theirs[0].detach().numpy(), rtol=1e-5, atol=1e-6)


def test_smoothgrad_with_one_sample_and_no_noise_is_the_gradient():
    network, values = tiny_network(), one_input()
    batch = torch.from_numpy(values)[None].requires_grad_()
    (gradient,) = torch.autograd.grad(network.logits(batch)[0, 2], batch)
    state = run(network, SmoothGradSpec(n_samples=1, noise_fraction=0))[-1]
    np.testing.assert_allclose(state.mean, gradient[0].numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("chunk", [1, 3, 5, 50])
def test_maps_do_not_depend_on_how_samples_are_chunked(chunk):
    network = tiny_network()
    reference, state = run(network, chunk=4)[-1], run(network, chunk=chunk)[-1]
    assert state.n == SPEC.n_samples
    np.testing.assert_allclose(state.mean, reference.mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(state.standard_error, reference.standard_error, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(state.group_sums, reference.group_sums, rtol=1e-4, atol=1e-6)


def test_resuming_to_more_samples_gives_the_numbers_of_a_direct_run():
    network = tiny_network()
    first = run(network, SmoothGradSpec(n_samples=5, noise_fraction=0.2, seed=5))[-1]
    resumed = run(network, resume=first)
    direct = run(network)[-1]
    assert resumed[0].n > 5
    np.testing.assert_allclose(resumed[-1].mean, direct.mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(resumed[-1].standard_error, direct.standard_error, rtol=1e-4, atol=1e-7)
    assert first.n == 5, "the state that was resumed is left as it was"


@pytest.mark.parametrize(
    "change",
    [
        {"target": 1},
        {"spec": SmoothGradSpec(n_samples=20, noise_fraction=0.1)},
        {"spec": SmoothGradSpec(n_samples=2, noise_fraction=0.2)},
    ],
)
def test_resuming_something_else_is_refused(change):
    network = tiny_network()
    first = run(network)[-1]
    with pytest.raises(ValueError, match="a state can be resumed for the same image"):
        run(network, resume=first, **change)


def test_the_first_chunk_is_small_and_every_chunk_is_seen():
    assert [state.n for state in run(tiny_network(), chunk=5)] == [2, 7, 12]


def test_cancelling_stops_within_one_chunk_and_keeps_what_there_is():
    calls = iter([False, False, True])
    states = run(tiny_network(), chunk=3, cancelled=lambda: next(calls))
    assert [state.n for state in states] == [2, 5]
    assert np.isfinite(states[-1].standard_error).all()
    assert not states[-1].done


def test_standard_error_is_that_of_the_samples():
    network, values = tiny_network(), one_input()
    singles = np.stack(
        [
            run(network, SmoothGradSpec(n_samples=1, noise_fraction=0), values=copy)[-1].mean
            for copy in noisy_copies(values, "cat", range(12), 5, noise_sigma(values, 0.2))
        ]
    ).astype(np.float64)
    state = run(network)[-1]
    np.testing.assert_allclose(state.mean, singles.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(state.standard_error, singles.std(0, ddof=1) / np.sqrt(12), rtol=1e-4, atol=1e-7)


def test_one_sample_has_no_known_error():
    assert np.isnan(run(tiny_network(), SmoothGradSpec(n_samples=1))[-1].standard_error).all()


def test_the_network_is_given_back_as_it_was_found():
    module = Tiny().train()
    module.norm1.eval()
    module.conv2.weight.requires_grad_(False)
    flags = _flags(module)
    buffers = {name: value.clone() for name, value in module.state_dict().items()}
    run(Bare(module))
    assert _flags(module) == flags
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(torch.equal(value, buffers[name]) for name, value in module.state_dict().items())


def test_the_network_is_given_back_after_an_error_and_after_a_cancelled_run():
    module = Tiny().train()
    flags = _flags(module)
    with pytest.raises(Exception, match=r"target|index|out of"):
        run(Bare(module), target=99)
    assert _flags(module) == flags
    iterator = smoothgrad_states(Bare(module), one_input(), image="cat", target=0, spec=SPEC)
    next(iterator)
    assert _flags(module) == flags, "between two chunks the network is free"
    iterator.close()
    assert _flags(module) == flags


def test_gradients_that_a_training_loop_has_stay_as_they_are():
    module = Tiny().train()
    module(torch.randn(2, 3, 16, 16)).sum().backward()
    before = {name: parameter.grad.clone() for name, parameter in module.named_parameters()}
    run(Bare(module))
    assert all(torch.equal(parameter.grad, before[name]) for name, parameter in module.named_parameters())


def test_a_network_in_train_mode_gives_the_map_of_eval_mode():
    train, evaluated = Bare(Tiny().train()), Bare(Tiny().eval())
    np.testing.assert_allclose(run(train)[-1].mean, run(evaluated)[-1].mean, rtol=1e-6)


def test_two_threads_on_one_network_get_what_each_gets_alone():
    module = Tiny().train()
    flags, alone = _flags(module), [run(Bare(module), image=name)[-1].mean for name in ("a", "b")]
    together: dict[str, np.ndarray] = {}
    threads = [
        threading.Thread(
            target=lambda name=name: together.update({name: run(Bare(module), image=name, chunk=1)[-1].mean})
        )
        for name in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, reference in zip(("a", "b"), alone, strict=True):
        np.testing.assert_allclose(together[name], reference, rtol=1e-5, atol=1e-7)
    assert _flags(module) == flags


class Cramped(Bare):
    """A network on a device that holds three samples."""

    error: BaseException = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def logits(self, batch):
        if batch.shape[0] > 3:
            raise self.error
        return super().logits(batch)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        MemoryError(),
    ],
)
def test_when_memory_runs_out_chunks_are_halved_and_the_numbers_stay(error):
    network = Cramped(Tiny())
    network.error = error
    states = run(network, chunk=10)
    assert states[-1].n == SPEC.n_samples
    assert states[-1].note == CHUNKS_HALVED
    np.testing.assert_allclose(states[-1].mean, run(Bare(Tiny()))[-1].mean, rtol=1e-5, atol=1e-7)


def test_when_one_sample_does_not_fit_the_error_says_what_to_do():
    def full(_first, _last):
        raise torch.OutOfMemoryError("out")

    with pytest.raises(MemoryError, match="smaller input or network"):
        list(run_in_chunks(full, 0, 8, 4, lambda: False))


def test_other_errors_are_not_taken_for_memory():
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_what_is_kept_does_not_grow_with_the_number_of_samples():
    def size(state):
        return sum(array.nbytes for array in (state.mean, state.squares, state.group_sums, state.group_counts))

    sizes = {size(state) for state in run(tiny_network(), SmoothGradSpec(n_samples=40))}
    assert len(sizes) == 1


def _flags(module):
    return (
        [part.training for part in module.modules()],
        [parameter.requires_grad for parameter in module.parameters()],
        [getattr(part, "inplace", None) for part in module.modules()],
        [
            len(part._forward_hooks) + len(part._forward_pre_hooks) + len(part._backward_hooks)
            for part in module.modules()
        ],
    )
