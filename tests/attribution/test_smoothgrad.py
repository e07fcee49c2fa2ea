"""SmoothGrad against Captum, against itself in other batches and other company, and the network afterwards."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from captum.attr import NoiseTunnel
from captum.attr import Saliency as CaptumSaliency

from gala_viz.attribution.gradients import Saliency
from gala_viz.attribution.packing import SMALLER_BATCHES, MapJob, is_out_of_memory, map_states, run_jobs
from gala_viz.attribution.smoothgrad import SmoothGrad
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.specs import SmoothGradSpec
from tests.attribution.tiny import Bare, Tiny, one_input, tiny_network
from tests.tiers import slow

SPEC = SmoothGradSpec(n_samples=12, noise_fraction=0.2, seed=5)


def run(network, spec=SPEC, values=None, **options):
    options = {"image": "cat", "target": 2, **options}
    return list(map_states(SmoothGrad(network, spec), one_input() if values is None else values, **options))


def noisy_copies(network, values, spec=SPEC, image="cat"):
    method = SmoothGrad(network, spec)
    copies = torch.empty((spec.n_samples, *values.shape))
    method.write_samples(copies, method.explained(values, image=image, target=0), 0)
    return copies


def test_a_copy_is_the_same_whatever_is_written_with_it():
    network, values = tiny_network(), one_input()
    together, method = noisy_copies(network, values), SmoothGrad(network, SPEC)
    for number in range(SPEC.n_samples):
        alone = torch.empty((1, *values.shape))
        method.write_samples(alone, method.explained(values, image="cat", target=1), number)
        assert torch.equal(alone[0], together[number])
    noise = (together - torch.from_numpy(values)) / method.sigma(values)
    assert abs(float(noise.std()) - 1) < 0.02


def test_smoothgrad_equals_captums_noise_tunnel_given_the_same_noise(monkeypatch):
    network, values = tiny_network(), one_input()
    copies = noisy_copies(network, values)
    monkeypatch.setattr(NoiseTunnel, "_add_noise_to_input", staticmethod(lambda *_: copies))
    theirs = NoiseTunnel(CaptumSaliency(network.logits)).attribute(
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


@pytest.mark.parametrize("batch_size", [1, 3, 5, 50])
def test_maps_do_not_depend_on_the_size_of_batches_beyond_rounding(batch_size):
    network = tiny_network()
    reference, state = run(network, batch_size=4)[-1], run(network, batch_size=batch_size)[-1]
    assert state.n == SPEC.n_samples
    np.testing.assert_allclose(state.mean, reference.mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(state.group_sums, reference.group_sums, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [5, *slow(2, 8)])
def test_with_batches_of_one_shape_a_map_is_the_same_to_the_last_bit_in_any_company(batch_size):
    network, spec = tiny_network(), SPEC
    inputs = {name: one_input(seed) for seed, name in enumerate("abcd")}
    alone = {
        name: run(network, values=values, image=name, batch_size=batch_size)[-1] for name, values in inputs.items()
    }
    for names in ("abcd", "dcab", "bd"):
        method = SmoothGrad(network, spec)
        jobs = (MapJob(method, inputs[name], image=name, target=2) for name in names)
        finished = [job.state() for job in run_jobs(jobs, batch_size=batch_size) if job.done]
        assert len(finished) == len(names)
        for name, state in zip(names, finished, strict=True):
            np.testing.assert_array_equal(state.mean, alone[name].mean)
            np.testing.assert_array_equal(state.group_sums, alone[name].group_sums)


@pytest.mark.parametrize("n", [1, 4, 5, 7, 11, 12])
def test_a_resumed_map_is_the_same_to_the_last_bit(n):
    network = tiny_network()
    first = run(network, SmoothGradSpec(n_samples=n, noise_fraction=0.2, seed=5))[-1]
    before = first.group_sums.copy()
    resumed = run(network, resume=first)
    direct = run(network)[-1]
    if resumed:
        assert resumed[0].n >= n
        np.testing.assert_array_equal(resumed[-1].mean, direct.mean)
        np.testing.assert_array_equal(resumed[-1].group_sums, direct.group_sums)
    np.testing.assert_array_equal(first.group_sums, before)
    assert first.n == n, "the state that was resumed is left as it was"


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


def test_every_batch_is_seen():
    assert [state.n for state in run(tiny_network(), batch_size=5)] == [5, 10, 12]


def test_cancelling_stops_within_one_batch_and_keeps_what_there_is():
    calls = iter([False, False, True])
    states = run(tiny_network(), batch_size=3, cancelled=lambda: next(calls))
    assert [state.n for state in states] == [3, 6]
    assert np.isfinite(monte_carlo_error(lambda mean: mean, states[-1])).all()
    assert not states[-1].done


def test_standard_error_is_that_of_the_means_of_ten_groups():
    network, values = tiny_network(), one_input()
    singles = np.stack(
        [
            run(network, SmoothGradSpec(n_samples=1, noise_fraction=0), values=copy)[-1].mean
            for copy in noisy_copies(network, values, SmoothGradSpec(n_samples=20, noise_fraction=0.2, seed=5)).numpy()
        ]
    ).astype(np.float64)
    state = run(network, SmoothGradSpec(n_samples=20, noise_fraction=0.2, seed=5))[-1]
    np.testing.assert_allclose(state.mean, singles.mean(0), rtol=1e-5, atol=1e-7)
    groups = (singles[:10] + singles[10:]) / 2
    np.testing.assert_allclose(
        monte_carlo_error(lambda mean: mean, state), groups.std(0, ddof=1) / np.sqrt(10), rtol=1e-3, atol=1e-7
    )


def test_one_sample_has_no_known_error():
    assert monte_carlo_error(lambda mean: mean, run(tiny_network(), SmoothGradSpec(n_samples=1))[-1]) is None


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
    iterator = map_states(SmoothGrad(Bare(module), SPEC), one_input(), image="cat", target=0)
    next(iterator)
    assert _flags(module) == flags, "between two batches the network is free"
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
            target=lambda name=name: together.update({name: run(Bare(module), image=name, batch_size=1)[-1].mean})
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
def test_when_memory_runs_out_batches_are_halved_and_the_numbers_stay(error):
    network = Cramped(Tiny())
    network.error = error
    states = run(network, batch_size=10)
    assert states[-1].n == SPEC.n_samples
    assert states[-1].note == SMALLER_BATCHES
    np.testing.assert_allclose(states[-1].mean, run(Bare(Tiny()))[-1].mean, rtol=1e-5, atol=1e-7)


def test_when_one_sample_does_not_fit_the_error_says_what_to_do():
    class Full(Bare):
        def logits(self, batch):
            raise torch.OutOfMemoryError("out")

    with pytest.raises(MemoryError, match="smaller input or network"):
        run(Full(Tiny()), batch_size=4)


def test_a_batch_has_at_least_one_sample():
    with pytest.raises(ValueError, match="at least one sample; got 0"):
        run(tiny_network(), batch_size=0)


def test_other_errors_are_not_taken_for_memory():
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_what_is_kept_does_not_grow_with_the_number_of_samples():
    def size(state):
        return state.mean.nbytes + state.group_sums.nbytes

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


def test_when_memory_runs_out_while_samples_are_added_every_map_is_finished_once(monkeypatch):
    method = Saliency(tiny_network())
    inputs = [one_input(seed) for seed in range(5)]
    expected = [list(map_states(method, values, image="a", target=2))[-1] for values in inputs]
    add, failed = MapJob.add, []

    def add_or_fail(job, values):
        if job.explained.image == "2" and not failed:
            failed.append(job)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        add(job, values)

    monkeypatch.setattr(MapJob, "add", add_or_fail)
    jobs = [MapJob(method, values, image=str(number), target=2) for number, values in enumerate(inputs)]
    finished = list(run_jobs(jobs, batch_size=4))
    assert [job.explained.image for job in finished] == ["0", "1", "2", "3", "4"]
    assert [job.note for job in finished] == [SMALLER_BATCHES] * 5
    for job, wanted in zip(finished, expected, strict=True):
        np.testing.assert_allclose(job.state().mean, wanted.mean, rtol=1e-5, atol=1e-7)


def test_a_stochastic_method_is_a_mean_over_its_samples():
    class Doubled(SmoothGrad):
        def finish(self, total, n, explained):
            return 2 * total / n

    with pytest.raises(TypeError, match="the mean over its samples"):
        MapJob(Doubled(tiny_network(), SPEC), one_input(), image="a", target=0)
