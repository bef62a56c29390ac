from lowresource_ner.metrics.mean_loss import MeanLoss
from lowresource_ner.metrics.perplexity import WordPerplexity
from lowresource_ner.metrics.seqeval_f1 import SeqevalF1

__all__ = ["MeanLoss", "SeqevalF1", "WordPerplexity"]
