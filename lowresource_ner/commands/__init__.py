from lowresource_ner.commands.check_archive import CheckArchiveCommand
from lowresource_ner.commands.compare_modules import CompareModules
from lowresource_ner.commands.soft_labels import SoftLabelsCommand
from lowresource_ner.commands.tag import TagCommand

__all__ = ["CheckArchiveCommand", "CompareModules", "SoftLabelsCommand", "TagCommand"]
