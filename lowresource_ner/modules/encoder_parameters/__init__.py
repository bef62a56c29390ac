from lowresource_ner.modules.encoder_parameters.encoder_parameters import EncoderParameters, TaskAndDomain
from lowresource_ner.modules.encoder_parameters.parameter_generator import ParameterGenerator
from lowresource_ner.modules.encoder_parameters.shared_parameters import SharedParameters

__all__ = ["EncoderParameters", "ParameterGenerator", "SharedParameters", "TaskAndDomain"]
