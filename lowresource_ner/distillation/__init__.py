from lowresource_ner.distillation.archive_teacher import ArchiveTeacher
from lowresource_ner.distillation.label_file_teacher import LabelFileTeacher
from lowresource_ner.distillation.teacher import Teacher
from lowresource_ner.distillation.teacher_labelled import TeacherLabelledReader
from lowresource_ner.distillation.teacher_weights import GivenWeights, TeacherWeights, UniformWeights
from lowresource_ner.distillation.transformers_teacher import TransformersTeacher

__all__ = [
    "ArchiveTeacher",
    "GivenWeights",
    "LabelFileTeacher",
    "Teacher",
    "TeacherLabelledReader",
    "TeacherWeights",
    "TransformersTeacher",
    "UniformWeights",
]
