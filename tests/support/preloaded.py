"""What nearly every command imports, for the server that commands are forked from (forked_python.py)."""

import support.imported_once  # noqa: F401
from allennlp.common import plugins
from transformers import MODEL_MAPPING

import lowresource_ner  # noqa: F401

plugins.import_plugins()
# The configurations of all models, which `AutoModel` imports when it looks for one.
MODEL_MAPPING.keys()
