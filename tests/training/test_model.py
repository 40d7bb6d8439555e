"""Models, their sizes and their FLOP."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bedplate_training import float8, flops, image_model, model
from bedplate_training.config import parse
from bedplate_training.errors import ConfigError
from bedplate_training.image_model import Vit, VitConfig
from bedplate_training.inference import Latency, generate
from bedplate_training.model import Gpt, GptConfig


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("size", model.SIZES)
def test_a_size_has_the_parameters_that_it_computes_and_that_its_name_says(size: str) -> None:
    config = GptConfig(size=size)
    with torch.device("meta"):
        made = Gpt(config)
    assert count(made) == config.parameters()
    named = float(size[:-1]) * {"m": 1e6, "b": 1e9}[size[-1]]
    assert config.parameters() == pytest.approx(named, rel=0.05)


@pytest.mark.parametrize("size", image_model.SIZES)
def test_an_image_size_has_the_parameters_that_it_computes(size: str) -> None:
    config = VitConfig(size=size)
    with torch.device("meta"):
        assert count(Vit(config)) == config.parameters()


def test_grouped_heads_gelu_and_an_own_head_are_counted() -> None:
    config = GptConfig(activation="gelu", key_heads=2, tied_embeddings=False)
    assert count(Gpt(config)) == config.parameters()


@pytest.mark.parametrize(
    "config", [GptConfig(), GptConfig(activation="gelu", key_heads=2, tied_embeddings=False), VitConfig()]
)
def test_flop_are_those_that_torch_counts(config: GptConfig | VitConfig) -> None:
    made: torch.nn.Module
    if isinstance(config, GptConfig):
        made, inputs = Gpt(config), torch.randint(0, config.vocabulary, (2, config.sequence_length))
        expected = 2 * config.sequence_length * flops.gpt_forward_flop_per_token(config)
    else:
        made, inputs = Vit(config), torch.randn(2, 3, 32, 32)
        expected = 2 * flops.vit_forward_flop_per_image(config)
    # The plain kernel: torch counts what flash attention does again in its backward pass.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward:
        output = made(inputs)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as backward:
        output.sum().backward()
    assert forward.get_total_flops() == expected
    # An image's first layer has no gradient to hand down.
    both = forward.get_total_flops() + backward.get_total_flops()
    assert both == pytest.approx(2 * flops.training_flop_per_sample(config), rel=0.01)


def test_a_token_does_not_see_those_after_it() -> None:
    made = Gpt(GptConfig(sequence_length=16))
    tokens = torch.randint(0, 256, (1, 16))
    other = tokens.clone()
    other[0, 9] = (other[0, 9] + 1) % 256
    with torch.no_grad():
        before, after = made(tokens), made(other)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.equal(before[:, 9:], after[:, 9:])


@pytest.mark.parametrize("key_heads", [4, 2])
def test_cached_generation_finds_what_the_whole_pass_finds(key_heads: int) -> None:
    torch.manual_seed(5)
    made = Gpt(GptConfig(key_heads=key_heads))
    # Far from the initial weights, where all logits are alike.
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(3)
    prompt = torch.randint(0, 256, (2, 7))
    found = generate(made, prompt, 5)
    line = prompt
    for _ in range(5):
        with torch.no_grad():
            line = torch.cat((line, made(line)[:, -1:].argmax(dim=-1)), dim=1)
    assert torch.equal(found, line[:, 7:])


def test_impossible_shapes_are_told_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(GptConfig, {"size": "custom", "vocabulary": 1, "sequenze_length": 4})
    text = str(caught.value)
    assert "vocabulary: got 1; allowed: a whole number at least 2" in text
    assert "did you mean sequence_length?" in text
    with pytest.raises(ConfigError, match=r"width: got 0.*\n.*layers: got 0.*\n.*heads: got 0"):
        parse(GptConfig, {"size": "custom"})
    with pytest.raises(ConfigError, match="heads: got 5; allowed: a divisor of the width 128"):
        parse(GptConfig, {"heads": 5})
    with pytest.raises(ConfigError, match="key_heads: got 3; allowed: a divisor of the heads 4"):
        parse(GptConfig, {"key_heads": 3})
    with pytest.raises(ConfigError, match="patch_size: got 5; allowed: a divisor of the image size 32"):
        parse(VitConfig, {"patch_size": 5})


def test_float8_is_refused_where_there_is_none() -> None:
    problem = float8.float8_problem(torch.device("cpu"))
    assert problem is not None
    assert "8.9" in problem.allowed
    assert "bfloat16" in problem.fix


def test_float8_products_are_close_to_exact_ones() -> None:
    torch.manual_seed(1)
    exact = torch.nn.Linear(64, 32, bias=False)
    low = torch.nn.ModuleDict({"layers": torch.nn.Sequential(torch.nn.Linear(64, 32, bias=False))})
    low["layers"][0].load_state_dict(exact.state_dict())  # type: ignore[operator]
    assert float8.to_float8(low) == 1
    x, y = torch.randn(16, 64, requires_grad=True), torch.randn(16, 64)
    y = x.detach().clone().requires_grad_()
    exact(x).square().sum().backward()
    low["layers"](y).float().square().sum().backward()
    for one, other in ((x.grad, y.grad), (exact.weight.grad, low["layers"][0].weight.grad)):  # type: ignore[index]
        assert one is not None
        assert other is not None
        assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten().float(), dim=0) > 0.99


def test_latency_percentiles_are_times_that_were_measured() -> None:
    latency = Latency.of([number / 100 for number in range(1, 101)])
    assert (latency.p50_seconds, latency.p95_seconds, latency.p99_seconds) == (0.50, 0.95, 0.99)
    assert Latency.of([0.2, 0.1]).p50_seconds == 0.1
