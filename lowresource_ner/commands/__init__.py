from lowresource_ner.commands.compare_modules import CompareModules
from lowresource_ner.commands.soft_labels import SoftLabelsCommand

__all__ = ["CompareModules", "SoftLabelsCommand"]
