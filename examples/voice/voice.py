"""Exports Silero's voice activity detector with an explicit state, and compares it with the original on a recording.

Run it from the project's root: .venv/bin/python examples/voice/voice.py RECORDING.wav
"""

import argparse
import sys
import wave
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

import edgekit

Samples = npt.NDArray[np.float32]

RATE, STEP, CONTEXT = 16_000, 512, 64  # samples per second, of a step, and of the context that a step needs
SPEECH = 0.5  # a step with at least this probability has speech
BOUND = 1e-5


class VoiceActivity(nn.Module):
    """One step of 32 ms. What the original keeps inside between calls goes in and comes out.

    samples [1, 512] at 16 kHz, context [1, 64] and state [2, 1, 128] of the last step, zeros at first
    to the probability of speech [1, 1], context and state.
    """

    def __init__(self, step: nn.Module) -> None:
        super().__init__()
        self.step = step

    def forward(
        self, samples: torch.Tensor, context: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = torch.cat([context, samples], 1)
        probability, state = self.step(x, state)
        return probability, x[:, -CONTEXT:], state


def original() -> torch.jit.ScriptModule:
    """The TorchScript of the package silero-vad, which keeps its state inside."""
    module: torch.jit.ScriptModule = torch.jit.load(str(files("silero_vad") / "data" / "silero_vad.jit"))
    return module.eval()


def export(output: Path) -> edgekit.ExportReport:
    """The package of one step, for recordings at 16 kHz."""
    step: nn.Module = original()._model
    inputs = {
        "samples": f"1x{STEP}:float32[-1,1]",
        "context": f"1x{CONTEXT}:float32[-1,1]",
        "state": "2x1x128:float32[-1,1]",
    }
    return edgekit.export(VoiceActivity(step).eval(), inputs, name="voice", output=output, server=False)


def recording(path: Path) -> Samples:
    """The samples of a mono WAV file of 16 bits, from -1 to 1 at 16 kHz."""
    with wave.open(str(path)) as file:
        rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
        if channels != 1 or width != 2 or rate % RATE:
            raise SystemExit(
                f"{path}: {channels} channels of {8 * width} bits at {rate} Hz; expected 1 of 16 bits at a multiple of {RATE} Hz."
            )
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768
    factor = rate // RATE
    samples = samples[: len(samples) // factor * factor].reshape(-1, factor).mean(1)
    silence = np.zeros(
        RATE // 2, dtype=np.float32
    )  # half a second before and after, so that there is something to detect
    return np.concatenate([silence, samples, silence])


def steps(samples: Samples) -> list[Samples]:
    return [samples[at : at + STEP][None] for at in range(0, len(samples) - STEP + 1, STEP)]


def of_original(samples: Samples) -> list[float]:
    """The probabilities of the original."""
    module = original()
    with torch.no_grad():
        return [float(module(torch.from_numpy(step), RATE)) for step in steps(samples)]


def of_package(package: Path, samples: Samples) -> list[float]:
    """The probabilities of the package: the outputs of a step are inputs of the next one."""
    loaded, found = edgekit.load(package), []
    context, state = np.zeros((1, CONTEXT), np.float32), np.zeros((2, 1, 128), np.float32)
    for step in steps(samples):
        outputs = loaded.run([step, context, state])
        probability, context, state = (outputs[str(index)].astype(np.float32) for index in range(3))
        found.append(float(probability[0, 0]))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path, help="a mono WAV file of 16 bits at 16, 32 or 48 kHz")
    parser.add_argument("--folder", type=Path, default=Path("build/mobile/voice"))
    options = parser.parse_args(arguments)
    package = export(options.folder / "voice.ptl").package
    samples = recording(options.recording)
    expected, found = of_original(samples), of_package(package, samples)
    error = max(abs(a - b) for a, b in zip(expected, found, strict=True))
    speech = sum(probability >= SPEECH for probability in found)
    print(
        f"{package}: speech in {speech} of {len(found)} steps of 32 ms; largest difference from the original {error:.1e}"
    )
    return 0 if error <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
