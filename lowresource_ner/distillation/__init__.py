from lowresource_ner.distillation.archive_teacher import ArchiveTeacher
from lowresource_ner.distillation.label_file_teacher import LabelFileTeacher
from lowresource_ner.distillation.language_independence import LanguageIndependence
from lowresource_ner.distillation.language_vectors import LanguageVectorsReader
from lowresource_ner.distillation.selection import Selection
from lowresource_ner.distillation.sentence_confidence import SentenceConfidence
from lowresource_ner.distillation.sentence_vectors import SentenceEncoder
from lowresource_ner.distillation.similarity_weights import SimilarityWeights
from lowresource_ner.distillation.teacher import Teacher
from lowresource_ner.distillation.teacher_labelled import TeacherLabelledReader
from lowresource_ner.distillation.teacher_vote import TeacherVote
from lowresource_ner.distillation.teacher_weights import GivenWeights, TeacherWeights, UniformWeights
from lowresource_ner.distillation.transformers_teacher import TransformersTeacher
from lowresource_ner.distillation.word_confidence import WordConfidence

__all__ = [
    "ArchiveTeacher",
    "GivenWeights",
    "LabelFileTeacher",
    "LanguageIndependence",
    "LanguageVectorsReader",
    "Selection",
    "SentenceConfidence",
    "SentenceEncoder",
    "SimilarityWeights",
    "Teacher",
    "TeacherLabelledReader",
    "TeacherVote",
    "TeacherWeights",
    "TransformersTeacher",
    "UniformWeights",
    "WordConfidence",
]
