"""The base class of models for cross-domain NER, with encoder weights that are generated for each task and domain."""

from typing import Any, ContextManager, Dict, List, Mapping, Optional, Sequence, Union

import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.modules import TextFieldEmbedder
from allennlp.nn import InitializerApplicator, RegularizerApplicator
from allennlp.nn.util import get_text_field_mask
from allennlp.training.metrics import Metric

from lowresource_ner.metrics import SeqevalF1
from lowresource_ner.models.branch import Branch
from lowresource_ner.models.counted_sentences import counted_sentences
from lowresource_ner.models.heads import ModuleHead, SoftTargets, TaggingHead
from lowresource_ner.models.module_config import ModuleConfig, check_names
from lowresource_ner.models.tagger import Tagger
from lowresource_ner.models.warm_start import warm_start
from lowresource_ner.modules.contextual import check_language_model_inputs
from lowresource_ner.modules.encoder_parameters import EncoderParameters, ParameterGenerator, TaskAndDomain
from lowresource_ner.modules.generated_lstm import GeneratedLstm
from lowresource_ner.modules.tag_heads import TagHead
from lowresource_ner.modules.token_axes import token_axes_of
from lowresource_ner.modules.transformer_adapters import TransformerAdapters


class CrossDomainTagger(Tagger):
    """
    NER and language modelling in several domains: words as vectors, an encoder whose weights are generated from the embeddings
    of a task and a domain, and a head (Jia, Liang and Zhang 2019, P19-1236). A task in a domain with its head is called a module
    in configs, and a `Branch` in the code.

    Each batch belongs to one module. The data loader `one_batch_per_module` names it in the field `module_name`; batches without
    that field belong to `default_module`. So `allennlp evaluate` and `predict` tag the domain of the default module; override
    `model.default_module` for another domain. In evaluation, the language model of a batch's domain is evaluated on it as well,
    if it has words to predict (`lm_words`).

    A module need not be trained. Its encoder is then generated from the embeddings of its task and its domain, which other
    modules have trained, and used with the head that the config names. This is how a domain without labels is tagged. Or the
    module learns from the soft labels of teachers, which the reader `teacher_labelled` adds to raw text.

    Subclasses set `parameters_name`, and define `_states` and, if their encoder does not read vectors, `_inputs`.

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
        Word representations, whose own weights are shared by all modules.
    encoder : `Union[GeneratedLstm, TransformerAdapters]`
        Passed by the subclass.
    encoder_parameters : `Lazy[EncoderParameters]`
        Passed by the subclass.
    tasks, domains : `List[str]`
    heads : `Dict[str, Lazy[ModuleHead]]`
        By names of your choice.
    modules : `Dict[str, ModuleConfig]`
        By names of your choice, by convention `{task}_{domain}`.
    default_module : `str`
    unlabelled_domains : `Optional[List[str]]`
        Domains that must not be trained with gold labels. Soft labels of teachers are allowed.
    dropout : `float`, optional (default = `0.5`)
        On the encoder's states, and on the vectors that an LSTM reads.
    tag_scheme : `str`, optional (default = `"IOBES"`)
        The scheme of the readers' tags.
    metric : `Lazy[Metric]`, optional (default = `seqeval_f1` in its default mode)
    pretrained_file : `Optional[str]`
        An archive of this model to initialise the model from. Weights of the same name are copied: word vectors and softmax word
        by word, characters one by one, heads tag by tag. AllenNLP ignores it when it loads the model from its own archive.
    initializer, regularizer
        See `allennlp.models.Model`.

    # Raises

    `ConfigurationError`
        If a module refers to an unknown task, domain or head, modules with different labels share a head, or the input of a
        language model depends on the words that it predicts.
    """

    parameters_name: str
    """The name of the encoder's parameters in configs and in the names of weights."""

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        encoder: Union[GeneratedLstm, TransformerAdapters],
        tasks: List[str],
        domains: List[str],
        heads: Dict[str, Lazy[ModuleHead]],
        modules: Dict[str, ModuleConfig],
        default_module: str,
        encoder_parameters: Lazy[EncoderParameters] = Lazy(ParameterGenerator),  # noqa: B008  AllenNLP's way of a default
        unlabelled_domains: Optional[List[str]] = None,
        dropout: float = 0.5,
        tag_scheme: str = "IOBES",
        metric: Lazy[Metric] = Lazy(SeqevalF1),  # noqa: B008
        pretrained_file: Optional[str] = None,
        initializer: Optional[InitializerApplicator] = None,
        regularizer: Optional[RegularizerApplicator] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, tag_scheme, regularizer, **kwargs)
        check_names(tasks, domains, list(heads), modules, default_module, unlabelled_domains or [])
        self.default_module = default_module
        self.unlabelled_domains = list(unlabelled_domains or [])
        self._embedder = text_field_embedder
        self._dropout = torch.nn.Dropout(dropout)
        self._encoder = encoder
        parameters = encoder_parameters.construct(
            tasks=tasks,
            domains=domains,
            num_parameters=encoder.num_parameters,
            hidden_size=encoder.hidden_size,
            initial_scales=encoder.initial_scales,
        )
        self.add_module(self.parameters_name, parameters)
        built = {
            name: head.construct(
                vocab=vocab,
                embedder=text_field_embedder,
                input_dim=encoder.get_output_dim(),
                label_namespaces=[module.label_namespace for module in modules.values() if module.head == name],
                tag_scheme=self.tag_scheme.name,
            )
            for name, head in heads.items()
        }
        self._heads = torch.nn.ModuleDict(built)
        self.branches = {name: Branch(name, module, built[module.head], metric) for name, module in modules.items()}
        self._language_models = [branch for branch in self.branches.values() if branch.head.target_field == "lm_words"]
        if self._language_models:
            check_language_model_inputs(self._language_models[0].name, self._embedder, self._encoder)
        self.labels = self._tagging_head(default_module).labels
        if initializer is not None:
            initializer(self)
        if pretrained_file is not None:
            warm_start(self, pretrained_file, token_axes_of(self))

    @property
    def encoder_parameters(self) -> EncoderParameters:
        """The source of the encoder's weights."""
        parameters: EncoderParameters = getattr(self, self.parameters_name)
        return parameters

    def branch(self, name: str) -> Branch:
        """
        Returns the branch of a module.

        # Raises

        `ConfigurationError`
            If the model has no module of that name.
        """
        if name not in self.branches:
            raise ConfigurationError(
                f"The model has no module '{name}'; it has {', '.join(self.branches)}. Name the data as the model's "
                "'modules' are named."
            )
        return self.branches[name]

    def training_step(self, batches: Sequence[Mapping[str, Any]]) -> ContextManager[Dict[TaskAndDomain, torch.Tensor]]:
        """
        Opens an update with the given batches, whose forward and backward passes take place before it is closed. Since all
        batches are known, the parameters of their encoders are generated together; see `EncoderParameters.step`.
        """
        return self.encoder_parameters.step([self._branch_of(batch).pair for batch in batches])

    def forward(
        self,
        tokens: TextFieldTensors,
        tags: Optional[torch.Tensor] = None,
        lm_words: Optional[TextFieldTensors] = None,
        module_name: Optional[List[str]] = None,
        metadata: Optional[List[Dict[str, Any]]] = None,
        task: Optional[List[str]] = None,
        teacher_probabilities: Optional[torch.Tensor] = None,
        word_weights: Optional[torch.Tensor] = None,
    ) -> Dict[str, Any]:
        """
        # Parameters

        tokens : `TextFieldTensors`
        tags : `torch.Tensor`, optional
            (batch_size, num_words), in the label namespace of the batch's module.
        lm_words : `TextFieldTensors`, optional
            The words that a language model over words predicts.
        module_name : `List[str]`, optional
            The module of each sentence, the same for the whole batch (default = `default_module`).
        metadata : `List[Dict[str, Any]]`, optional
            One dictionary per sentence; "words" is passed on to the output, and "label_namespace" is the namespace of the tags
            (default = the module's).
        task : `List[str]`, optional
            The `module_name` of batches from AllenNLP's own `multitask` data loader.
        teacher_probabilities : `torch.Tensor`, optional
            (batch_size, num_words, num_tags), soft labels, by the indices of `tags`. The module learns from them, and from tags
            in batches without them only.
        word_weights : `torch.Tensor`, optional
            (batch_size, num_words), factors for the words' distillation losses; a word of weight 0 does not count.

        # Returns

        module : its name; loss : scalar, the sum over the batch divided by its number of sentences; mask : (batch_size,
        num_words); logits : (batch_size, num_words, num_tags), if the module is a tagger; words : if there is metadata.
        """
        branch = self._branch_of({"module_name": module_name or task})
        targets = {"tags": tags, "lm_words": None if lm_words is None else lm_words["lm_words"]["tokens"]}
        counted = counted_sentences(metadata)
        namespace = (metadata or [{}])[0].get("label_namespace")
        given = branch.head.prepare(tokens, targets.get(branch.head.target_field))
        inputs, mask = self._inputs(given.tokens), get_text_field_mask(given.tokens)
        states = self._states(branch, inputs, mask)
        output: Dict[str, Any] = {"module": branch.name, "mask": get_text_field_mask(tokens)}
        output.update(branch.read(states, given.mask, given.targets, counted, namespace))
        if teacher_probabilities is not None:
            soft = SoftTargets(teacher_probabilities, word_weights)
            output["loss"] = branch.distil(output, given.mask, soft, counted, namespace)
        if not self.training and targets["lm_words"] is not None:
            for other in self._language_models:
                if other is not branch and other.pair.domain == branch.pair.domain:
                    other.read(self._states(other, inputs, mask), mask, targets["lm_words"], counted)
        if metadata is not None:
            output["words"] = [sentence["words"] for sentence in metadata]
        return output

    def make_output_human_readable(self, output_dict: Dict[str, Any]) -> Dict[str, Any]:
        """Adds the output of `Tagger`, if the batch's module is a tagger, and "module" for each sentence."""
        branch = self.branch(output_dict.get("module", self.default_module))
        if isinstance(branch.head, TaggingHead):
            output_dict = super().make_output_human_readable(output_dict)
        # One entry per sentence: AllenNLP would split a string as long as the batch into one character per sentence.
        output_dict["module"] = [branch.name] * len(output_dict["mask"])
        return output_dict

    def tag_head(self, output: Dict[str, Any]) -> TagHead:
        return self._tagging_head(output.get("module", self.default_module)).tagger

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        """
        Returns the scores of the default module without a prefix ("f1", "f1-PER"), those of the others with the module's name as
        prefix ("ner_source_f1", "lm_target_perplexity"), and the mean loss of those with soft labels
        ("ner_target_distillation_loss"). In training, also the mean loss of each other module ("ner_source_loss",
        "lm_source_sampled_loss") and, from the callback `module_updates`, the mean gradient norm of its encoder's weights
        ("ner_source_gradient_norm").
        """
        scores: Dict[str, float] = {}
        for branch in self.branches.values():
            scores.update(branch.get_metrics(is_default=branch.name == self.default_module, reset=reset))
        return scores

    def calibration_loss(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        """See `Tagger`; the tags are those of the default module."""
        branch = self.branch(self.default_module)
        tags = self._tagging_head(branch.name).head_indices(tags, branch.label_namespace)
        return super().calibration_loss(logits, tags, mask, temperature)

    def _inputs(self, tokens: TextFieldTensors) -> Any:
        """Returns the input of all branches' encoders: by default the word vectors, (batch_size, num_words, dim)."""
        return self._embedder(tokens)

    def _states(self, branch: Branch, inputs: Any, mask: torch.Tensor) -> torch.Tensor:
        """
        Returns the states of a branch's encoder after dropout, (batch_size, num_words, output_dim).

        # Parameters

        branch : `Branch`
        inputs : `Any`
            The output of `_inputs`.
        mask : `torch.BoolTensor`
            (batch_size, num_words)
        """
        raise NotImplementedError

    def _branch_of(self, batch: Mapping[str, Any]) -> Branch:
        names = sorted(set(batch.get("module_name") or [self.default_module]))
        if len(names) > 1:
            raise ConfigurationError(
                f"A batch holds sentences of several modules: {', '.join(names)}. In training use the scheduler "
                "'one_batch_per_module'; validate on one module's files."
            )
        return self.branch(names[0])

    def _tagging_head(self, name: str) -> TaggingHead:
        head = self.branch(name).head
        if not isinstance(head, TaggingHead):
            raise ConfigurationError(f"'default_module' is '{name}', which is a language model, not a tagger.")
        return head
