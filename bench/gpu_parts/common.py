# SPDX-License-Identifier: Apache-2.0
"""What the parts of bench/gpu share: processes that measure in turns, the clock of the card, its limits."""
import json
import os
import statistics
import subprocess
import tempfile

REFUSED = 77


class Skipped(Exception):
    """A part, or a peer, that cannot run here, and why."""


def module(name):
    """Imports what need not be there."""
    try:
        return __import__(name, fromlist=["_"])
    except Exception as error:  # a package may also break in its import, for want of a library
        raise Skipped(f"Python's {name} cannot be imported ({type(error).__name__}: {error})") from error


def median(values):
    return statistics.median(values)


def spread(values, digits=0):
    """'median (lowest to highest)'."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def run(command):
    """Runs a program; where it fails, `Skipped` with the end of what it printed."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    except OSError as error:
        raise Skipped(f"{command[0]} cannot be started: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-500:]
        raise Skipped(f"'{' '.join(map(str, command))}' ended with exit code {done.returncode}: {said}")
    return done


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class Requests:
    """A program of bench/cuda that measures one round for each line that it is sent."""

    def __init__(self, command):
        self.name = next(os.path.basename(word) for word in command if "bench_gpu_" in str(word))
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # it has ended by itself, with an error that is known already
            pass
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()

    def ask(self, words):
        try:
            self.process.stdin.write(words + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # what it says about that is read below
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.errors.seek(0)
        raise Skipped(f"{self.name} ended: {self.errors.read().strip()[-500:]}")


def card_milliseconds(torch, work, repeats=1):
    """Milliseconds of one `work`, by the clock of the card."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / repeats


def limits(torch, quick):
    """What the card copies and multiplies at best: bytes per second (read and written), bf16 operations per second."""
    size = 1 << (28 if quick else 30)
    source, target = torch.ones(size // 4, device="cuda"), torch.empty(size // 4, device="cuda")
    side = 4096 if quick else 8192
    # Random values: on zeros a card draws less power, and runs faster than on data.
    left, right = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    product = torch.empty_like(left)
    for _ in range(3):
        target.copy_(source)
        torch.mm(left, right, out=product)
    copies = [card_milliseconds(torch, lambda: target.copy_(source), 5) for _ in range(7)]
    products = [card_milliseconds(torch, lambda: torch.mm(left, right, out=product), 5) for _ in range(7)]
    return {"copy_bytes_per_second": 2e3 * size / median(copies),
            "bf16_flops_per_second": 2e3 * side**3 / median(products)}


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"
