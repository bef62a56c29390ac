"""What a command imports before its work begins, by names (benchmarks/startup.py has the seconds), and what it then lacks not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from allennlp.common.plugins import import_plugins
from conftest import REPOSITORY
from support.registered_names import registered_names

OURS = """
import sys
import allennlp.commands
from allennlp.common.util import import_module_and_submodules

import_module_and_submodules("allennlp", exclude={"allennlp.sanity_checks", "allennlp.tools"})  # as for any command
before = set(sys.modules)
import lowresource_ner

print(*sorted(set(sys.modules) - before), sep="\\n")
"""

# Runs `lowresource-ner`, which shows its help, and then what needs torchvision.
IMAGES = """
import json, sys
import lowresource_ner_command
from support.registered_names import registered_names

def say(*what):
    print(json.dumps([*what, "torchvision.transforms" in sys.modules]))

sys.argv = ["lowresource-ner"]
lowresource_ner_command.main()
print("The end of the help.")
say(registered_names(), "torch._dynamo" in sys.modules)

from allennlp.data.image_loader import ImageLoader
from PIL import Image

Image.new("RGB", (4, 6), (255, 0, 0)).save("red.png")
image, size = ImageLoader.by_name("torch")(resize=False, normalize=False)("red.png")
say(size.tolist(), image[:, 0, 0].tolist())

import torch
import torchvision.ops.boxes

boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.1], [5.0, 5.0, 6.0, 6.0]])
say(torchvision.ops.boxes.nms(boxes, torch.tensor([0.5, 0.6, 0.1]), 0.5).tolist(), torchvision.models.resnet18.__name__)
"""


def lines_of(program: str, folder: Path = REPOSITORY) -> List[str]:
    paths = [str(REPOSITORY), str(REPOSITORY / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.slow
def test_this_package_adds_next_to_nothing_to_what_allennlp_imports() -> None:
    added = [name for name in lines_of(OURS) if not name.startswith("lowresource_ner")]
    expected = ("seqeval", "transformers.models.auto.", "transformers.models.encoder_decoder.")
    assert [name for name in added if not name.startswith(expected)] == []


@pytest.mark.slow
def test_the_command_of_this_package_needs_no_plugins_file_and_defers_torchvision(tmp_path) -> None:
    """Away from the repository. All that AllenNLP registers is there, and images can be read as soon as they are."""
    lines = lines_of(IMAGES, tmp_path)
    end = lines.index("The end of the help.")
    shown = "\n".join(lines[:end])
    assert shown.startswith("usage: lowresource-ner") and "soft-labels" in shown and "find-lr" in shown
    (names, *read), image, boxes = map(json.loads, lines[end + 1 :])
    assert read == [False, False], "torch's compiler and torchvision"
    import_plugins()
    assert names == registered_names()
    assert image == [[6, 4], [pytest.approx(255 / 256), 0.0, 0.0], True]
    assert boxes == [[1, 2], "resnet18", True]
