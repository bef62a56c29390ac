from lowresource_ner.modules.distillation_losses.distillation_loss import DistillationLoss, SummedLoss
from lowresource_ner.modules.distillation_losses.hard_label_loss import HardLabelLoss
from lowresource_ner.modules.distillation_losses.kl_loss import KlLoss
from lowresource_ner.modules.distillation_losses.mse_loss import MseLoss
from lowresource_ner.modules.distillation_losses.soft_cross_entropy_loss import SoftCrossEntropyLoss

__all__ = ["DistillationLoss", "HardLabelLoss", "KlLoss", "MseLoss", "SoftCrossEntropyLoss", "SummedLoss"]
