"""What a config says of a model's modules."""

from typing import Dict, List, Optional

import torch
from allennlp.common import FromParams
from allennlp.common.checks import ConfigurationError


class ModuleConfig(FromParams):
    """
    One task in one domain.

    # Parameters

    task, domain : `str`
        Of the model's `tasks` and `domains`: which LSTM is generated.
    head : `str`
        Of the model's `heads`: how it is read out.
    label_namespace : `Optional[str]`, optional (default = `"{domain}_labels"`)
        Of the reader whose tags the module learns; of no meaning to a language model.
    """

    def __init__(self, task: str, domain: str, head: str, label_namespace: Optional[str] = None) -> None:
        self.task = task
        self.domain = domain
        self.head = head
        self.label_namespace = label_namespace or f"{domain}_labels"


def check_names(
    tasks: List[str],
    domains: List[str],
    heads: List[str],
    modules: Dict[str, ModuleConfig],
    default_module: str,
    unlabelled_domains: List[str],
) -> None:
    """
    Raises a `ConfigurationError` where a module, the default module or an unlabelled domain names what is not there, or a
    head is of no module or has a name that torch has no room for.
    """

    def check(name: str, known: List[str], what: str, where: str) -> None:
        if name not in known:
            raise ConfigurationError(f"{where} is '{name}', and the model's {what} are {', '.join(known) or 'none'}.")

    for module_name, module in modules.items():
        check(module.task, tasks, "tasks", f"The task of module '{module_name}'")
        check(module.domain, domains, "domains", f"The domain of module '{module_name}'")
        check(module.head, heads, "heads", f"The head of module '{module_name}'")
    check(default_module, list(modules), "modules", "'default_module'")
    for domain in unlabelled_domains:
        check(domain, domains, "domains", "One of 'unlabelled_domains'")
    for head in heads:
        check(head, [module.head for module in modules.values()], "modules' heads", "One of 'heads'")
        if "." in head or hasattr(torch.nn.ModuleDict(), head):
            raise ConfigurationError(
                f"One of 'heads' is '{head}', which torch does not take as the name of a model's part. Name it otherwise, such "
                f"as '{head.replace('.', '_')}_head', and its modules' 'head' with it."
            )
