"""What nearly every command imports, for the server that commands are forked from (forked_python.py)."""

import sys

from allennlp.common.plugins import import_plugins
from transformers import MODEL_MAPPING

import lowresource_ner  # noqa: F401

import_plugins()
# The configurations of all models, which `AutoModel` imports when it looks for one.
MODEL_MAPPING.keys()
# AllenNLP has all of its entries looked through for each of its modules.
sys.path_importer_cache.clear()
