"""
Subcommands of `allennlp`.

AllenNLP finds those of other packages only where a file `.allennlp_plugins` in the working directory, or `~/.allennlp/plugins`,
has the line `lowresource_ner`. `--include-package` does not help: it is read after the name of the subcommand.
"""

from lowresource_ner.commands.check_archive import CheckArchiveCommand
from lowresource_ner.commands.compare_modules import CompareModules
from lowresource_ner.commands.configs import ConfigsCommand
from lowresource_ner.commands.cross_lingual import CrossLingualCommand
from lowresource_ner.commands.distil_encoder import DistilEncoderCommand
from lowresource_ner.commands.ner_table import NerTableCommand
from lowresource_ner.commands.pretrain_encoder import PretrainEncoderCommand
from lowresource_ner.commands.projection.align_words import AlignWordsCommand
from lowresource_ner.commands.projection.alignment_error_rate import AlignmentErrorRateCommand
from lowresource_ner.commands.projection.make_dictionary import MakeDictionaryCommand
from lowresource_ner.commands.projection.project_labels import ProjectLabelsCommand
from lowresource_ner.commands.projection.translate_labels import TranslateLabelsCommand
from lowresource_ner.commands.rank_sources import RankSourcesCommand
from lowresource_ner.commands.soft_labels import SoftLabelsCommand
from lowresource_ner.commands.tag import TagCommand

__all__ = [
    "AlignWordsCommand",
    "AlignmentErrorRateCommand",
    "CheckArchiveCommand",
    "CompareModules",
    "ConfigsCommand",
    "CrossLingualCommand",
    "DistilEncoderCommand",
    "MakeDictionaryCommand",
    "NerTableCommand",
    "PretrainEncoderCommand",
    "ProjectLabelsCommand",
    "RankSourcesCommand",
    "SoftLabelsCommand",
    "TagCommand",
    "TranslateLabelsCommand",
]
