"""Cross-domain NER by a parameter generation network."""

from typing import Any, Dict, List, Optional, Union

import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder
from allennlp.nn import InitializerApplicator, RegularizerApplicator
from allennlp.nn.util import get_text_field_mask
from allennlp.training.metrics import Average, Metric

from lowresource_ner.metrics import SeqevalF1
from lowresource_ner.models.counted_sentences import counted_sentences
from lowresource_ner.models.heads import LanguageModelHead, ModuleHead, TaggingHead
from lowresource_ner.models.module_config import ModuleConfig, check_names
from lowresource_ner.models.readable_tags import readable_tags
from lowresource_ner.models.warm_start import TokenAxes, tag_axes, warm_start
from lowresource_ner.modules.character_cnn import CharacterCnn
from lowresource_ner.modules.contextual import contextual_embedders
from lowresource_ner.modules.generated_lstm import GeneratedLstm
from lowresource_ner.modules.lstm_parameters import LstmParameters, ParameterGenerator, TaskAndDomain
from lowresource_ner.modules.word_vectors import WordVectors
from lowresource_ner.tagging.tag_schemes import get_scheme


@Model.register("pgn_bilstm_crossdomain")
class PgnBilstmCrossdomain(Model):
    """
    NER and language modelling in several domains, each a module: word vectors, a BiLSTM whose weights are generated from the
    embeddings of the module's task and domain, and a head (Jia, Liang and Zhang 2019).

    A batch belongs to one module, which the `multitask` reader names in the field `task`. Without that field it is of
    `default_module`, which is what `allennlp evaluate` and `predict` give; for another domain override `model.default_module`.
    In evaluation, a batch that has words to predict (`lm_words`) is also read by the language model of its domain.

    A module need not be trained: its LSTM is generated from what others have taught its task and its domain, and read out by
    the head that the config gives it. That is how a domain without labels is tagged.

    Registered as a `Model` with name "pgn_bilstm_crossdomain".

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
        Word representations, shared by all modules. With a language model among the modules, each must depend on its word
        alone.
    encoder : `Lazy[GeneratedLstm]`
        The LSTM's shape, such as `{"hidden_size": 100}` (each direction).
    tasks, domains : `List[str]`
    heads : `Dict[str, Lazy[ModuleHead]]`
        By names of your own.
    modules : `Dict[str, ModuleConfig]`
        By names of your own, `{task}_{domain}` by custom.
    default_module : `str`
    lstm_parameters : `Lazy[LstmParameters]`, optional (default = `parameter_generator`)
        "parameter_generator", or "shared" for one LSTM for all modules.
    unlabelled_domains : `Optional[List[str]]`
        Domains that must not be trained with labels.
    dropout : `float`, optional (default = `0.5`)
        On the word vectors and on the LSTM's states.
    tag_scheme : `str`, optional (default = `"IOBES"`)
        Of the readers' tags.
    metric : `Lazy[Metric]`, optional (default = `seqeval_f1` in its default mode)
    pretrained_file : `Optional[str]`
        An archive of this model to continue from: every weight of the same name is taken over, word vectors, characters and
        softmax by words, heads by tags. AllenNLP takes no notice of it when it loads an archive.
    initializer, regularizer
        AllenNLP's.

    # Raises

    `ConfigurationError`
        Where modules name a task, domain or head that is not there, labels of a shared head differ, or a language model
        would read vectors or states that have seen the words it predicts.
    """

    default_predictor = "ner"

    temperature: torch.Tensor

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        encoder: Lazy[GeneratedLstm],
        tasks: List[str],
        domains: List[str],
        heads: Dict[str, Lazy[ModuleHead]],
        modules: Dict[str, ModuleConfig],
        default_module: str,
        lstm_parameters: Lazy[LstmParameters] = Lazy(ParameterGenerator),  # noqa: B008  AllenNLP's way of a default
        unlabelled_domains: Optional[List[str]] = None,
        dropout: float = 0.5,
        tag_scheme: str = "IOBES",
        metric: Lazy[Metric] = Lazy(SeqevalF1),  # noqa: B008
        pretrained_file: Optional[str] = None,
        initializer: Optional[InitializerApplicator] = None,
        regularizer: Optional[RegularizerApplicator] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, regularizer, **kwargs)
        check_names(tasks, domains, list(heads), modules, default_module, unlabelled_domains or [])
        self.tag_scheme = get_scheme(tag_scheme)
        self.module_configs = modules
        self.default_module = default_module
        self.unlabelled_domains = list(unlabelled_domains or [])
        self._embedder = text_field_embedder
        self._dropout = torch.nn.Dropout(dropout)
        self._encoder = encoder.construct(input_size=text_field_embedder.get_output_dim())
        self.lstm_parameters = lstm_parameters.construct(
            tasks=tasks,
            domains=domains,
            num_parameters=self._encoder.num_parameters,
            hidden_size=self._encoder.hidden_size,
        )
        self._heads = torch.nn.ModuleDict({name: self._construct_head(name, head) for name, head in heads.items()})
        self._check_blindness()
        default_head = self._head(default_module)
        if not isinstance(default_head, TaggingHead):
            raise ConfigurationError(
                f"'default_module' is '{default_module}', which is no tagger but a language model."
            )
        self.labels = default_head.labels
        self.register_buffer("temperature", torch.ones(()))
        self._metrics: Dict[str, Metric] = {
            name: self._head(name).new_metric(metric, module.label_namespace) for name, module in modules.items()
        }
        self._losses = {name: Average() for name in modules}
        self.gradient_norms = {name: Average() for name in modules}
        if initializer is not None:
            initializer(self)
        if pretrained_file is not None:
            warm_start(self, pretrained_file, self._token_axes())

    def module(self, name: str) -> TaskAndDomain:
        """
        The task and the domain of a module.

        # Raises

        `ConfigurationError`
            Where the model has no such module.
        """
        if name not in self.module_configs:
            raise ConfigurationError(
                f"The model has no module '{name}'; it has {', '.join(self.module_configs)}. Name the data as the model's "
                "'modules' are named."
            )
        return TaskAndDomain(self.module_configs[name].task, self.module_configs[name].domain)

    def learns_tags(self, name: str) -> bool:
        """Whether a module is trained on labels."""
        return isinstance(self._head(name), TaggingHead)

    def forward(
        self,
        tokens: TextFieldTensors,
        tags: Optional[torch.Tensor] = None,
        lm_words: Optional[TextFieldTensors] = None,
        task: Optional[List[str]] = None,
        metadata: Optional[List[Dict[str, Any]]] = None,
    ) -> Dict[str, Any]:
        """
        # Parameters

        tokens : `TextFieldTensors`
        tags : `torch.Tensor`, optional
            (batch_size, num_words), in the label namespace of the batch's module.
        lm_words : `TextFieldTensors`, optional
            The words as the language model predicts them.
        task : `List[str]`, optional
            The module of each sentence, the same for all; without it, `default_module`.
        metadata : `List[Dict[str, Any]]`, optional
            Of each sentence; "words" is passed on to the output, and "label_namespace" is that of the tags; without it, that of
            the module.

        # Returns

        module : its name; loss : scalar, the sum over the batch divided by its sentences; mask : (batch_size, num_words);
        for a tagger logits : (batch_size, num_words, num_tags); words, where there is metadata.
        """
        name = self._name(task)
        mask = get_text_field_mask(tokens)
        targets = {"tags": tags, "lm_words": None if lm_words is None else lm_words["lm_words"]["tokens"]}
        vectors = self._embedder(tokens)
        output: Dict[str, Any] = {"module": name, "mask": mask}
        namespace = (metadata or [{}])[0].get("label_namespace")
        rows = counted_sentences(metadata)
        output.update(self._read(name, vectors, mask, targets, rows, namespace))
        if not self.training and targets["lm_words"] is not None:
            for other in self._language_models_beside(name):
                self._read(other, vectors, mask, targets, rows)
        if metadata is not None:
            output["words"] = [sentence["words"] for sentence in metadata]
        return output

    def make_output_human_readable(self, output_dict: Dict[str, Any]) -> Dict[str, Any]:
        """What `readable_tags` says, for a tagger; and "module" for each sentence."""
        name = output_dict.get("module", self.default_module)
        head = self._head(name)
        if isinstance(head, TaggingHead):
            output_dict.update(
                readable_tags(
                    head.tagger, self.tag_scheme, output_dict["logits"], output_dict["mask"], self.temperature
                )
            )
        # A name is as long as some batches, which AllenNLP would then cut it into.
        output_dict["module"] = [name] * len(output_dict["mask"])
        return output_dict

    def distributions(self, output_dict: Dict[str, Any]) -> torch.Tensor:
        """(batch_size, num_words, num_tags): of what `readable_tags` says of a tagger's output the "distributions" alone."""
        head = self._head(output_dict["module"])
        assert isinstance(head, TaggingHead)
        return head.tagger.probabilities(output_dict["logits"], output_dict["mask"], self.temperature)

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        """
        The default module's scores by their own names ("f1", "f1-PER"), those of others behind the module's name
        ("ner_source_f1", "lm_target_perplexity"). In training, for each module its mean loss ("ner_source_loss",
        "lm_source_sampled_loss") and, from the callback `module_updates`, the mean norm of the gradient at its LSTM's weights
        ("ner_source_gradient_norm").
        """
        scores: Dict[str, float] = {}
        for name, metric in self._metrics.items():
            prefix = "" if name == self.default_module else f"{name}_"
            values: Dict[str, float] = metric.get_metric(reset)
            scores.update({prefix + key: value for key, value in values.items()})
        for name in self.module_configs:
            for what, average in (
                (self._head(name).loss_name, self._losses[name]),
                ("gradient_norm", self.gradient_norms[name]),
            ):
                if average._count:
                    scores[f"{name}_{what}"] = average.get_metric(reset)
        return scores

    def calibration_loss(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        """- log p(tags) of the default module at a temperature, summed over the batch; see `temperature_scaling`."""
        head = self._head(self.default_module)
        assert isinstance(head, TaggingHead)
        tags = head.as_head(tags, self.module_configs[self.default_module].label_namespace)
        return head.tagger.negative_log_likelihood(logits, tags, mask, temperature)

    def _read(
        self,
        name: str,
        vectors: torch.Tensor,
        mask: torch.Tensor,
        targets: Dict[str, Optional[torch.Tensor]],
        rows: Union[slice, List[int]],
        namespace: Optional[str] = None,
    ) -> Dict[str, Any]:
        """One module's output for a batch, its loss, and the metric of the rows that count."""
        head = self._head(name)
        namespace = namespace or self.module_configs[name].label_namespace
        gold = targets[head.target_field]
        states = self._encoder(self._dropout(vectors), mask, self.lstm_parameters.of(self.module(name)))
        states = self._dropout(states)
        output = head(states, mask, gold, namespace)
        if gold is not None:
            if not self.training and len(mask[rows]):
                counted = output if isinstance(rows, slice) else head(states[rows], mask[rows], gold[rows], namespace)
                head.measure(self._metrics[name], counted, mask[rows], gold[rows], namespace)
            # Jia et al. as released: sums over the batch, divided by its sentences.
            output["loss"] = output["loss"] / len(mask)
            if self.training:
                self._losses[name](output["loss"].detach())
        return output

    def _name(self, task: Optional[List[str]]) -> str:
        names = sorted(set(task or [self.default_module]))
        if len(names) > 1:
            raise ConfigurationError(
                f"A batch holds sentences of several modules: {', '.join(names)}. In training use the scheduler "
                "'one_batch_per_module'; validate on one module's files."
            )
        self.module(names[0])
        return names[0]

    def _head(self, name: str) -> ModuleHead:
        head = self._heads[self.module_configs[name].head]
        assert isinstance(head, ModuleHead)
        return head

    def _construct_head(self, name: str, head: Lazy[ModuleHead]) -> ModuleHead:
        namespaces = [module.label_namespace for module in self.module_configs.values() if module.head == name]
        return head.construct(
            vocab=self.vocab,
            input_dim=self._encoder.get_output_dim(),
            label_namespaces=namespaces,
            tag_scheme=self.tag_scheme.name,
        )

    def _language_models_beside(self, name: str) -> List[str]:
        """The language models of a module's domain."""
        domain = self.module_configs[name].domain
        return [
            other
            for other, module in self.module_configs.items()
            if other != name and module.domain == domain and isinstance(self._head(other), LanguageModelHead)
        ]

    def _token_axes(self) -> Dict[str, TokenAxes]:
        """The weights that run over words, characters and tags."""
        axes: Dict[str, TokenAxes] = {}
        for name, part in self.named_modules():
            if isinstance(part, WordVectors):
                axes[f"{name}.weight"] = TokenAxes(part.namespace)
            elif isinstance(part, CharacterCnn):
                axes[f"{name}.embedding.weight"] = TokenAxes(part.namespace)
            elif isinstance(part, LanguageModelHead):
                # The softmax has no padding. Its two weights are modules of their own where they are sparse.
                for weight in ("softmax_w", "softmax_b", "softmax_w.weight", "softmax_b.weight"):
                    axes[f"{name}.model.softmax.{weight}"] = TokenAxes(part.namespace, first=1)
            elif isinstance(part, TaggingHead):
                axes.update(tag_axes(part.leading_namespace, f"{name}.projection", f"{name}.tagger"))
        return axes

    def _check_blindness(self) -> None:
        """No direction of a language model may have seen the word that it predicts."""
        blind = [name for name in self.module_configs if not self._head(name).reads_ahead]
        if not blind:
            return
        seeing = contextual_embedders(self._embedder)
        if seeing:
            raise ConfigurationError(
                f"The language model {blind[0]} would read word vectors that have seen the word it predicts: {', '.join(seeing)} "
                "gives contextual vectors. Leave the language models out, or this embedder. (An embedder of your own whose "
                "vectors depend on their words alone says so with the class attribute 'contextual = False'.)"
            )
        if not self._encoder.directions_are_separate:
            raise ConfigurationError(
                f"The language model {blind[0]} would read states that have seen the word it predicts: with several layers the "
                "encoder needs 'separate_directions': true."
            )
