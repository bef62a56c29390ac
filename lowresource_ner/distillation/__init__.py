from lowresource_ner.distillation.selections.confidence import Confidence
from lowresource_ner.distillation.selections.language_independence import LanguageIndependence
from lowresource_ner.distillation.selections.neighbour_consistency import NeighbourConsistency
from lowresource_ner.distillation.selections.selection import Selection
from lowresource_ner.distillation.teacher_labelled import TeacherLabelledReader
from lowresource_ner.distillation.teacher_vote import TeacherVote
from lowresource_ner.distillation.teachers.archive_teacher import ArchiveTeacher
from lowresource_ner.distillation.teachers.label_file_teacher import LabelFileTeacher
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.teachers.transformers_teacher import TransformersTeacher
from lowresource_ner.distillation.weights.language_vectors import LanguageVectorsReader
from lowresource_ner.distillation.weights.sentence_vectors import SentenceEncoder
from lowresource_ner.distillation.weights.similarity_weights import SimilarityWeights
from lowresource_ner.distillation.weights.teacher_weights import GivenWeights, TeacherWeights, UniformWeights
from lowresource_ner.distillation.word_encoder import WordEncoder

__all__ = [
    "ArchiveTeacher",
    "Confidence",
    "GivenWeights",
    "LabelFileTeacher",
    "LanguageIndependence",
    "LanguageVectorsReader",
    "NeighbourConsistency",
    "Selection",
    "SentenceEncoder",
    "SimilarityWeights",
    "Teacher",
    "TeacherLabelledReader",
    "TeacherVote",
    "TeacherWeights",
    "TransformersTeacher",
    "UniformWeights",
    "WordEncoder",
]
