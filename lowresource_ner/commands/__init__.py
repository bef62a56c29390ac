from lowresource_ner.commands.compare_modules import CompareModules

__all__ = ["CompareModules"]
