from lowresource_ner.modules.lstm_parameters.lstm_parameters import LstmParameters, TaskAndDomain
from lowresource_ner.modules.lstm_parameters.parameter_generator import ParameterGenerator
from lowresource_ner.modules.lstm_parameters.shared_parameters import SharedParameters

__all__ = ["LstmParameters", "ParameterGenerator", "SharedParameters", "TaskAndDomain"]
