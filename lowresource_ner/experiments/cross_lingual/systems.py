"""The systems that can be compared, by name. Adding a system of students takes a line here and a training config."""

from dataclasses import dataclass
from typing import List

TEACHER = "teacher"
R_DROP = "teacher_rdrop"
ADVERSARIAL = "adversarial"

DIRECT = {"mt": TEACHER, "mt-rdrop": R_DROP, "adversarial": ADVERSARIAL}
"""Direct model transfer: the config of a tagger that is trained on the source and evaluated on the target."""


@dataclass(frozen=True)
class Student:
    """A student of one teacher: its config, its teacher's config, and whether a discriminator selects its text."""

    config: str
    teacher: str = TEACHER
    selected: bool = False


STUDENTS = {
    "hl": Student("student_hard"),
    "ts": Student("student_soft"),
    "ts-rdrop": Student("student_soft", teacher=R_DROP),
    "consistent": Student("student_consistent"),
    "ts-selected": Student("student_selected", selected=True),
    "selected": Student("student_selected", teacher=ADVERSARIAL, selected=True),
}

UNIFORM = "uniform"
WEIGHTS = [
    UNIFORM,
    *(f"{measure}{level}" for level in ("", "-sentence") for measure in ("learned", "cosine", "l1", "l2")),
]
"""The teachers' weights for students of several teachers, one for each source."""

VOTING = "voting"
"""The mean of the teachers, without a student."""

ONE_SOURCE = [*DIRECT, *STUDENTS]
SEVERAL_SOURCES = [VOTING, *WEIGHTS]


def default_systems(num_sources: int) -> List[str]:
    return ["mt", "hl", "ts", "selected"] if num_sources == 1 else ["mt", "ts", VOTING, UNIFORM, "learned"]
