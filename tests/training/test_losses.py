import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from gala_viz.training.losses import attention_loss, distillation_loss, warmup_weight


def reference_attention_loss(norms, maps, has_map):
    """Science's formula, image by image and position by position."""
    total = 0.0
    for norm in norms.values():
        terms = []
        for image in np.flatnonzero(has_map):
            height, width = norm.shape[1:]
            rows, columns = maps.shape[1] // height, maps.shape[2] // width
            grid = np.zeros((height, width))
            for y in range(height):
                for x in range(width):
                    grid[y, x] = maps[image, y * rows : (y + 1) * rows, x * columns : (x + 1) * columns].mean()
            difference = grid / np.sqrt((grid**2).sum()) - norm[image] / np.sqrt((norm[image] ** 2).sum())
            terms.append(np.sqrt((difference**2).sum()))
        total += np.mean(terms)
    return total


@pytest.fixture
def batch():
    chance = np.random.default_rng(0)
    maps = chance.random((4, 12, 12), dtype=np.float32)
    norms = {"a": chance.random((4, 6, 6), dtype=np.float32), "b": chance.random((4, 3, 3), dtype=np.float32)}
    return norms, maps, np.array([True, False, True, True])


def tensors(norms, maps, has_map):
    return {name: torch.tensor(norm) for name, norm in norms.items()}, torch.tensor(maps), torch.tensor(has_map)


def test_attention_loss_equals_the_formula_written_as_a_loop(batch):
    assert attention_loss(*tensors(*batch)).item() == pytest.approx(reference_attention_loss(*batch), abs=1e-5)


def test_attention_loss_is_zero_where_the_norm_is_the_map_at_any_strength(batch):
    _, maps, has_map = batch
    norms = {"a": 3.7 * maps}
    assert attention_loss(*tensors(norms, maps, has_map)).item() == pytest.approx(0, abs=1e-3)


def test_images_without_a_map_do_not_move_the_attention_loss(batch):
    norms, maps, has_map = batch
    before = attention_loss(*tensors(norms, maps, has_map)).item()
    changed = {name: norm.copy() for name, norm in norms.items()}
    for norm in changed.values():
        norm[1] *= np.random.default_rng(5).random(norm[1].shape)
    assert attention_loss(*tensors(changed, maps, has_map)).item() == before


def test_a_batch_without_maps_gives_zero_and_a_gradient_of_zero(batch):
    norms, maps, _ = batch
    learning = {name: torch.tensor(norm, requires_grad=True) for name, norm in norms.items()}
    loss = attention_loss(learning, torch.tensor(maps), torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert all((norm.grad == 0).all() for norm in learning.values())


def test_a_map_without_mass_counts_as_no_map(batch):
    norms, maps, has_map = batch
    empty = maps.copy()
    empty[0] = 0
    without = has_map.copy()
    without[0] = False
    assert attention_loss(*tensors(norms, empty, has_map)).item() == pytest.approx(
        attention_loss(*tensors(norms, maps, without)).item()
    )


def test_the_gradient_stays_finite_where_map_and_norm_agree(batch):
    _, maps, has_map = batch
    norm = torch.tensor(maps, requires_grad=True)
    attention_loss({"a": norm}, torch.tensor(maps), torch.tensor(has_map)).backward()
    assert torch.isfinite(norm.grad).all()


def test_attention_loss_refuses_a_network_without_gala():
    with pytest.raises(ValueError, match="no GALA layer"):
        attention_loss({}, torch.zeros(1, 4, 4), torch.ones(1, dtype=torch.bool))


def test_category_loss_is_label_and_teacher_in_their_shares():
    chance = np.random.default_rng(1)
    logits, teacher = chance.normal(size=(3, 5)), chance.normal(size=(3, 5))
    labels = np.array([2, -1, 0])
    expected = []
    for row, label in enumerate(labels):
        student, wanted = log_softmax(logits[row] / 2), log_softmax(teacher[row] / 2)
        soft = 4 * (np.exp(wanted) * (wanted - student)).sum()
        share = 0.3 if label >= 0 else 0.0
        expected.append(share * -log_softmax(logits[row])[label] + (1 - share) * soft)
    found = distillation_loss(
        torch.tensor(logits), torch.tensor(labels), torch.tensor(teacher), temperature=2.0, label_share=0.3
    )
    assert found.item() == pytest.approx(np.mean(expected))


def test_a_student_that_is_the_teacher_has_no_loss_without_labels():
    logits = torch.randn(4, 7, generator=torch.Generator().manual_seed(0))
    none = torch.full((4,), -1)
    assert distillation_loss(logits, none, logits, temperature=3.0, label_share=0.5).item() == pytest.approx(
        0, abs=1e-6
    )


@pytest.mark.parametrize(("epoch", "expected"), [(0, 0.0), (0.5, 1.5), (2, 6.0), (9, 6.0)])
def test_lambda_rises_linearly_and_stays(epoch, expected):
    assert warmup_weight(6.0, epoch=epoch, warmup_epochs=2.0) == expected


def test_lambda_without_warmup_is_there_from_the_first_step():
    assert warmup_weight(6.0, epoch=0, warmup_epochs=0) == 6.0
